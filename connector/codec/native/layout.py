"""A codec's layout: all that `bkc_native` needs to transcode its events as the codec does. Pure.

Made from what the decoder and the encoder are made from. `src/layout.rs` has the same classes and
attributes by the same names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connector.codec import decoder, primitives
from connector.codec.encoder import ON_WIRE, PREFIX, RECEIPT, SpanFields
from connector.codec.schema import Field, Schema

_LONGS = (primitives.LONG_MIN, primitives.LONG_MAX)
_RANGES = {"long": _LONGS, "int": (-(2**31), 2**31 - 1)}
_FORMS = {"string": "text", "decimal": "text", "boolean": "boolean"}
_OPS = {"string": "text", "decimal": "decimal", "boolean": "boolean", "array": "array"}


@dataclass(frozen=True, slots=True)
class Source:
    """The slots of a field's wire keys; the first that is present counts.

    in_us: the value is a time in microseconds, wanted in milliseconds.
    """

    slots: tuple[int, ...] = ()
    in_us: bool = False


@dataclass(frozen=True, slots=True)
class FieldOp:
    """How one field of a record is written: `op` names what `src/transcoder.rs` writes."""

    op: str
    nullable: bool = False
    zero_is_null: bool = False
    source: Source = Source()


@dataclass(frozen=True, slots=True)
class WireKey:
    """A key of a JSON object, or a place of a pair.

    Attributes:
        form: text, integer, boolean, object, pairs, objects, ignored or learned.
        slot: Where its value goes.
        least, most: Bounds of an integer.
        keys: Of an object, or of each item of an array.
        items: Fields of each item of an array.
    """

    name: str
    form: str
    slot: int = 0
    required: bool = False
    least: int = 0
    most: int = 0
    keys: tuple["WireKey", ...] = ()
    items: tuple[FieldOp, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The wire keys of a codec, the fields of its record, and where ids and times are.

    `learned` are the keys that the codec has learned, in its order: name in `extra`, slot.
    """

    keys: tuple[WireKey, ...]
    slots: int
    fields: tuple[FieldOp, ...]
    symbol: Source | None
    record_time: Source | None
    first: Source | None
    last: Source | None
    previous: Source | None
    is_final: Source | None
    learned: tuple[tuple[str, int], ...]


def layout_of(
    schema: Schema,
    unit: str,
    rules: tuple[str, str, SpanFields],
    tree: decoder.Tree,
    learned: Iterable[decoder.Path],
) -> Layout | None:
    """Return the layout of a codec; None: its kind has something that is left to Python.

    Args:
        schema: The kind's schema.
        unit: Unit of the times on the wire, ms or us.
        rules: Field of the record time, symbol rule, and fields of the ids: as of the codec.
        tree: The decoder's wire keys.
        learned: Those of them that were learned, in order.
    """
    record_time, symbol, span = rules
    if symbol == "event" or not all(map(_is_covered, schema.fields)):
        return None
    slots = {path: slot for slot, path in enumerate(_paths(tree))}
    by_name = {field.name: field for field in schema.fields}
    by_path = {str(path): field for field in schema.fields for path in field.wire}

    def source(name: str | None, *, is_edge: bool = True) -> Source | None:
        field = by_name.get(name or "")
        if field is None or not field.wire:
            return None
        is_time = field.type == "timestamp-millis"
        return _source(field, slots, in_us=is_edge and is_time and unit == "us")

    return Layout(
        keys=tuple(_keys(tree, "", slots, by_path, unit)),
        slots=len(slots),
        fields=tuple(_field_ops(schema.fields, slots, unit)),
        symbol=source("symbol", is_edge=False) if symbol in ON_WIRE else None,
        record_time=_record_time(by_name[record_time], slots, unit),
        first=source(span[0]),
        last=source(span[1]),
        previous=source(span[2], is_edge=False),
        is_final=source(span[3], is_edge=False),
        learned=tuple((name, slots[name]) for name in map(_joined, learned)),
    )


def _is_covered(field: Field) -> bool:
    """Return whether it is neither a decimal as JSON number, nor an array of texts or arrays."""
    flat = not any(item.number or item.type == "array" for item in field.items)
    return not field.number and flat and (field.type != "array" or bool(field.items))


def _joined(path: Sequence[str | int]) -> str:
    return ".".join(map(str, path))


def _paths(tree: decoder.Tree, above: str = "") -> Iterable[str]:
    """Yield the path of each leaf."""
    for key, leaf in tree.items():
        if isinstance(leaf, dict):
            yield from _paths(leaf, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _keys(
    tree: decoder.Tree, above: str, slots: dict[str, int], by_path: dict[str, Field], unit: str
) -> Iterable[WireKey]:
    for key, leaf in tree.items():
        path = f"{above}{key}"
        if isinstance(leaf, dict):
            below = tuple(_keys(leaf, f"{path}.", slots, by_path, unit))
            yield WireKey(key, "object", required=True, keys=below)
        elif leaf.learned:
            yield WireKey(key, "learned", slots[path])
        elif path in by_path:
            yield _wire_key(key, by_path[path], slots[path], required=leaf.required, unit=unit)
        else:
            yield WireKey(key, "ignored")


def _wire_key(name: str, field: Field, slot: int, *, required: bool, unit: str) -> WireKey:
    if field.type != "array":
        least, most = _range(field, unit)
        form = _FORMS.get(field.type, "integer")
        return WireKey(name, form, slot, required, least, most)
    names = [str(item.wire[0]) for item in field.items]
    keys = tuple(
        _wire_key(names[place], item, place, required=not item.nullable, unit="ms")
        for place, item in enumerate(field.items)
    )
    form = "pairs" if isinstance(field.items[0].wire[0], int) else "objects"
    own_slots = {key: place for place, key in enumerate(names)}
    items = tuple(_field_ops(field.items, own_slots, "ms"))
    return WireKey(name, form, slot, required, keys=keys, items=items)


def _range(field: Field, unit: str) -> tuple[int, int]:
    """Return the bounds that the decoder has for a field."""
    if field.type == "timestamp-millis" or field.unit == "us":
        return decoder.TIME_RANGES[unit]
    return _RANGES.get(field.type, (0, 0))


def _source(field: Field, slots: dict[str, int], *, in_us: bool) -> Source:
    return Source(tuple(slots[str(path)] for path in field.wire), in_us)


def _record_time(field: Field, slots: dict[str, int], unit: str) -> Source | None:
    return _source(field, slots, in_us=unit == "us") if field.wire else None


def _field_ops(fields: Sequence[Field], slots: dict[str, int], unit: str) -> Iterable[FieldOp]:
    for field in fields:
        if field.name == PREFIX[0]:
            yield FieldOp("prefix")
        elif field.name == RECEIPT[0]:
            yield FieldOp("receipt")
        elif field.name == "extra":
            yield FieldOp("extra")
        elif field.name not in PREFIX + RECEIPT:
            yield _field_op(field, slots, unit)


def _field_op(field: Field, slots: dict[str, int], unit: str) -> FieldOp:
    is_time = field.type == "timestamp-millis"
    if field.unit == "us":
        if unit != "us":
            return FieldOp("null", nullable=True)
        return FieldOp("long", nullable=True, source=_source(field, slots, in_us=False))
    source = _source(field, slots, in_us=is_time and unit == "us")
    op = _OPS.get(field.type, "long")
    return FieldOp(op, field.nullable, is_time and field.nullable, source)
