"""Which symbols of a product a subscription selects: names, globs, filters, the most traded. Pure.

Listings and 24 h volumes are arguments (`exchange_info.Universe`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from connector.binance.exchange_info import Listing

GLOB = frozenset("*?[")  # a symbol with one of these is a pattern


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
    previous: Collection[str] = (),
) -> list[Listing]:
    """Return the listings that globs and filters select; exact names are not looked at.

    Volumes of 24 h by symbol are comparable within the product. Of `previous`, the symbols selected
    last time, those of a `top` leave later than they entered.
    """
    if not selection.needs_listings:
        return []
    passing = [listing for listing in listings if _passes(selection, listing)]
    if selection.top is None:
        return passing
    return _most_traded(passing, volumes, selection.top, previous)


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
    for column in ("status", "quote", "contract_type", "underlying"):
        allowed = getattr(selection, column)
        if allowed and getattr(listing, column) not in allowed:
            return False
    if selection.match and not selection.everything and not _like(selection.match, listing.symbol):
        return False
    return not _like(selection.exclude, listing.symbol)


def _like(globs: Sequence[str], symbol: str) -> bool:
    return any(fnmatchcase(symbol, glob) for glob in globs)


def _most_traded(
    passing: Sequence[Listing], volumes: Mapping[str, float], top: int, previous: Collection[str]
) -> list[Listing]:
    """Return the first `top` by volume, and of the previous symbols those within 1.2 `top`.

    Without this margin two symbols of neighbouring ranks would alternate. Equal volumes are ranked
    by symbol; 1.2 `top` is rounded down.
    """
    ranked = sorted(passing, key=lambda each: (-volumes.get(each.symbol, 0.0), each.symbol))
    kept = frozenset(previous)
    staying = [listing for listing in ranked[top : top * 6 // 5] if listing.symbol in kept]
    return [*ranked[:top], *staying]
