"""Turns a Schema into a Codec: a typed, validating JSON decoder and an Avro encoder.

The decoder is a msgspec struct that mirrors the wire; the encoder is Python source made from the
schema, one expression a field, registered with linecache so that tracebacks show its lines.
"""

import keyword
import linecache
import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from connector.codec import primitives
from connector.codec.schema import Field, Schema
from connector.errors import BadMessage

ON_WIRE = ("wire", "event")  # symbol rules that read the payload
RESERVED = "bkc.extra"  # the wire name of our own attribute, should one ever come
LEARNED_KEYS = 64  # more unknown keys than this in one codec are kept, but no longer learned
Path = tuple[str | int, ...]  # wire keys from the outside in, positions inside arrays
# Head fields whose bytes the caller brings: `prefix` (per series) and `receipt` (per read).
PREFIX = ("symbol", "product", "stream_name")
RECEIPT = ("receive_time", "receive_time_us", "origin", "gap_id")

_LONG = Annotated[int, msgspec.Meta(ge=primitives.LONG_MIN, le=primitives.LONG_MAX)]
_INT = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_WIRE_TYPES: dict[str, Any] = {
    "string": str,
    "decimal": str,
    "long": _LONG,
    "int": _INT,
    "timestamp-millis": _LONG,
    "boolean": bool,
}
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

    Attributes:
        decode: JSON bytes of one event -> message; raises msgspec.DecodeError for whatever does
            not fit, which `decode_slowly` then sorts out. Replaced when a key is learned.
        encode: (message, prefix, receipt) -> Confluent-framed Avro bytes.
        symbol: message -> the symbol on the wire, None when the stream's name says it.
        market: message -> 1 for a USD-M symbol, 2 for a COIN-M one, None where it is not said.
        record_time: message -> epoch milliseconds of the row's record-time field, or None.
        unknown: how often each wire key that the schema does not know has been seen.
    """

    __slots__ = (
        "_learned",
        "_record_time",
        "_symbol",
        "_tree",
        "decode",
        "encode",
        "market",
        "record_time",
        "schema",
        "symbol",
        "unit",
        "unknown",
    )

    decode: Callable[[bytes], Any]
    encode: Callable[[Any, bytes, bytes], bytes]
    symbol: Callable[[Any], str | None]
    market: Callable[[Any], int | None]
    record_time: Callable[[Any], int | None]

    def __init__(
        self,
        schema: Schema,
        record_time: str = "receive_time",
        unit: str = "ms",
        symbol: str = "wire",
    ) -> None:
        self.schema = schema
        self.unit = unit
        self.unknown: Counter[str] = Counter()
        self._record_time = record_time
        self._symbol = symbol
        self._learned: dict[Path, Callable[[Any], bytes]] = {}
        self._tree = wire_tree(schema, symbol_required=symbol in ON_WIRE)
        self._compile()

    def _compile(self) -> None:
        source = encoder_source(
            self.schema, self.unit, self._record_time, self._symbol, learned=bool(self._learned)
        )
        name = f"<encoder of {self.schema.kind} {id(self):x}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        space: dict[str, Any] = {**_NAMES, "EXTRA": self._extra}
        exec(compile(source, name, "exec"), space)  # noqa: S102 - our own text, from our own schema
        self.encode = space["encode"]
        self.symbol = space["symbol"]
        self.market = space["market"]
        self.record_time = space["record_time"]
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
        unknown = dict(_unknown(loose, self._tree))
        self._learn(list(unknown))
        if unknown.keys() - self._learned.keys():
            return self._decode_around(loose, unknown)
        try:
            return self.decode(raw)
        except msgspec.DecodeError as error:
            raise BadMessage("field", str(error)) from error

    def _learn(self, paths: list[Path]) -> None:
        """Take new wire keys into the decoder, so that they cost next to nothing from now on."""
        fresh = [path for path in paths if path not in self._learned and _learnable(path)]
        fresh = fresh[: max(0, LEARNED_KEYS - len(self._learned))]
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
            raise BadMessage("field", str(error)) from error
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


@dataclass(slots=True)
class Leaf:
    """A wire key's place in the decoder: its type, whether it must be there, or was learned;
    of an array of objects, their keys.
    """

    type: Any
    required: bool = False
    learned: bool = False
    items: "Tree | None" = None


Tree = dict[str, Any]  # wire key -> Leaf, or the Tree of a nested object


def wire_tree(schema: Schema, *, symbol_required: bool) -> Tree:
    """Return the wire keys of a kind as a tree, `k.t` being key `t` inside object `k`."""
    tree: Tree = {}
    for field in schema.fields:
        required = not field.nullable and len(field.wire) == 1
        if field.name == "symbol":
            required = required and symbol_required
        items = _items_tree(field)
        for path in field.wire:
            _plant(tree, str(path), Leaf(_wire_type(field), required=required, items=items))
    for path in schema.ignored:
        _plant(tree, path, Leaf(Any))
    return tree


def _plant(tree: Tree, path: str, leaf: Leaf) -> None:
    *parents, key = path.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    if key in tree:  # two fields of one key (event_time and event_time_us): the stricter stands
        leaf.required = leaf.required or tree[key].required
    tree[key] = leaf


def _wire_type(field: Field) -> Any:
    if field.number:
        return msgspec.Raw
    if field.type != "array":
        return _WIRE_TYPES[field.type]
    if (tree := _items_tree(field)) is not None:
        return list[struct_of(field.name, tree)]  # type: ignore[misc]
    return list[tuple[tuple(_WIRE_TYPES[item.type] for item in field.items)]]  # type: ignore[misc]


def _items_tree(field: Field) -> Tree | None:
    """Return the keys of the objects in an array; None for arrays of pairs and for no array."""
    if not field.items or isinstance(field.items[0].wire[0], int):
        return None
    tree: Tree = {}
    for item in field.items:
        _plant(tree, str(item.wire[0]), Leaf(_wire_type(item), required=not item.nullable))
    return tree


def _learnable(path: Path) -> bool:
    """Say whether a key can join the decoder: none inside an array, none msgspec cannot name."""
    return path != (RESERVED,) and all(
        isinstance(part, str) and _NAMEABLE.fullmatch(part) for part in path
    )


_NAMEABLE = re.compile(r'[^"\\\x00-\x1f]+')


def attribute(key: str) -> str:
    """Return the struct attribute for a wire key, which may be no Python name."""
    plain = key.isidentifier() and key.isascii() and not keyword.iskeyword(key)
    if plain and not key.startswith(("_", "key_")) and key != "extra_":
        return key
    return "key_" + key.encode().hex()


def struct_of(name: str, tree: Tree) -> type[msgspec.Struct]:
    """Return a msgspec struct for a tree of wire keys; unknown keys are refused for free."""
    fields: list[Any] = []
    for key, leaf in tree.items():
        if isinstance(leaf, dict):
            fields.append((attribute(key), struct_of(f"{name}_{key}", leaf)))
        elif leaf.learned or (leaf.type is msgspec.Raw and not leaf.required):
            fields.append((attribute(key), msgspec.Raw, msgspec.field(default=msgspec.Raw())))
        elif leaf.required:
            fields.append((attribute(key), leaf.type))
        else:
            fields.append((attribute(key), leaf.type | None, None))
    fields.append(("extra_", None, None))  # set by _decode_around; on the wire only null fits
    rename = {attribute(key): key for key in tree} | {"extra_": RESERVED}
    return msgspec.defstruct(
        name, fields, kw_only=True, forbid_unknown_fields=True, gc=False, rename=rename
    )


def _unknown(loose: dict[str, Any], tree: Tree, above: Path = ()) -> Iterator[tuple[Path, Any]]:
    for key, value in loose.items():
        known = tree.get(key)
        if known is None:
            yield (*above, key), value
        elif isinstance(known, dict) and isinstance(value, dict):
            yield from _unknown(value, known, (*above, key))
        elif isinstance(known, Leaf) and known.items is not None and isinstance(value, list):
            for position, item in enumerate(value):
                if isinstance(item, dict):
                    yield from _unknown(item, known.items, (*above, key, position))


def encoder_source(
    schema: Schema, unit: str, record_time: str, symbol: str, *, learned: bool
) -> str:
    """Return the Python source of a kind's `encode`, `symbol` and `record_time`."""
    parts: list[str] = []
    functions: list[str] = []
    for field in schema.fields:
        if field.name == PREFIX[0]:
            parts.append("prefix")
        elif field.name == RECEIPT[0]:
            parts.append("receipt")
        elif field.name == "extra":
            parts.append("EXTRA(m)" if learned else 'b"\\x00" if m.extra_ is None else EXTRA(m)')
        elif field.type == "array":
            functions.append(_array_source(field))
            value = _value(field)
            absent = f'b"\\x00" if {value} is None else b"\\x02" + ' if field.nullable else ""
            parts.append(f"{absent}{field.name}({value})")
        elif field.name not in PREFIX + RECEIPT:
            parts.append(_expression(field, _value(field), unit))
    by_name = {field.name: field for field in schema.fields}
    time = by_name[record_time]
    millis = f"{_value(time)}" + (" // 1000" if unit == "us" else "") if time.wire else "None"
    named = _value(by_name["symbol"]) if symbol in ON_WIRE else "None"
    named = f"MARKET({named})" if symbol == "event" else named
    kind = _value(by_name["symbol_type"]) if "symbol_type" in by_name else "None"
    return (
        "\n".join(functions)
        + "\ndef encode(m, prefix, receipt):\n    return JOIN((\n        "
        + ",\n        ".join(parts)
        + ",\n    ))\n"
        + f"\ndef symbol(m):\n    return {named}\n"
        + f"\ndef market(m):\n    return {kind}\n"
        + f"\ndef record_time(m):\n    return {millis}\n"
    )


def _value(field: Field) -> str:
    """Return the expression for a field's wire value: the first of its keys that is there."""
    paths = [
        ".".join(["m", *(attribute(key) for key in str(path).split("."))]) for path in field.wire
    ]
    text = paths[-1]
    for path in reversed(paths[:-1]):
        text = f"({path} if {path} is not None else {text})"
    if len(paths) > 1 and not field.nullable and field.name != PREFIX[0]:
        text = f"NEEDED({text}, {' or '.join(map(str, field.wire))!r})"
    return text


def _expression(field: Field, value: str, unit: str) -> str:
    """Return the expression for a field's bytes, the union's branch in front when nullable."""
    if field.unit == "us":
        return (
            f'b"\\x00" if {value} is None else b"\\x02" + LONG({value})'
            if unit == "us"
            else 'b"\\x00"'
        )
    if field.type == "timestamp-millis" and unit == "us":
        encoded = f"LONG({value} // 1000)"
    else:
        encoded = ("NUMBER({0})" if field.number else _ENCODED[field.type]).format(value)
    if not field.nullable:
        return encoded
    absent = f"{value} is None" + (f' or {value} == ""' if field.type == "decimal" else "")
    return f'b"\\x00" if {absent} else b"\\x02" + {encoded}'


_ENCODED = {
    "string": "(KNOWN_STRING({0}) or STRING({0}))",
    "decimal": "(KNOWN({0}) or DECIMAL({0}))",
    "long": "LONG({0})",
    "int": "LONG({0})",
    "timestamp-millis": "LONG({0})",
    "boolean": '(b"\\x01" if {0} else b"\\x00")',
}


def _array_source(field: Field) -> str:
    """Return a function that writes an array as one block: count, items, 0."""
    if all(isinstance(item.wire[0], int) for item in field.items):
        names = [f"v{position}" for position in range(len(field.items))]
        target, values = ", ".join(names), names
    else:
        target, values = "i", [f"i.{attribute(str(item.wire[0]))}" for item in field.items]
    encoded = [
        f"        add({_expression(item, value, 'ms')})"
        for item, value in zip(field.items, values, strict=True)
    ]
    return "\n".join(
        [
            f"def {field.name}(items):",
            "    if not items:",
            '        return b"\\x00"',
            "    out = [LONG(len(items))]",
            "    add = out.append",
            f"    for {target} in items:",
            *encoded,
            '    add(b"\\x00")',
            "    return JOIN(out)",
            "",
        ]
    )
