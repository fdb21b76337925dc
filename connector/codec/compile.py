"""Turns a Schema into a Codec: a typed, validating JSON decoder and an Avro encoder.

The decoder is a msgspec struct that mirrors the wire; the encoder is Python source made from the
schema, one expression a field, registered with linecache so that tracebacks show its lines.
"""

import linecache
import operator
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from connector.codec import primitives
from connector.codec.decoder import (
    Leaf,
    Path,
    attribute,
    learnable,
    struct_of,
    unknown_keys,
    wire_tree,
)
from connector.codec.encoder import NO_SPAN, ON_WIRE, Span, encoder_source
from connector.codec.schema import Schema
from connector.errors import BadMessage

MAX_LEARNED_KEYS = 64  # more unknown keys than this in one codec are kept, but no longer learned
MAX_SHOWN_CHARACTERS = 80  # characters of it that a person needs to see
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


class SequenceTracker(Protocol):
    """What the generated `observe` calls: a tracker of connector/continuity/."""

    def observe(
        self, first: int, last: int, previous: int | None = None, final: bool = True
    ) -> Any:
        """Return what a span of ids is to its series."""
        ...


class Arbiter(Protocol):
    """What the generated `offer` calls: an arbiter of connector/continuity/."""

    def offer(
        self,
        feed: int,
        first: int,
        last: int,
        previous: int | None,
        item: Any,
        now: float,
        final: bool = True,
    ) -> list[Any]:
        """Return the events that may be published now."""
        ...


class Codec:
    """Decoder and encoder of one kind on connections of one time unit.

    Attributes:
        decode: JSON bytes of one event -> message; raises msgspec.DecodeError for whatever does
            not fit, which `decode_slowly` then sorts out. Replaced when a key is learned.
        encode: (message, prefix, receipt) -> Confluent-framed Avro bytes.
        symbol: message -> the symbol on the wire, None when the stream's name says it.
        market: message -> 1 for a USD-M symbol, 2 for a COIN-M one, None where it is not said.
        record_time: message -> epoch milliseconds of the row's record-time field, or None.
        span: message -> its first and last id, as its series' tracker is told them.
        observe: (tracker, message) -> what the message is to its series.
        offer: (merge, leg, message, item, now) -> what two legs together decide.
        unknown: how often each wire key that the schema does not know has been seen.
    """

    __slots__ = (
        "_learned",
        "_record_time",
        "_span",
        "_symbol",
        "_tree",
        "decode",
        "encode",
        "market",
        "observe",
        "offer",
        "record_time",
        "schema",
        "span",
        "symbol",
        "unit",
        "unknown",
    )

    decode: Callable[[bytes], Any]
    encode: Callable[[Any, bytes, bytes], bytes]
    symbol: Callable[[Any], str | None]
    market: Callable[[Any], int | None]
    record_time: Callable[[Any], int | None]
    span: Callable[[Any], tuple[int, int]]
    observe: Callable[[SequenceTracker, Any], Any]
    offer: Callable[[Arbiter, int, Any, Any, float], list[Any]]

    def __init__(
        self,
        schema: Schema,
        record_time: str = "receive_time",
        unit: str = "ms",
        symbol: str = "wire",
        span: Span = NO_SPAN,
    ) -> None:
        self.schema = schema
        self.unit = unit
        self.unknown: Counter[str] = Counter()
        self._record_time = record_time
        self._symbol = symbol
        self._span = span
        self._learned: dict[Path, Callable[[Any], bytes]] = {}
        self._tree = wire_tree(schema, symbol_required=symbol in ON_WIRE, unit=unit)
        self._compile()

    def _compile(self) -> None:
        source = encoder_source(
            self.schema,
            self.unit,
            self._record_time,
            self._symbol,
            self._span,
            learned=bool(self._learned),
        )
        name = f"<encoder of {self.schema.kind} {id(self):x}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        space: dict[str, Any] = {**_NAMES, "EXTRA": self._extra}
        exec(compile(source, name, "exec"), space)  # noqa: S102 - our own text, from our own schema
        self.encode = space["encode"]
        self.symbol = space["symbol"]
        self.market = space["market"]
        self.record_time = space["record_time"]
        self.span = space["span"]
        self.observe = space["observe"]
        self.offer = space["offer"]
        self.decode = msgspec.json.Decoder(struct_of(self.schema.name, self._tree)).decode

    def decode_slowly(self, raw: bytes) -> Any:
        """Decode what `decode` refused: learn its new keys, or say what is wrong.

        Raises:
            BadMessage: not JSON, not an object, or a key is missing or of the wrong type.
        """
        try:
            loose = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadMessage("json", str(error)) from error
        if not isinstance(loose, dict):
            raise BadMessage("shape", f"a {type(loose).__name__} where an object was expected")
        unknown = dict(unknown_keys(loose, self._tree))
        self._learn(list(unknown))
        if unknown.keys() - self._learned.keys():
            return self._decode_around(loose, unknown)
        try:
            return self.decode(raw)
        except msgspec.DecodeError as error:
            raise _field(error, loose) from error

    def symbol_in(self, raw: bytes) -> str | None:
        """Return the symbol of an event that `decode` refused, where it can be made out."""
        try:
            loose = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        [field] = [one for one in self.schema.fields if one.name == "symbol"]
        found = [loose.get(key) for key in field.wire] if isinstance(loose, dict) else []
        return next((one for one in found if isinstance(one, str)), None)

    def _learn(self, paths: list[Path]) -> None:
        """Take new wire keys into the decoder, so that they cost next to nothing from now on."""
        fresh = [path for path in paths if path not in self._learned and learnable(path)]
        fresh = fresh[: max(0, MAX_LEARNED_KEYS - len(self._learned))]
        if not fresh:
            return
        for path in fresh:
            *parents, key = path
            branch = self._tree
            for parent in parents:
                branch = branch[str(parent)]
            branch[str(key)] = Leaf(msgspec.Raw, learned=True)
            names = [attribute(str(part)) for part in (*parents, key)]
            self._learned[path] = operator.attrgetter(".".join(names))
        self._compile()

    def _decode_around(self, loose: dict[str, Any], unknown: dict[Path, Any]) -> Any:
        """Decode a message with more unknown keys than we care to learn."""
        for path in unknown:
            *parents, key = path
            branch: Any = loose
            for parent in parents:
                branch = branch[parent]
            del branch[key]
        try:
            message = self.decode(msgspec.json.encode(loose))
        except msgspec.ValidationError as error:
            raise _field(error, loose) from error
        message.extra_ = {".".join(map(str, path)): value for path, value in unknown.items()}
        return message

    def _extra(self, message: Any) -> bytes:
        """Return the bytes of `extra`: null, or the JSON object of the unknown keys."""
        found: dict[str, Any] = dict(message.extra_ or {})
        for path, get in self._learned.items():
            if len(value := get(message)):
                found[".".join(map(str, path))] = value
        if not found:
            return b"\x00"
        for name in found:
            self.unknown[name] += 1
        return b"\x02" + primitives.encode_bytes(msgspec.json.encode(found))


def _field(error: msgspec.DecodeError, loose: dict[str, Any]) -> BadMessage:
    """Return what is wrong with a field, and the value it has where that is one alone."""
    value: Any = loose
    place = _PLACE.search(str(error))
    for key in place[1].split(".") if place else ():
        value = value.get(key) if isinstance(value, dict) else None
    alone = place is not None and isinstance(value, str | int | float)
    told = f": {str(value)[:MAX_SHOWN_CHARACTERS]!r}" if alone else ""
    return BadMessage("field", f"{error}{told}")


_PLACE = re.compile(r"at `\$\.([^`\[]+)`$")
