"""Patterns such as `<symbol>@depth[@<speed>]`: matched against a wire name, and filled in. Pure.

Matching is loose on purpose and checks no value: so stream_name.py can name the wrong one.
"""

import re
from collections.abc import Mapping
from functools import cache

from connector.binance.catalogue.row import Row

# The parts of a pattern that are not literal: `[@100ms]` or `[@<speed>]`, optional and always a
# speed, and `<symbol>`.
_PART = re.compile(r"\[@[^\]]+\]|<(\w+)>")
_KEYWORD = re.compile(r"!?[A-Za-z]*")


def tail(name: str) -> str:
    """Return what follows the symbol: `depth5@100ms` of `btcusdt@depth5@100ms`."""
    return name if name.startswith("!") else name.partition("@")[2] or name


def keyword(name: str) -> str:
    """Return the word by which rows are indexed: `depth` of `btcusdt@depth5@100ms`."""
    found = _KEYWORD.match(tail(name))
    return found.group() if found else ""


@cache
def _pieces(row: Row) -> tuple[tuple[str, str], ...]:
    """Return the pattern as (literal text, parameter behind it) pairs; the last parameter is ""."""
    pieces, end = [], 0
    for part in _PART.finditer(row.pattern):
        pieces.append((row.pattern[end : part.start()], part.group(1) or "speed"))
        end = part.end()
    return (*pieces, (row.pattern[end:], ""))


def parameter_names(row: Row) -> tuple[str, ...]:
    """Return the pattern's parameters, from left to right."""
    return tuple(parameter for _, parameter in _pieces(row) if parameter)


def _is_optional(row: Row, parameter: str) -> bool:
    return "" in row.parameters.get(parameter, ())


@cache
def _expression(row: Row) -> re.Pattern[str]:
    text = ""
    for literal, parameter in _pieces(row):
        text += re.escape(literal)
        if _is_optional(row, parameter):
            text += f"(?:@(?P<{parameter}>[^@]+))?"
        elif parameter:
            text += f"(?P<{parameter}>[^@]+?)"
    return re.compile(text)


def match(row: Row, name: str) -> dict[str, str] | None:
    """Return the values of the row's parameters in this name, unchecked; None: no match."""
    found = _expression(row).fullmatch(name)
    return found and {key: value or "" for key, value in found.groupdict().items()}


def fill_in(row: Row, values: Mapping[str, str]) -> str:
    """Return the wire name with these values as parameters; "" leaves an optional one out."""
    text = ""
    for literal, parameter in _pieces(row):
        value = values[parameter] if parameter else ""
        text += literal
        text += f"@{value}" if value and _is_optional(row, parameter) else value
    return text
