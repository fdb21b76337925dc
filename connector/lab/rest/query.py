"""One path of the lab's REST: its query read and refused as the exchange does. Pure.

Codes and texts: "Error codes" of binance-spot-api-docs 2026-07-21 and of the futures pages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from connector.binance.products import Product
from connector.lab.market import Market

Query = Mapping[str, str]


class Complaint(Exception):
    """An error answer: HTTP status, Binance's code and text."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Answer(Protocol):
    """Makes the body of an answer."""

    def __call__(
        self, query: Query, headers: Mapping[str, str], at_ms: int, lag_ms: int = 0, /
    ) -> Any:
        """Return what is sent as JSON.

        Args:
            query: Parameters of the call.
            headers: Headers of the call.
            at_ms: Now, in epoch milliseconds.
            lag_ms: How far the data is behind now.

        Raises:
            Complaint: the answer is an error.
        """


@dataclass(frozen=True, slots=True)
class Path:
    """One path.

    Attributes:
        path: The path.
        weigh: Query -> the weight of the call.
        answer: Makes the body.
    """

    path: str
    weigh: Callable[[Query], int]
    answer: Answer


def mandatory(name: str) -> Complaint:
    """Return the complaint about a missing parameter."""
    message = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return Complaint(400, -1102, message)


def text(query: Query, name: str) -> str:
    """Return a mandatory parameter; raises Complaint."""
    value = query.get(name, "")
    if not value:
        raise mandatory(name)
    return value


def listed(market: Market, product: Product, query: Query) -> str:
    """Return the symbol of the call, which must be listed; raises Complaint."""
    symbol = text(query, "symbol")
    if symbol not in market.symbols.get(product, ()):
        raise Complaint(400, -1121, "Invalid symbol.")
    return symbol


def number(query: Query, name: str) -> int | None:
    """Return a numeric parameter, None where it was left out; raises Complaint."""
    value = query.get(name)
    if value is None:
        return None
    if not value.isdecimal():
        raise Complaint(400, -1100, f"Illegal characters found in parameter '{name}'.")
    return int(value)


def limit_of(query: Query, default: int, most: int) -> int:
    """Return how many rows are asked for, at most what is allowed; raises Complaint."""
    requested = number(query, "limit")
    if requested == 0:
        raise Complaint(400, -1130, "Data sent for parameter 'limit' is not valid.")
    return default if requested is None else min(requested, most)


def weighed(query: Query, default: int) -> int:
    """Return the rows by which a call is weighed, also for a limit that is refused."""
    value = query.get("limit", "")
    return int(value) if value.isdecimal() else default
