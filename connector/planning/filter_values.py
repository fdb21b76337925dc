"""The values of a filter against those Binance has: a misspelt one lets nothing pass. Pure.

Refused is what is nearly a known value; Binance may add values, so a strange one is a warning.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from connector.binance.exchange_info import Listing
from connector.binance.products import Product
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
# (2026-10-07); spot's five older states are still in use by libraries, and documented no more.
_STATUS: Mapping[Product, Sequence[str]] = {
    "spot": (
        "TRADING", "END_OF_DAY", "HALT", "BREAK", "NON_REPRESENTABLE", "PRE_TRADING",
        "POST_TRADING", "AUCTION_MATCH", "PENDING_TRADING",
    ),
    "usdm": _FUTURES,
    "coinm": _FUTURES,
    "options": _FUTURES,
}  # fmt: skip
_TYPES: Mapping[Product, Sequence[str]] = {
    "spot": (),
    "usdm": _CONTRACTS,
    "coinm": _CONTRACTS,
    "options": ("CALL", "PUT"),
}
_CLOSED = frozenset({"spot", "options"})  # whose contract types will not grow
_NEARLY = 0.85  # so alike are TRADNG and TRADING, but not HALTED and HALT

Told = tuple[str, str]  # key of the filter, and what there is to say of it


def invalid_values(product: Product, selection: Selection) -> Iterator[Told]:
    """Yield the values that cannot be meant as they are written."""
    for key, value, known in _strange(product, selection):
        if not known:
            yield key, f"{product} has no contract types: leave it out"
        elif _nearest(value, known, _NEARLY):
            yield key, f"{value!r}: did you mean {_nearest(value, known, _NEARLY)!r}?"
        elif key == "contract_type" and product in _CLOSED:
            yield key, f"{value!r} is no contract type of {product}: {', '.join(known)}"


def undocumented(product: Product, selection: Selection) -> Iterator[Told]:
    """Yield the other values that Binance documents nowhere: it may have added them."""
    wrong = {key for key, _ in invalid_values(product, selection)}
    for key, value, known in _strange(product, selection):
        if key not in wrong:
            yield key, f"{value!r} is none that Binance documents: {', '.join(known)}"


def _strange(product: Product, selection: Selection) -> Iterator[tuple[str, str, Sequence[str]]]:
    wanted = (
        ("status", selection.status, _STATUS[product]),
        ("contract_type", selection.contract_type, _TYPES[product]),
    )
    for key, values, known in wanted:
        yield from ((key, value, known) for value in values if value not in known)


def unlisted_values(selection: Selection, listings: Sequence[Listing]) -> Iterator[Told]:
    """Yield the values that nothing listed has: assets, symbols to leave out, globs."""
    if not listings:
        return
    symbols = {one.symbol for one in listings}
    wanted = (
        ("quote", selection.quote, {one.quote for one in listings}),
        ("underlying", selection.underlying, {one.underlying for one in listings}),
        ("exclude", [each for each in selection.exclude if not GLOB & set(each)], symbols),
    )
    for key, values, there in wanted:
        for value in values:
            if value not in there:
                near = _nearest(value, there)
                meant = f"; did you mean {near!r}?" if near else ""
                yield key, f"{value!r} is listed nowhere{meant}"
    for glob in selection.match:
        if not any(fnmatchcase(symbol, glob) for symbol in symbols):
            yield "match", f"{glob!r} is like no symbol that is listed"


def _nearest(value: str, known: Collection[str], cutoff: float = 0.6) -> str | None:
    return next(iter(difflib.get_close_matches(value, known, n=1, cutoff=cutoff)), None)
