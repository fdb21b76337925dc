"""Wire names of streams: parsed into a row and its parameters, and printed again unchanged.

Never asks whether a symbol exists: Binance acknowledges any name and stays silent on a wrong one
(measured 2026-07-30), so everything that can be known beforehand is refused here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from connector.binance.catalogue import ROWS, Row, subscribable
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_pattern import fill_in, keyword, match, parameter_names, tail
from connector.binance.suggest import elsewhere, nearest
from connector.errors import Refused

# Futures and spot symbols may be non-ASCII since 2025; what is excluded separates names, quotes
# them, or is a placeholder left standing.
_NOT_IN_A_SYMBOL = re.compile(r"""[\x00-\x20\x7f\s@!"'`/\\<>\[\]?&,*]""")
_DATE = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream: a catalogue row and the values of its parameters.

    Args:
        product: The product that serves it.
        row: What the catalogue knows of it.
        parameters: A value for each parameter of the pattern; "" where it was left out.
    """

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
        """The symbol of its records where the name or the row says it, else None: see the payload.

        Upper case, as in payloads and topic keys.
        """
        rule = self.row.symbol
        if rule.startswith("const:"):
            return rule.removeprefix("const:")
        value = self.parameters.get(rule)
        return value.upper() if value else None


def parse(product: Product, name: str) -> Stream:
    """The stream that a wire name means.

    Raises:
        Refused: It means none, a retired one or a mere event. The message says which, and names
            the nearest patterns, the other products that have it, or the successor.
    """
    if is_event(name):
        raise Refused(f"{name!r} is an event, not a subscription: Binance sends it by itself")
    stream = parse_any(product, name)
    _served(stream.row, name)
    return stream


def parse_any(product: Product, name: str) -> Stream:
    """The stream that a wire name means or once meant: retired ones and events too.

    Raises:
        Refused: It means none; see `parse`.
    """
    _check_case(name)
    complaints: list[tuple[Row, str]] = []
    for row in _candidates(product, name):
        parameters = match(row, name)
        if parameters is None:
            continue
        complaint = _first_complaint(row, parameters)
        if complaint is None:
            return Stream(product, row, parameters)
        complaints.append((row, complaint))
    raise Refused(_no_such_stream(product, name, complaints))


def example(row: Row) -> str:
    """A wire name of this row, for documentation and tests."""
    values = {name: EXAMPLES[row.product].get(name, "") for name in parameter_names(row)}
    for name, allowed in row.parameters.items():
        values[name] = "1m" if "1m" in allowed else allowed[0]
    return fill_in(row, values)


EXAMPLES: Mapping[Product, Mapping[str, str]] = {
    "spot": {"symbol": "btcusdt"},
    "usdm": {"symbol": "btcusdt", "pair": "btcusdt", "asset": "btcusd"},
    "coinm": {"symbol": "btcusd_perp", "pair": "btcusd"},
    "options": {
        "symbol": "btc-251226-120000-c",
        "underlying": "btcusdt",
        "yymmdd": "251226",
    },
}


def _check_case(name: str) -> None:
    head, separator, rest = name.partition("@")
    if separator and not name.startswith("!") and head != head.lower():
        raise Refused(
            f"{name!r}: write it in lower case, {head.lower() + separator + rest!r}; Binance "
            "acknowledges upper case and then stays silent"
        )


def _served(row: Row, name: str) -> None:
    if row.status == "retired":
        raise Refused(f"{name!r} was retired by Binance on {row.retired}; use {row.successor}")


def is_event(name: str) -> bool:
    """Whether a name is that of an event, however it is written: serverShutdown."""
    return tail(name).removeprefix("!") in _EVENTS


_EVENTS = frozenset(row.pattern.removeprefix("!") for row in ROWS if row.status == "event")


@cache
def _rows_by_keyword() -> Mapping[tuple[Product, str], list[Row]]:
    rows: dict[tuple[Product, str], list[Row]] = {}
    for row in ROWS:
        rows.setdefault((row.product, keyword(row.pattern)), []).append(row)
    return rows


def _candidates(product: Product, name: str) -> Sequence[Row]:
    return _rows_by_keyword().get((product, keyword(name)), ())


def _first_complaint(row: Row, parameters: Mapping[str, str]) -> str | None:
    for name, value in parameters.items():
        complaint = _complaint(row, name, value)
        if complaint is not None:
            return complaint
    return None


def _complaint(row: Row, parameter: str, value: str) -> str | None:
    allowed = row.parameters.get(parameter)
    if allowed is not None:
        if value in allowed:
            return None
        return f"{parameter} {value!r} is none of {', '.join(v or '(left out)' for v in allowed)}"
    if parameter == "yymmdd":
        return None if _DATE.fullmatch(value) else f"expiry {value!r} is not six digits yymmdd"
    bad = _NOT_IN_A_SYMBOL.search(value)
    if bad is not None:
        return f"{parameter} {value!r} has {bad.group()!r}, which no {parameter} has"
    return _wrong_sort(row.product, parameter, value)


# What tells a symbol from the coarser name that other streams of the product take.
_SYMBOL_MARK: Mapping[Product, tuple[str, str]] = {
    "coinm": ("_", "pair"),
    "options": ("-", "underlying"),
}


def _wrong_sort(product: Product, parameter: str, value: str) -> str | None:
    mark, coarser = _SYMBOL_MARK.get(product, ("", ""))
    if not mark or parameter not in {"symbol", coarser}:
        return None
    if (mark in value) == (parameter == "symbol"):
        return None
    meant = coarser if parameter == "symbol" else "symbol"
    return (
        f"{value!r} is {_a(meant)}, and this stream takes {_a(parameter)} such as "
        f"{EXAMPLES[product][parameter]}"
    )


def _a(noun: str) -> str:
    return f"an {noun}" if noun.startswith("u") else f"a {noun}"


def _no_such_stream(product: Product, name: str, complaints: list[tuple[Row, str]]) -> str:
    patterns = list(dict.fromkeys([row.pattern for row, _ in complaints] + nearest(product, name)))
    reason = f" ({complaints[0][1]})" if complaints else ""
    others = "" if complaints else _elsewhere(product, name)
    return f"{product} has no stream {name!r}{reason}; nearest: {', '.join(patterns[:3])}{others}"


def _elsewhere(product: Product, name: str) -> str:
    others = [other for other in PRODUCTS if other != product and _has(other, name)]
    if not others:
        return elsewhere(product, name)
    return f". But {' and '.join(others)} {'have' if others[1:] else 'has'} it"


def _has(product: Product, name: str) -> bool:
    for row in _candidates(product, name):
        values = match(row, name)
        if values is not None and subscribable(row) and _first_complaint(row, values) is None:
            return True
    return False
