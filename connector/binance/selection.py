"""Which symbols of a product a subscription means: names, globs, filters, the most traded. Pure.

Never asks anybody: listings and 24 h volumes are arguments (`symbols.Universe`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from connector.binance.symbols import Listing

# A symbol enters at rank N and leaves beyond 1.2 N, so that two neighbours do not take turns.
STAYS_UNTIL = 1.2


@dataclass(frozen=True, slots=True)
class Selection:
    """The symbols of one subscription; a filter with nothing in it lets everything pass.

    Attributes:
        names: Exact symbols, as written: they need no exchangeInfo.
        match: Globs on the symbol (BTC*).
        everything: `all`.
        status: Only symbols in one of these states.
        quote: Only symbols quoted in one of these assets.
        contract_type: Only contracts of one of these types (PERPETUAL, CALL, ...).
        underlying: Only symbols of one of these underlyings.
        top: Only so many, by 24 h volume.
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
    def filters(self) -> bool:
        """Whether anything but exact names is asked for."""
        filtered = self.quote or self.contract_type or self.underlying
        return bool(self.everything or self.match or filtered or self.top is not None)

    @property
    def needs_listings(self) -> bool:
        """Whether exchangeInfo has to be asked."""
        return self.filters

    @property
    def needs_volumes(self) -> bool:
        """Whether the 24 h tickers have to be asked."""
        return self.top is not None


def select(
    selection: Selection,
    listings: Sequence[Listing],
    volumes: Mapping[str, float],
    before: Collection[str] = (),
) -> list[Listing]:
    """Return the listings a selection means: those named first, then the others.

    Args:
        selection: What is wanted.
        listings: What the product lists.
        volumes: 24 h volume by symbol, comparable within the product.
        before: The symbols selected last time: these leave later than they entered.
    """
    by_symbol = {listing.symbol: listing for listing in listings}
    named = [by_symbol[name] for name in selection.names if name in by_symbol]
    if not selection.filters:
        return named
    passing = [listing for listing in listings if _passes(selection, listing)]
    if selection.top is not None:
        passing = _top(passing, volumes, selection.top, before)
    return list(dict.fromkeys([*named, *passing]))


def _passes(selection: Selection, listing: Listing) -> bool:
    wanted = (
        (selection.status, listing.status),
        (selection.quote, listing.quote),
        (selection.contract_type, listing.contract_type),
        (selection.underlying, listing.underlying),
    )
    if not all(value in allowed for allowed, value in wanted if allowed):
        return False
    if selection.match and not _matches(selection.match, listing.symbol):
        return False
    return not _matches(selection.exclude, listing.symbol)


def _matches(globs: Sequence[str], symbol: str) -> bool:
    return any(fnmatchcase(symbol, glob) for glob in globs)


def _top(
    passing: Sequence[Listing], volumes: Mapping[str, float], top: int, before: Collection[str]
) -> list[Listing]:
    ranked = sorted(passing, key=lambda one: (-volumes.get(one.symbol, 0.0), one.symbol))
    stay = [one for one in ranked[top : int(STAYS_UNTIL * top)] if one.symbol in before]
    return [*ranked[:top], *stay]
