"""One path of the lab's REST: its query read and refused as the exchange does. Pure.

Codes and texts: "Error codes" of binance-spot-api-docs 2026-07-21 and of the futures pages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.binance.products import Product
from connector.lab.market import Market

Query = Mapping[str, str]


class Complaint(Exception):
    """An error answer: HTTP status, Binance's code and text."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Path:
    """One path.

    Attributes:
        path: The path.
        weigh: Query -> the weight of the call.
        answer: (query, headers, epoch ms now) -> what is sent as JSON; raises Complaint.
    """

    path: str
    weigh: Callable[[Query], int]
    answer: Callable[[Query, Mapping[str, str], int], Any]


def mandatory(name: str) -> Complaint:
    """Return the complaint about a parameter that is not there."""
    words = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return Complaint(400, -1102, words)


def text(query: Query, name: str) -> str:
    """Return a parameter that must be there; raises Complaint."""
    value = query.get(name, "")
    if not value:
        raise mandatory(name)
    return value


def listed(market: Market, product: Product, query: Query) -> str:
    """Return the symbol asked about, which must be listed; raises Complaint."""
    symbol = text(query, "symbol")
    if symbol not in market.symbols.get(product, ()):
        raise Complaint(400, -1121, "Invalid symbol.")
    return symbol


def number(query: Query, name: str) -> int | None:
    """Return a parameter that is a number, None where it was left out; raises Complaint."""
    value = query.get(name)
    if value is None:
        return None
    if not value.isdecimal():
        raise Complaint(400, -1100, f"Illegal characters found in parameter '{name}'.")
    return int(value)


def limit_of(query: Query, default: int, most: int) -> int:
    """Return how many rows are asked for, at most what is allowed; raises Complaint."""
    asked = number(query, "limit")
    if asked == 0:
        raise Complaint(400, -1130, "Data sent for parameter 'limit' is not valid.")
    return default if asked is None else min(asked, most)


def weighed(query: Query, default: int) -> int:
    """Return the rows a call is weighed by, whatever stands there."""
    value = query.get("limit", "")
    return int(value) if value.isdecimal() else default
