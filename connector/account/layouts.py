"""Layouts compiled against the record's schema: which converter a wire value passes. Pure."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.binance.account_events.layout import EventLayout
from connector.codec.primitives import LONG_MAX, LONG_MIN, unscaled
from connector.codec.schema import Field, load
from connector.errors import BadMessage

KIND = "account-event"
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # years 1 to 9999
Convert = Callable[[Any], Any]


class UnfitValue(ValueError):
    """A wire value does not fit its field."""


@dataclass(frozen=True, slots=True)
class FieldTarget:
    """Where a wire value goes.

    Attributes:
        section: Record or array of the record; "": the record itself.
        in_array: The section is an array.
    """

    section: str
    name: str
    convert: Convert
    in_array: bool = False


@dataclass(frozen=True, slots=True)
class ArrayTarget:
    """An array of objects, each an item of `section`; `keys`: wire key -> field and converter."""

    section: str
    keys: dict[str, FieldTarget]


class _Passed:
    """A wire key that no field has, on purpose."""


PASSED = _Passed()
WireTree = dict[str, Any]  # wire key -> WireTree, FieldTarget, ArrayTarget or PASSED


def _text(value: Any) -> str:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UnfitValue from None
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise UnfitValue


def _identifier(value: Any) -> str | None:
    """Return an order's id as text; 0 stands for none."""
    text = _text(value)
    return None if text == "0" else text


def _integer(value: Any) -> int:
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and value.isascii():
        value = int(value) if len(value) <= len(str(LONG_MIN)) else LONG_MAX + 1
    if not isinstance(value, int) or isinstance(value, bool) or not LONG_MIN <= value <= LONG_MAX:
        raise UnfitValue
    return value


def _time(value: Any) -> int | None:
    millis = _integer(value)
    if not _FIRST_MS <= millis <= _LAST_MS:
        raise UnfitValue
    return millis or None


def _decimal(value: Any) -> bytes:
    """Return Avro's bytes of a decimal, which stands quoted or bare on the wire."""
    if isinstance(value, bool | dict | list):
        raise UnfitValue
    try:
        number = unscaled(str(value))
    except BadMessage:
        raise UnfitValue from None
    return number.to_bytes((number.bit_length() + 8) >> 3, "big", signed=True)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UnfitValue
    return value


_CONVERT: Mapping[str, Convert] = {
    "string": _text,
    "long": _integer,
    "timestamp-millis": _time,
    "decimal": _decimal,
    "boolean": _boolean,
}


@functools.cache
def _fields() -> dict[str, Field]:
    """Return the record's fields by the names that layouts give them."""
    found: dict[str, Field] = {}
    for field in load(KIND).fields:
        mark = "[]" if field.type == "array" else ""
        found |= {f"{field.name}{mark}.{item.name}": item for item in field.items}
        if not field.items:
            found[field.name] = field
    return found


def compile_layout(layout: EventLayout) -> WireTree:
    """Return a layout's wire keys as a tree; KeyError: the record has no such field."""
    tree: WireTree = {"e": PASSED}
    for path, name in layout.fields.items():
        node, key = _leaf(tree, path, name)
        section, _, field = name.rpartition(".")
        convert = _identifier if field == "order_id" else _CONVERT[_fields()[name].type]
        is_array = section.endswith("[]")
        node[key] = FieldTarget(section.removesuffix("[]"), field, convert, in_array=is_array)
    for path in (*layout.ignored, *layout.secret):
        node, key = _leaf(tree, path, "")
        node[key] = PASSED
    return tree


def _leaf(tree: WireTree, path: str, name: str) -> tuple[WireTree, str]:
    """Return the object that holds a path's last key, made where it is new, and that key."""
    *parents, key = path.split(".")
    for parent in parents:
        tree = _child(tree, parent, name)
    return tree, key


def _child(node: WireTree, parent: str, name: str) -> WireTree:
    if not parent.endswith("[]"):
        child: WireTree = node.setdefault(parent, {})
        return child
    section = name.partition("[]")[0]
    array: ArrayTarget = node.setdefault(parent.removesuffix("[]"), ArrayTarget(section, {}))
    return array.keys
