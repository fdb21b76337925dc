"""Patterns such as `<symbol>@depth[@<speed>]`: matched against a wire name, and filled in again.

Never judges a value: expressions are loose on purpose, so that `names` can say what is wrong.
"""

import re
from collections.abc import Mapping
from functools import cache

from connector.binance.catalogue.row import Row

# `[@100ms]` or `[@<speed>]`, then `<symbol>`: what of a pattern is not literal. Whatever may be
# left out is a speed.
_PART = re.compile(r"\[@[^\]]+\]|<(\w+)>")
_KEYWORD = re.compile(r"!?[A-Za-z]*")


def tail(name: str) -> str:
    """What follows the symbol: `depth5@100ms` of `btcusdt@depth5@100ms`."""
    return name if name.startswith("!") else name.partition("@")[2] or name


def keyword(name: str) -> str:
    """The word that picks the few rows worth matching: `depth` of `btcusdt@depth5@100ms`."""
    match = _KEYWORD.match(tail(name))
    return match.group() if match else ""


@cache
def _pieces(row: Row) -> tuple[tuple[str, str], ...]:
    """The pattern as (text before, parameter) pairs; a parameter "" ends it."""
    pieces = []
    end = 0
    for part in _PART.finditer(row.pattern):
        pieces.append((row.pattern[end : part.start()], part.group(1) or "speed"))
        end = part.end()
    return (*pieces, (row.pattern[end:], ""))


def parameter_names(row: Row) -> tuple[str, ...]:
    """The pattern's parameters, from left to right."""
    return tuple(parameter for _, parameter in _pieces(row) if parameter)


def _may_be_left_out(row: Row, parameter: str) -> bool:
    return "" in row.parameters.get(parameter, ())


@cache
def _expression(row: Row) -> re.Pattern[str]:
    text = ""
    for literal, parameter in _pieces(row):
        text += re.escape(literal)
        if _may_be_left_out(row, parameter):
            text += f"(?:@(?P<{parameter}>[^@]+))?"
        elif parameter:
            text += f"(?P<{parameter}>[^@]+?)"
    return re.compile(text)


def match(row: Row, name: str) -> dict[str, str] | None:
    """The values of the row's parameters in this name, not yet judged; None: another shape."""
    found = _expression(row).fullmatch(name)
    return found and {key: value or "" for key, value in found.groupdict().items()}


def fill_in(row: Row, values: Mapping[str, str]) -> str:
    """The wire name with these values in the pattern's places; "" leaves an optional one out."""
    text = ""
    for literal, parameter in _pieces(row):
        value = values[parameter] if parameter else ""
        text += literal
        text += f"@{value}" if value and _may_be_left_out(row, parameter) else value
    return text
