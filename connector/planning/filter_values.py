"""Filter values checked against those of Binance: a misspelt value lets nothing pass. Pure.

A value similar to a known one is refused as misspelt. Other unknown values are a warning: Binance
may have added them.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from connector.binance.exchange_info import Listing
from connector.binance.products import Product
from connector.errors import did_you_mean
from connector.planning.selection import GLOB, Selection

_FUTURES = (
    "TRADING", "PENDING_TRADING", "PRE_DELIVERING", "DELIVERING", "DELIVERED", "PRE_SETTLE",
    "SETTLING", "CLOSE", "TRADING_HALT", "TRADING_CANCEL_ONLY",
)  # fmt: skip
_CONTRACTS = (
    "PERPETUAL", "CURRENT_MONTH", "NEXT_MONTH", "CURRENT_QUARTER", "NEXT_QUARTER",
    "PERPETUAL_DELIVERING", "TRADIFI_PERPETUAL",
)  # fmt: skip
# Enums pages of binance-spot-api-docs (2026-07-21) and Common Definitions of fapi and dapi
# (2026-10-07); five of spot's states are no longer documented, but libraries still use them.
_SPOT = (
    "TRADING", "END_OF_DAY", "HALT", "BREAK", "NON_REPRESENTABLE", "PRE_TRADING", "POST_TRADING",
    "AUCTION_MATCH", "PENDING_TRADING",
)  # fmt: skip
_KNOWN: Mapping[Product, tuple[Sequence[str], Sequence[str]]] = {  # states, contract types
    "spot": (_SPOT, ()),
    "usdm": (_FUTURES, _CONTRACTS),
    "coinm": (_FUTURES, _CONTRACTS),
    "options": (_FUTURES, ("CALL", "PUT")),
}
_FINAL_TYPES = frozenset({"spot", "options"})  # products to which no contract type will be added
_MISSPELT_SIMILARITY = 0.85  # TRADNG and TRADING reach it, HALTED and HALT do not

FilterFinding = tuple[str, str]  # key of the filter, and the sentence about its value


def invalid_values(product: Product, selection: Selection) -> Iterator[FilterFinding]:
    """Yield the values to refuse: misspelt, or impossible for the product."""
    for key, value, known in _unknown_values(product, selection):
        if not known:
            yield key, f"{product} has no contract types: leave it out"
        elif near := did_you_mean(value, known, cutoff=_MISSPELT_SIMILARITY, by_prefix=False):
            yield key, f"{value!r}: did you mean {near!r}?"
        elif key == "contract_type" and product in _FINAL_TYPES:
            yield key, f"{value!r} is no contract type of {product}: {', '.join(known)}"


def undocumented(product: Product, selection: Selection) -> Iterator[FilterFinding]:
    """Yield the other values that Binance does not document: it may have added them."""
    refused = {key for key, _ in invalid_values(product, selection)}
    for key, value, known in _unknown_values(product, selection):
        if key not in refused:
            yield key, f"{value!r} is none that Binance documents: {', '.join(known)}"


def _unknown_values(
    product: Product, selection: Selection
) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield key, unknown value and known values."""
    states, types = _KNOWN[product]
    filters = (
        ("status", selection.status, states),
        ("contract_type", selection.contract_type, types),
    )
    for key, values, known in filters:
        yield from ((key, value, known) for value in values if value not in known)


def unlisted_values(selection: Selection, listings: Sequence[Listing]) -> Iterator[FilterFinding]:
    """Yield the values that no listing has: assets, symbols to leave out, globs."""
    if not listings:
        return
    symbols = {listing.symbol for listing in listings}
    filters = (
        ("quote", selection.quote, {listing.quote for listing in listings}),
        ("underlying", selection.underlying, {listing.underlying for listing in listings}),
        ("exclude", [each for each in selection.exclude if not GLOB & set(each)], symbols),
    )
    for key, values, listed in filters:
        for value in (each for each in values if each not in listed):
            near = did_you_mean(value, listed)
            hint = f"; did you mean {near!r}?" if near else ""
            yield key, f"{value!r} is listed nowhere{hint}"
    for glob in selection.match:
        if not any(fnmatchcase(symbol, glob) for symbol in symbols):
            yield "match", f"{glob!r} matches no listed symbol"
