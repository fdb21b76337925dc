"""Which symbols of a product a subscription selects: names, globs, filters, the most traded. Pure.

Listings and 24 h volumes are arguments (`exchange_info.Universe`).

A symbol that was selected and stops trading (BREAK, HALT, SETTLING) stays selected for PAUSE_MS:
an unsubscribed symbol misses what comes first when it trades again, a silent stream costs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType

from connector.binance.exchange_info import Listing

GLOB = frozenset("*?[")  # a symbol with one of these is a pattern
PAUSE_MS = 86_400_000  # a selected symbol that stopped trading stays for so long

# The symbols that a selection chose last, each with the time since which it has not been in the
# wanted status (epoch milliseconds); None: it is.
Selected = Mapping[str, int | None]
NONE_SELECTED: Selected = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Selection:
    """The symbols of one subscription; an empty filter lets every symbol pass.

    Attributes:
        names: Exact symbols, as written: they need no exchangeInfo, and no filter applies to them.
        match: Globs on the symbol (BTC*).
        everything: `all`: every symbol that passes the filters below; `match` does not count.
        status: Only symbols in one of these states.
        quote: Only symbols quoted in one of these assets.
        contract_type: Only contracts of one of these types (PERPETUAL, CALL, ...).
        underlying: Only symbols of one of these underlyings; for options the index (BTCUSDT).
        top: Only so many, by 24 h volume: a symbol enters at rank N and leaves beyond 1.2 N.
        exclude: Never these symbols or globs.
    """

    names: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    everything: bool = False
    status: tuple[str, ...] = ("TRADING",)
    quote: tuple[str, ...] = ()
    contract_type: tuple[str, ...] = ()
    underlying: tuple[str, ...] = ()
    top: int | None = None
    exclude: tuple[str, ...] = ()

    @property
    def needs_listings(self) -> bool:
        """Whether exchangeInfo has to be asked: the selection is not exact names alone."""
        filtered = self.match or self.quote or self.contract_type or self.underlying
        return bool(self.everything or filtered or self.top is not None)

    @property
    def needs_volumes(self) -> bool:
        """Whether the 24 h tickers have to be asked."""
        return self.top is not None


def select(
    selection: Selection,
    listings: Sequence[Listing],
    volumes: Mapping[str, float],
    previous: Selected = NONE_SELECTED,
    now_ms: int = 0,
) -> dict[str, int | None]:
    """Return the symbols that globs and filters select; exact names are not looked at.

    Args:
        selection: What is wanted.
        listings: Of the product, as listed now.
        volumes: Of 24 h, by symbol, comparable within the product.
        previous: What was selected last time. Of these, the symbols of a `top` leave later than
            they entered, and those that stopped trading leave after PAUSE_MS.
        now_ms: Epoch milliseconds.
    """
    if not selection.needs_listings:
        return {}
    passing = [listing for listing in listings if _passes(selection, listing)]
    trading = [listing for listing in passing if _has_status(selection, listing)]
    if selection.top is not None:
        trading = _most_traded(trading, volumes, selection.top, previous)
    paused = {
        listing.symbol: previous[listing.symbol] or now_ms
        for listing in passing
        if listing.symbol in previous and _is_paused(selection, listing, now_ms)
    }
    staying = {symbol: since for symbol, since in paused.items() if now_ms - since < PAUSE_MS}
    return dict.fromkeys(listing.symbol for listing in trading) | staying


def _is_paused(selection: Selection, listing: Listing, now_ms: int) -> bool:
    """Return whether a symbol has stopped trading and may trade again."""
    is_over = listing.expiry is not None and listing.expiry <= now_ms
    return "TRADING" in selection.status and not _has_status(selection, listing) and not is_over


def _has_status(selection: Selection, listing: Listing) -> bool:
    return not selection.status or listing.status in selection.status


def describe(selection: Selection) -> str:
    """Return a selection in words: `top 50 by 24 h volume of quote USDT without USDCUSDT`."""
    parts = [*selection.names]
    if selection.needs_listings:
        parts.append(" ".join(_describe_filters(selection)))
    return ", ".join(parts) or "no symbols"


def _describe_filters(selection: Selection) -> list[str]:
    top = [] if selection.top is None else [f"top {selection.top} by 24 h volume of"]
    filters = (
        ("status", () if selection.status == ("TRADING",) else selection.status),
        ("quote", selection.quote),
        ("contract type", selection.contract_type),
        ("underlying", selection.underlying),
        ("symbols like", () if selection.everything else selection.match),
        ("without", selection.exclude),
    )
    given = [f"{name} {'|'.join(values)}" for name, values in filters if values]
    if all(text.startswith("without") for text in given):
        given.insert(0, "all")
    return top + given


def _passes(selection: Selection, listing: Listing) -> bool:
    """Return whether a symbol passes all filters but that of the status."""
    for column in ("quote", "contract_type", "underlying"):
        allowed = getattr(selection, column)
        if allowed and getattr(listing, column) not in allowed:
            return False
    if selection.match and not selection.everything and not _like(selection.match, listing.symbol):
        return False
    return not _like(selection.exclude, listing.symbol)


def _like(globs: Sequence[str], symbol: str) -> bool:
    return any(fnmatchcase(symbol, glob) for glob in globs)


def _most_traded(
    passing: Sequence[Listing], volumes: Mapping[str, float], top: int, previous: Selected
) -> list[Listing]:
    """Return the first `top` by volume, and of the previous symbols those within 1.2 `top`.

    Without this margin two symbols of neighbouring ranks would alternate. Equal volumes are ranked
    by symbol; 1.2 `top` is rounded down. A previous symbol whose volume is not known now stays.
    """
    ranked = sorted(passing, key=lambda each: (-volumes.get(each.symbol, 0.0), each.symbol))
    margin = {listing.symbol for listing in ranked[top : top * 6 // 5]}
    staying = [
        listing
        for listing in ranked[top:]
        if listing.symbol in previous
        and (listing.symbol in margin or listing.symbol not in volumes)
    ]
    return [*ranked[:top], *staying]
