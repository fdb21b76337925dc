"""docs/config.md: every key of the config file, from the models in connector/config."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from connector.config.account import AccountWorkerSettings
from connector.config.keys import variables
from connector.config.model import Settings
from connector.config.sections import WorkerSettings
from connector.planning.model import KeyPath, path_of

INTRODUCTION = """\
# The config file

Generated from the models in `connector/config/` by `make docs`.

One YAML file says everything: `bkc run market connector.yaml`. `bkc check` shows what it means
without any network, `bkc plan` with what the exchange lists. Every command takes the file as `FILE`
or `-c FILE`; without either it reads the one that `BKC_CONFIG_FILE` names, else `connector.yaml`.
`bkc init` writes a file to begin with; more are in [examples/](../examples).

- **Environment.** Variables stand above the file: each key below names its own. Lists and maps are
  written as JSON. A variable that begins with `BKC_` and is no setting is refused; what Kubernetes
  adds for services (`BKC_..._SERVICE_HOST`) is let be.
- **Errors** name file and line (or variable), key, value and cure. Unknown keys are refused.
- **Secrets** are in files, named by the keys that end in `_file`; they are read when they are used.
- **Durations** are written `7d`, `12h`, `30m`, `45s` or `500ms`; **sizes** `256MiB` or `1GB`.
- **Quotes.** YAML wants them around what begins with `!`, `*`, `@` or `{`. `NO` and `ON` need none.

"""
ACCOUNT_INTRODUCTION = """\
# The account worker's config file

Generated from the models in `connector/config/` by `make docs`.

`bkc run account FILE`. It is a file of its own, with its own Kafka user. [config.md](config.md)
says how a file is read: environment, errors, secrets, durations. Keys of the exchange are never in
the file or in a variable, only the names of their files; only their owner may read those (0600).

"""
EXAMPLES = Path(__file__).parent.parent / "examples"
# Sections that are found by their place alone; the rest are named after their key.
_PLACES: dict[KeyPath, str] = {
    ("exchange",): "exchange, as a map of products",
    ("subscriptions",): "subscriptions[]",
    ("subscriptions", "symbols"): "subscriptions[].symbols, as a filter",
    ("accounts",): "accounts[]",
    ("accounts", "streams"): "accounts[].streams",
    ("accounts", "url_forms"): "accounts[].url_forms",
}


def page() -> str:
    """Return docs/config.md."""
    return _page(INTRODUCTION, "everything.yaml", Settings)


def account_page() -> str:
    """Return docs/account-config.md."""
    return _page(ACCOUNT_INTRODUCTION, "account.yaml", AccountWorkerSettings)


def _page(introduction: str, name: str, model: type[WorkerSettings]) -> str:
    schema = model.model_json_schema()
    names = {variable.where: variable.name for variable in variables(model)}
    example = (EXAMPLES / name).read_text(encoding="utf-8")
    parts = [f"{introduction}```yaml\n{example}```\n"]
    for where, section in _sections(schema, (), schema):
        parts += [_heading(where, section), *_table(where, section, names, schema)]
    return "\n".join(parts) + "\n"


def _sections(
    section: dict[str, Any], where: KeyPath, schema: dict[str, Any]
) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """Yield each section with its place: the top first, then those below it in order."""
    yield where, section
    for key, field in section["properties"].items():
        name = _reference(field)
        if name is not None:
            yield from _sections(schema["$defs"][name], (*where, key), schema)


def _reference(field: Any) -> str | None:
    """Return the section that a key's value is, holds, or may be."""
    if isinstance(field, dict):
        if "$ref" in field:
            return str(field["$ref"]).rpartition("/")[2]
        below: Any = [value for key, value in field.items() if key != "default"]
    else:
        below = field if isinstance(field, list) else []
    return next((name for name in map(_reference, below) if name is not None), None)


def _heading(where: KeyPath, section: dict[str, Any]) -> str:
    if not where:
        return "## Top level\n"
    return f"## {_PLACES.get(where, path_of(where))}\n\n{section['description']}\n"


def _table(
    where: KeyPath, section: dict[str, Any], names: dict[KeyPath, str], schema: dict[str, Any]
) -> Iterator[str]:
    yield "| key | value | default | meaning | variable |"
    yield "|---|---|---|---|---|"
    required = section.get("required", [])
    for key, field in section["properties"].items():
        place = (*where, key)
        name = names.get(place) or names.get((*where, "spot", key))
        default = "**required**" if key in required else _default(field)
        meaning = field.get("description") or _meaning(field, schema)
        escaped = meaning.replace("<", "&lt;").replace("*", "\\*")
        variable = f"`{name}`" if name else ""
        yield f"| `{key}` | {_type(field)} | {default} | {escaped} | {variable} |"
    yield ""


def _meaning(field: dict[str, Any], schema: dict[str, Any]) -> str:
    name = _reference(field)
    return "" if name is None else str(schema["$defs"][name]["description"])


def _type(field: dict[str, Any]) -> str:
    """Return in words what may be written."""
    options = field.get("anyOf") or field.get("oneOf")
    if options:
        words = [_type(option) for option in options if option.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "$ref" in field or field.get("type") == "object":
        return "map"
    if field["type"] == "array":
        return f"list of {_type(field['items'])}s"
    return str(field.get("format") or _TYPES[field["type"]]) + _bounds(field)


_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true, false"}


def _bounds(field: dict[str, Any]) -> str:
    """Return the range of a number, duration or size."""
    if field["type"] == "string":
        return f", {field['range']}" if "range" in field else ""
    low = field.get("minimum", field.get("exclusiveMinimum"))
    above = "above " if "exclusiveMinimum" in field else ""
    high = f" to {field['maximum']:,}" if "maximum" in field else " or more"
    return "" if low is None else f", {above}{low}{high}"


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if value in (None, [], {}) or "$ref" in field:
        return ""
    if field.get("format") == "duration":
        return f"`{_duration(TypeAdapter(timedelta).validate_python(value))}`"
    if field.get("format") == "size":
        return f"`{value // 2**20}MiB`"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _duration(value: timedelta) -> str:
    """Return a duration as the config file has it, in the largest unit that it is whole in."""
    units = {"h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
    sizes = {unit: timedelta(**{name: 1}) for unit, name in units.items()}
    unit = next(unit for unit, size in sizes.items() if not value % size)
    return f"{value // sizes[unit]}{unit}"
