"""Wire names of streams: parsed into a catalogue row and its parameters, and printed again. Pure.

Binance acknowledges a subscription to any name and sends no data for a wrong one (measured
2026-07-30), so every error that can be seen without the exchange is refused here. Whether a symbol
is listed is not checked.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from connector.binance.catalogue import ROWS, rows_of, subscribable
from connector.binance.catalogue.row import Row
from connector.binance.notation import binance_symbol
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_pattern import fill_in, keyword, match, parameter_names, tail
from connector.binance.suggest import nearest, nearest_elsewhere
from connector.errors import Refused

# Futures and spot symbols may be non-ASCII since 2025. Excluded: separators of names, quotes,
# blanks, and the signs of placeholders and globs.
_NOT_IN_A_SYMBOL = re.compile(r"""[\x00-\x20\x7f\s@!"'`/\\<>\[\]?&,*:]""")
_DATE = re.compile(r"[0-9]{6}")
MAX_NAME_BYTES = 500  # the longest that are listed have under 60; one request must hold any name


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream: a catalogue row and a value for each parameter, "" where it is left out."""

    product: Product
    row: Row
    parameters: Mapping[str, str]

    def __hash__(self) -> int:
        return hash((self.product, self.name))

    @property
    def name(self) -> str:
        """The wire name, as Binance writes it in the combined wrapper."""
        return fill_in(self.row, self.parameters)

    @property
    def symbol(self) -> str | None:
        """Symbol of its records, upper case, if name or row fix it; None: it is in the payload."""
        rule = self.row.symbol
        if rule.startswith("const:"):
            return rule.removeprefix("const:")
        value = self.parameters.get(rule)
        return value.upper() if value else None


def parse(product: Product, name: str) -> Stream:
    """Return the stream with this wire name.

    Raises:
        Refused: no stream has it, it is retired, or it is an event. The message says which, and
            names the nearest patterns, other products that have it, or the successor.
    """
    if is_event(name):
        raise Refused(f"{name!r} is an event, not a subscription: Binance sends it by itself")
    stream = parse_any(product, name)
    row = stream.row
    if row.status == "retired":
        raise Refused(f"{name!r} was retired by Binance on {row.retired}; use {row.successor}")
    return stream


def parse_any(product: Product, name: str) -> Stream:
    """Return the stream with this wire name, retired streams and events included.

    Raises:
        Refused: no stream has it; see `parse`.
    """
    _check_case(name)
    if (size := len(name.encode())) > MAX_NAME_BYTES:
        raise Refused(
            f"{name[:40]!r}... has {size} bytes: no stream's name has over {MAX_NAME_BYTES}"
        )
    problems: list[tuple[Row, str]] = []
    for row, parameters in _matches(product, name):
        if (problem := _first_problem(row, parameters)) is None:
            return Stream(product, row, parameters)
        problems.append((row, problem))
    raise Refused(_no_such_stream(product, name, problems))


def example(row: Row) -> str:
    """Return a wire name of this row, for documentation and tests."""
    values = {name: EXAMPLES[row.product].get(name, "") for name in parameter_names(row)}
    for name, allowed in row.parameters.items():
        values[name] = "1m" if "1m" in allowed else allowed[0]
    return fill_in(row, values)


EXAMPLES: Mapping[Product, Mapping[str, str]] = {
    "spot": {"symbol": "btcusdt"},
    "usdm": {"symbol": "btcusdt", "pair": "btcusdt", "asset": "btcusd"},
    "coinm": {"symbol": "btcusd_perp", "pair": "btcusd"},
    "options": {"symbol": "btc-251226-120000-c", "underlying": "btcusdt", "yymmdd": "251226"},
}


def _check_case(name: str) -> None:
    head, separator, rest = name.partition("@")
    if separator and not name.startswith("!") and head != head.lower():
        raise Refused(
            f"{name!r}: write it in lower case, {head.lower() + separator + rest!r}; Binance "
            "acknowledges upper case and then sends nothing"
        )


def is_event(name: str) -> bool:
    """Return whether a name is an event's, with `!`, a symbol or neither: serverShutdown."""
    return tail(name).removeprefix("!") in _EVENTS


_EVENTS = frozenset(row.pattern.removeprefix("!") for row in ROWS if row.status == "event")


@lru_cache(maxsize=1024)
def _rows_with(product: Product, word: str) -> list[Row]:
    return [row for row in rows_of(product) if keyword(row.pattern) == word]


def _matches(product: Product, name: str) -> Iterator[tuple[Row, dict[str, str]]]:
    """Yield the rows that a name fits, with its parameters, unchecked."""
    for row in _rows_with(product, keyword(name)):
        parameters = match(row, name)
        if parameters is not None:
            yield row, parameters


def _first_problem(row: Row, parameters: Mapping[str, str]) -> str | None:
    return next(filter(None, (_value_problem(row, *each) for each in parameters.items())), None)


def _value_problem(row: Row, parameter: str, value: str) -> str | None:
    """Return why a parameter cannot have this value; None: nothing is known against it."""
    allowed = row.parameters.get(parameter)
    if allowed is not None:
        known = ", ".join(each or "(left out)" for each in allowed)
        return None if value in allowed else f"{parameter} {value!r} is none of {known}"
    if parameter == "yymmdd":
        return None if _DATE.fullmatch(value) else f"expiry {value!r} is not six digits yymmdd"
    if bad := _NOT_IN_A_SYMBOL.search(value):
        symbol = binance_symbol(row.product, value)
        cure = f": write {symbol.lower()}" if symbol else ""
        return f"{parameter} {value!r} has {bad.group()!r}, which no {parameter} has{cure}"
    return _symbol_problem(row.product, parameter, value)


# A symbol of the product contains this character; names of the coarser parameter do not.
_SYMBOL_MARK: Mapping[Product, tuple[str, str]] = {
    "coinm": ("_", "pair"),
    "options": ("-", "underlying"),
}


def _symbol_problem(product: Product, parameter: str, value: str) -> str | None:
    """Return a text if a symbol stands in place of a pair or underlying, or the other way round."""
    mark, coarser = _SYMBOL_MARK.get(product, ("", ""))
    right = (mark in value) == (parameter == "symbol")
    if not mark or parameter not in {"symbol", coarser} or right:
        return None
    given = coarser if parameter == "symbol" else "symbol"
    return (
        f"{value!r} is {_with_article(given)}, and this stream takes {_with_article(parameter)}"
        f" such as {EXAMPLES[product][parameter]}"
    )


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun.startswith("u") else f"a {noun}"


def _no_such_stream(product: Product, name: str, problems: list[tuple[Row, str]]) -> str:
    patterns = list(dict.fromkeys([row.pattern for row, _ in problems] + nearest(product, name)))
    reason = f" ({problems[0][1]})" if problems else ""
    others = "" if problems else _in_other_products(product, name)
    return f"{product} has no stream {name!r}{reason}; nearest: {', '.join(patterns[:3])}{others}"


def _in_other_products(product: Product, name: str) -> str:
    others = [other for other in PRODUCTS if other != product and _has(other, name)]
    if others:
        return f". But {' and '.join(others)} {'have' if others[1:] else 'has'} it"
    better = nearest_elsewhere(product, name)
    text = " and ".join(f"{other} has {pattern}" for other, pattern in better.items())
    return f". But {text}" if text else ""


def _has(product: Product, name: str) -> bool:
    return any(
        subscribable(row) and _first_problem(row, parameters) is None
        for row, parameters in _matches(product, name)
    )
