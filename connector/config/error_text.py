"""What pydantic complains of, in words: value and cure; the place is told by `lines.Places`."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from connector.config.keys import known_at, places_of_key
from connector.config.yaml_source import KeyPath
from connector.errors import did_you_mean

# What a value must be, where pydantic's own words name a Python type.
_MUST_BE: Mapping[str, str] = {
    "list_type": "must be a list",
    "dict_type": "must be a map of keys",
    "model_type": "must be a map of keys",
    "string_type": "must be text",
    "path_type": "must be the path of a file",
    "int_parsing": "is no whole number",
    "int_type": "is no whole number",
    "int_from_float": "is no whole number",
    "float_parsing": "is no number",
    "float_type": "is no number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "byte_size": "is no size: write 256MiB or 1GB",
    "byte_size_unit": "is no size: write 256MiB or 1GB",
}


def problems(error: ValidationError) -> list[tuple[KeyPath, str]]:
    """Return the place and the words of everything that is wrong, each once."""
    found = []
    for problem in error.errors(include_url=False, include_input=True):
        where = tuple(part for part in problem["loc"] if not _is_branch(part))
        found.append((where, _words(problem, where)))
    return list(dict.fromkeys(found))


def _is_branch(part: str | int) -> bool:
    """Say whether a piece of pydantic's location names a union's branch, not a key."""
    return isinstance(part, str) and (part.startswith("<") or "[" in part or part in _SCALARS)


_SCALARS = ("str", "int", "float", "bool")


def _words(problem: Any, where: KeyPath) -> str:
    sort, value = problem["type"], problem["input"]
    if sort == "extra_forbidden":
        return unknown(where)
    if sort == "value_error":
        return str(problem["msg"]).removeprefix("Value error, ")
    if sort == "missing":
        return "is missing"
    if value is None or sort in ("too_short", "string_too_short"):
        return "is empty: give a value, or leave it out"
    return f"{_shown(value, where)}{_said(sort, problem['msg'])}{_hint(problem, where)}"


def _hint(problem: Any, where: KeyPath) -> str:
    """Return the cure, where there is one."""
    sort, value = problem["type"], problem["input"]
    if sort == "literal_error":
        allowed = problem["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        near = did_you_mean(str(value), allowed)
        return f"; did you mean {near!r}?" if near else ""
    if sort == "model_type":
        return f": {', '.join(known_at(where))}"
    if sort == "string_type":
        return "; in YAML a {placeholder} wants quotes" if isinstance(value, dict) else "; quote it"
    return ""


def _said(sort: str, message: str) -> str:
    if sort in _MUST_BE:
        return f" {_MUST_BE[sort]}"
    return f": {message.removeprefix('Input ')}"


def _shown(value: object, where: KeyPath) -> str:
    """Return a wrong value; a map or list by its sort alone, librdkafka's not at all.

    Those may hold passwords (`sasl.password`), and no password goes into a text.
    """
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    return "the value" if "librdkafka" in where else repr(value)


def unknown(where: KeyPath) -> str:
    """Say that no such key may stand there, and which was meant."""
    name, known = str(where[-1]), known_at(where[:-1])
    near = did_you_mean(name, known)
    if near:
        return f"unknown key; did you mean {near!r}?"
    elsewhere = places_of_key(name)
    if elsewhere:
        return f"unknown key here; did you mean {' or '.join(elsewhere)}?"
    return f"unknown key; known: {', '.join(known)}"
