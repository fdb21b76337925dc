"""A kind's wire keys as a tree, and the msgspec struct that decodes them. Pure."""

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from connector.codec import primitives
from connector.codec.schema import Field, Schema

RESERVED = "bkc.extra"  # the struct's wire name for `extra_`, which is set by us alone
_NAMEABLE = re.compile(r'[^"\\\x00-\x1f]+')
Path = tuple[str | int, ...]  # wire keys from the outside in, positions inside arrays

_LONG = Annotated[int, msgspec.Meta(ge=primitives.LONG_MIN, le=primitives.LONG_MAX)]
_INT = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_WIRE_TYPES = {"string": str, "decimal": str, "long": _LONG, "int": _INT, "boolean": bool}
# Years 1 to 9999: readers cannot represent other times.
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999
TIME_RANGES = {
    "ms": (_FIRST_MS, _LAST_MS),
    "us": (_FIRST_MS * 1000, _LAST_MS * 1000 + 999),
}
_TIMES: dict[str, Any] = {
    unit: Annotated[int, msgspec.Meta(ge=least, le=most)]
    for unit, (least, most) in TIME_RANGES.items()
}


@dataclass(slots=True)
class Leaf:
    """A wire key in the decoder."""

    type: Any  # for msgspec
    required: bool = False  # a payload without the key is refused
    learned: bool = False  # the schema has no such key; it was seen on the wire
    items: "Tree | None" = None  # keys of the objects in an array; None: not an array of objects


Tree = dict[str, Any]  # wire key -> Leaf, or the Tree of a nested object


def wire_tree(schema: Schema, *, symbol_required: bool, unit: str = "ms") -> Tree:
    """Return the wire keys of a kind as a tree, `k.t` being key `t` inside object `k`."""
    tree: Tree = {}
    for field in schema.fields:
        on_wire = field.name != "symbol" or symbol_required
        required = on_wire and not field.nullable and len(field.wire) == 1
        items = _items_tree(field)
        for path in field.wire:
            _insert(tree, str(path), Leaf(_wire_type(field, unit), required=required, items=items))
    for path in schema.ignored:
        _insert(tree, path, Leaf(Any))
    return tree


def _insert(tree: Tree, path: str, leaf: Leaf) -> None:
    *parents, key = path.split(".")
    for parent in parents:
        tree = tree.setdefault(parent, {})
    if key in tree:  # two fields of one key (event_time and event_time_us): the stricter one wins
        leaf.required = leaf.required or tree[key].required
    tree[key] = leaf


def _wire_type(field: Field, unit: str) -> Any:
    if field.type == "timestamp-millis" or field.unit == "us":
        return _TIMES[unit]
    if field.number:
        return msgspec.Raw
    if field.type != "array":
        return _WIRE_TYPES[field.type]
    if (tree := _items_tree(field)) is not None:
        return list[struct_of(field.name, tree)]  # type: ignore[misc]
    return list[tuple[tuple(_wire_type(item, "ms") for item in field.items)]]  # type: ignore[misc]


def _items_tree(field: Field) -> Tree | None:
    """Return the keys of the objects in an array; None: an array of pairs, or no array."""
    if not field.items or isinstance(field.items[0].wire[0], int):
        return None
    tree: Tree = {}
    for item in field.items:
        _insert(tree, str(item.wire[0]), Leaf(_wire_type(item, "ms"), required=not item.nullable))
    return tree


def learnable(path: Path) -> bool:
    """Return whether a key can be added to the decoder: outside arrays, and msgspec can name it."""
    return path != (RESERVED,) and all(
        isinstance(part, str) and _NAMEABLE.fullmatch(part) for part in path
    )


def attribute(key: str) -> str:
    """Return the struct attribute of a wire key, which may not be a Python name."""
    is_name = key.isidentifier() and key.isascii() and not keyword.iskeyword(key)
    if is_name and not key.startswith(("_", "key_")) and key != "extra_":
        return key
    return "key_" + key.encode().hex()


def struct_of(name: str, tree: Tree) -> type[msgspec.Struct]:
    """Return the msgspec struct of a tree of wire keys; it refuses unknown keys."""
    fields: list[Any] = [("extra_", None, None)]  # set by the codec; on the wire only null fits
    for key, leaf in tree.items():
        if isinstance(leaf, dict):
            fields.append((attribute(key), struct_of(f"{name}_{key}", leaf)))
        elif leaf.learned or (leaf.type is msgspec.Raw and not leaf.required):
            fields.append((attribute(key), msgspec.Raw, msgspec.field(default=msgspec.Raw())))
        elif leaf.required:
            fields.append((attribute(key), leaf.type))
        else:
            fields.append((attribute(key), leaf.type | None, None))
    rename = {attribute(key): key for key in tree} | {"extra_": RESERVED}
    return msgspec.defstruct(
        name, fields, kw_only=True, forbid_unknown_fields=True, gc=False, rename=rename
    )


def unknown_keys(loose: dict[str, Any], tree: Tree, above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the keys of a decoded object that the tree lacks, with their values."""
    for key, value in loose.items():
        known = tree.get(key)
        if known is None:
            yield (*above, key), value
        elif isinstance(known, dict) and isinstance(value, dict):
            yield from unknown_keys(value, known, (*above, key))
        elif isinstance(known, Leaf) and known.items is not None and isinstance(value, list):
            for position, item in enumerate(value):
                if isinstance(item, dict):
                    yield from unknown_keys(item, known.items, (*above, key, position))
