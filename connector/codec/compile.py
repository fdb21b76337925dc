"""`Codec`: a validating JSON decoder and an Avro encoder, both compiled from a schema. Pure.

The decoder is a msgspec struct that mirrors the wire; the encoder is Python source generated from
the schema, one expression a field, registered with linecache so that tracebacks show its lines.
"""

import functools
import linecache
import operator
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from connector.codec import decoder, primitives
from connector.codec.encoder import NO_SPAN, ON_WIRE, SpanFields, encoder_source
from connector.codec.native.layout import Layout, layout_of
from connector.codec.schema import Schema
from connector.errors import BadMessage

MAX_LEARNED_KEYS = 64  # of one codec; the values of further unknown keys are kept more slowly
MAX_SHOWN_CHARACTERS = 80  # of a wrong value, in the error's text
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_PATH = re.compile(r"at `\$\.([^`\[]+)`$")  # in msgspec's error texts
# Functions of the generated source, by the names of the attributes that hold them.
_GENERATED = ("encode", "symbol", "symbol_type", "record_time", "span", "observe", "offer")
# What the generated source calls, by the names it uses.
_NAMES = {
    "JOIN": b"".join,
    "LONG": primitives.encode_long,
    "KNOWN": primitives.known_decimal,
    "DECIMAL": primitives.encode_decimal,
    "KNOWN_STRING": primitives.known_string,
    "STRING": primitives.encode_string,
    "NUMBER": primitives.encode_number,
    "MARKET": primitives.market_of,
    "NEEDED": primitives.needed,
}


class Codec:
    """Decoder and encoder of one kind on connections of one time unit.

    `unknown` counts each wire key that the schema does not have.
    """

    # What compiled code needs to do the same; None: it cannot. Replaced when a key is learned.
    layout: Layout | None
    # JSON bytes of one event -> message. It raises msgspec.DecodeError for whatever does not fit:
    # call `decode_slowly` then. Replaced when a key is learned.
    decode: Callable[[bytes], Any]
    # (message, prefix, receipt) -> Confluent-framed Avro bytes
    encode: Callable[[Any, bytes, bytes], bytes]
    # message -> the symbol on the wire; None where the stream's name fixes it
    symbol: Callable[[Any], str | None]
    # message -> 1 for a USD-M symbol, 2 for a COIN-M symbol, None: not on the wire
    symbol_type: Callable[[Any], int | None]
    # message -> epoch milliseconds of the row's record-time field, or None
    record_time: Callable[[Any], int | None]
    # message -> its first and last id, as `observe` passes them to a tracker
    span: Callable[[Any], tuple[int, int]]
    # (sequence tracker, message) -> the tracker's verdict
    observe: Callable[[Any, Any], Any]
    # (arbiter, feed, message, item, now) -> the arbiter's decisions
    offer: Callable[[Any, int, Any, Any, float], list[Any]]

    def __init__(
        self,
        schema: Schema,
        record_time: str = "receive_time",
        unit: str = "ms",
        symbol: str = "wire",
        span: SpanFields = NO_SPAN,
    ) -> None:
        self.schema = schema
        self.unknown: Counter[str] = Counter()
        self.unit = unit
        self._rules = record_time, symbol, span
        self._learned: dict[decoder.Path, Callable[[Any], bytes]] = {}
        self._tree = decoder.wire_tree(schema, symbol_required=symbol in ON_WIRE, unit=unit)
        self._compile()

    def _compile(self) -> None:
        source = encoder_source(self.schema, self.unit, *self._rules, learned=bool(self._learned))
        file = f"<encoder of {self.schema.kind} {id(self):x}>"
        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        space: dict[str, Any] = {**_NAMES, "EXTRA": self._extra}
        exec(compile(source, file, "exec"), space)  # noqa: S102 - our own text, from our own schema
        for name in _GENERATED:
            setattr(self, name, space[name])
        self.decode = msgspec.json.Decoder(decoder.struct_of(self.schema.name, self._tree)).decode
        self.layout = layout_of(self.schema, self.unit, self._rules, self._tree, self._learned)

    def decode_slowly(self, raw: bytes) -> Any:
        """Decode a payload that `decode` refused, and learn the keys that are new in it.

        Raises:
            BadMessage: not JSON, nested too deeply, not an object, a key missing or of wrong type.
        """
        try:
            loose = msgspec.json.decode(raw)
        except _NOT_JSON as error:
            raise BadMessage("json", str(error)) from error
        if not isinstance(loose, dict):
            raise BadMessage("shape", f"a {type(loose).__name__} where an object was expected")
        unknown = dict(decoder.unknown_keys(loose, self._tree))
        self._learn(list(unknown))
        if unknown.keys() - self._learned.keys():
            return self._decode_around(loose, unknown)
        try:
            return self.decode(raw)
        except msgspec.DecodeError as error:
            raise _field(error, loose) from error

    def symbol_in(self, raw: bytes) -> str | None:
        """Return the symbol of a payload that `decode` refused; None where it cannot be found."""
        try:
            loose = msgspec.json.decode(raw)
        except _NOT_JSON:
            return None
        [symbol] = [field for field in self.schema.fields if field.name == "symbol"]
        values = [loose.get(key) for key in symbol.wire] if isinstance(loose, dict) else []
        return next((value for value in values if isinstance(value, str)), None)

    def _learn(self, paths: list[decoder.Path]) -> None:
        """Add new wire keys to the decoder: from now on they cost almost nothing."""
        fresh = [path for path in paths if path not in self._learned and decoder.learnable(path)]
        fresh = fresh[: max(0, MAX_LEARNED_KEYS - len(self._learned))]
        if not fresh:
            return
        for path in fresh:
            *parents, key = path
            branch = functools.reduce(operator.getitem, map(str, parents), self._tree)
            branch[str(key)] = decoder.Leaf(msgspec.Raw, learned=True)
            name = ".".join(decoder.attribute(str(part)) for part in path)
            self._learned[path] = operator.attrgetter(name)
        self._compile()

    def _decode_around(self, loose: dict[str, Any], unknown: dict[decoder.Path, Any]) -> Any:
        """Decode a message with unknown keys beyond those that are learned."""
        for path in unknown:
            *parents, key = path
            parent: Any = functools.reduce(operator.getitem, parents, loose)  # type: ignore[arg-type]
            del parent[key]
        try:
            message = self.decode(msgspec.json.encode(loose))
        except msgspec.ValidationError as error:
            raise _field(error, loose) from error
        message.extra_ = {".".join(map(str, path)): value for path, value in unknown.items()}
        return message

    def _extra(self, message: Any) -> bytes:
        """Return the bytes of `extra`: null, or a JSON object of the unknown keys' values."""
        extra: dict[str, Any] = dict(message.extra_ or {})
        for path, get in self._learned.items():
            if len(value := get(message)):
                extra[".".join(map(str, path))] = value
        if not extra:
            return b"\x00"
        for key in extra:
            self.unknown[key] += 1
        return b"\x02" + primitives.encode_bytes(msgspec.json.encode(extra))


def _field(error: msgspec.DecodeError, loose: dict[str, Any]) -> BadMessage:
    """Return the error of a wrong field: its path, and its value where that is a scalar."""
    value: Any = loose
    path = _PATH.search(str(error))
    for key in path[1].split(".") if path else ():
        value = value.get(key) if isinstance(value, dict) else None
    is_scalar = path is not None and isinstance(value, str | int | float)
    shown = f": {str(value)[:MAX_SHOWN_CHARACTERS]!r}" if is_scalar else ""
    return BadMessage("field", f"{error}{shown}")
