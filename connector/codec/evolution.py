"""Whether a schema may follow the released ones: FULL_TRANSITIVE, and more. Pure.

The registry's FULL_TRANSITIVE lets a field stand anywhere and have any default. Here new fields
are nullable, default null, and stand at the end: so a reader with a fixed schema reads newer
records (Spark), and a reader that ignores defaults has NULL in older ones (Flink).
"""

import json
from collections.abc import Iterator
from typing import Any

_SAME = ("type", "name", "namespace")  # of a record; its doc may change


def findings(kind: str, released: str, present: str) -> list[str]:
    """Return a sentence for each change that readers of the released schema would suffer from.

    Both are texts of schemas; from every release on, each is compared with the present one.
    """
    return list(_type(json.loads(released), json.loads(present), kind))


def _type(old: Any, new: Any, path: str) -> Iterator[str]:
    """Yield what makes one type another."""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for old_branch, new_branch in zip(old, new, strict=True):
            yield from _type(old_branch, new_branch, path)
    elif not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{path}: type {_short(old)} became {_short(new)}"
    elif old["type"] == new["type"] == "record":
        yield from _record(old, new, path)
    elif old["type"] == new["type"] == "array":
        yield from _type(old["items"], new["items"], path)
    elif old != new:
        yield f"{path}: type {_short(old)} became {_short(new)}"


def _record(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[str]:
    yield from (
        f"{path}: {key} {old.get(key)!r} became {new.get(key)!r}"
        for key in _SAME
        if old.get(key) != new.get(key)
    )
    fields = {field["name"]: field for field in new["fields"]}
    released = [field["name"] for field in old["fields"]]
    gone = [name for name in released if name not in fields]
    yield from (f"{path}.{name}: was released and is gone" for name in gone)
    if not gone and [*fields][: len(released)] != released:
        moved = next(name for name, at in zip(released, fields, strict=False) if name != at)
        yield f"{path}.{moved}: has moved; the released fields come first, in their order"
    for field in old["fields"]:
        if field["name"] in fields:
            yield from _field(field, fields[field["name"]], f"{path}.{field['name']}")
    for name, field in fields.items():
        if name not in released and not _is_optional(field):
            yield f"{path}.{name}: a new field is nullable with default null"


def _field(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[str]:
    yield from _type(old["type"], new["type"], path)
    if ("default" in old, old.get("default")) != ("default" in new, new.get("default")):
        yield f"{path}: its default has changed"


def _is_optional(field: dict[str, Any]) -> bool:
    nullable = isinstance(field["type"], list) and field["type"][0] == "null"
    return nullable and field.get("default", ...) is None


def _short(avro: Any) -> str:
    text = json.dumps(avro)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - a line
