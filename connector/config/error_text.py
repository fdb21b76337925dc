"""pydantic's errors in our words: the value and what to write instead."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from connector.config.keys import Model, known_at, paths_of_key
from connector.errors import did_you_mean
from connector.planning.model import Finding, KeyPath

# pydantic's error type -> what the value must be, where its own message names a Python type.
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


def findings(error: ValidationError, root: Model) -> list[Finding]:
    """Return everything that is wrong, each with its place, each once; `root`: the file's model."""
    found = []
    for detail in error.errors(include_url=False, include_input=True):
        where = tuple(part for part in detail["loc"] if not _is_branch(part))
        found.append((where, _message(detail, where, root)))
    return list(dict.fromkeys(found))


def _is_branch(part: str | int) -> bool:
    """Say whether a part of pydantic's location names the branch of a union, not a key."""
    scalars = ("str", "int", "float", "bool")
    return isinstance(part, str) and (part.startswith("<") or "[" in part or part in scalars)


def _message(detail: Any, where: KeyPath, root: Model) -> str:
    error_type, value = detail["type"], detail["input"]
    if error_type == "extra_forbidden":
        return unknown_key(where, root)
    if error_type == "value_error":
        return str(detail["msg"]).removeprefix("Value error, ")
    if error_type == "missing":
        return "is missing"
    if value is None or error_type in ("too_short", "string_too_short"):
        return "is empty: give a value, or leave it out"
    must_be = _MUST_BE.get(error_type)
    complaint = f" {must_be}" if must_be else f": {detail['msg'].removeprefix('Input ')}"
    return f"{_shown(value, where)}{complaint}{_cure(detail, where, root)}"


def _cure(detail: Any, where: KeyPath, root: Model) -> str:
    """Return what to write instead, empty where that is not known."""
    error_type, value = detail["type"], detail["input"]
    if error_type == "literal_error":
        allowed = detail["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        near = did_you_mean(str(value), allowed)
        return f"; did you mean {near!r}?" if near else ""
    if error_type == "model_type":
        return f": {', '.join(known_at(where, root))}"
    if error_type == "list_type" and isinstance(value, dict):
        return ': begin each entry with "- "'
    if error_type == "string_type":
        return "; in YAML a {placeholder} wants quotes" if isinstance(value, dict) else "; quote it"
    return ""


def _shown(value: object, where: KeyPath) -> str:
    """Return a wrong value as a message shows it: no map, no list, nothing of librdkafka's.

    Those may hold passwords (`sasl.password`), and no password goes into a message.
    """
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    return "the value" if "librdkafka" in where else repr(value)


def unknown_key(where: KeyPath, root: Model) -> str:
    """Return that the key may not stand there, and which key may be meant."""
    name, known = str(where[-1]), known_at(where[:-1], root)
    near = did_you_mean(name, known)
    if near:
        return f"unknown key; did you mean {near!r}?"
    elsewhere = paths_of_key(name, root)
    if elsewhere:
        return f"unknown key here; did you mean {' or '.join(elsewhere)}?"
    return f"unknown key; known: {', '.join(known)}"
