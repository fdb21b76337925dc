"""The symbols of a subscription, looked up in what the product lists. Pure.

A name that is not listed is kept, with a warning that names the nearest listed one: exchangeInfo
may be older than the listing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from connector.binance.exchange_info import Listing, Universe
from connector.binance.products import Product
from connector.errors import did_you_mean
from connector.planning.selection import NONE_SELECTED, Selected, Selection, select
from connector.planning.templates import (
    LISTED_ONLY,
    SymbolForms,
    forms_of_listing,
    forms_of_name,
    with_placeholders,
)

MAX_HINTS = 10  # of one subscription: finding a near name among 3,000 takes milliseconds


@dataclass(slots=True)
class ListingIndex:
    """One product's listings, by symbol and by the coarser names that streams have.

    Attributes:
        listings: In exchangeInfo's order.
        volumes: 24 h volume by symbol.
        by_group: Listings by pair and by underlying.
    """

    listings: Sequence[Listing]
    volumes: Mapping[str, float]
    by_symbol: dict[str, Listing] = field(default_factory=dict)
    by_group: dict[str, list[Listing]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for listing in self.listings:
            self.by_symbol[listing.symbol] = listing
            for name in {listing.pair, listing.underlying}:
                self.by_group.setdefault(name, []).append(listing)


@dataclass(slots=True)
class SymbolLookup:
    """The symbols of a subscription, as far as they are known.

    Attributes:
        symbols: The forms of each symbol, in order.
        grouped: For each name that is a pair or an underlying: forms of its trading listings, with
            that name as pair and underlying.
        findings: Names that are not listed or do not trade, each with a sentence.
        selected: Symbols that filters chose; see `selection.Selected`.
        paused: Those of them that do not trade now, each with its status.
        pending: exchangeInfo has to be asked first.
    """

    symbols: list[SymbolForms] = field(default_factory=list)
    grouped: list[SymbolForms] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)
    selected: Selected = field(default_factory=dict)
    paused: dict[str, str] = field(default_factory=dict)
    pending: bool = False

    def forms(self, placeholders: Collection[str]) -> list[SymbolForms]:
        """Return the symbols that have a form for each of these placeholders."""
        if LISTED_ONLY.intersection(placeholders):
            return list(with_placeholders(placeholders, [*self.symbols, *self.grouped]))
        return self.symbols


def listing_indexes(universe: Universe | None) -> dict[Product, ListingIndex]:
    """Return an index for each product in the universe; none without a universe."""
    if universe is None:
        return {}
    return {
        product: ListingIndex(listings, universe.volumes.get(product, {}))
        for product, listings in universe.listings.items()
    }


def look_up(
    selection: Selection,
    index: ListingIndex | None,
    previous: Selected = NONE_SELECTED,
    now_ms: int = 0,
) -> SymbolLookup:
    """Look up the symbols of a selection; index None: exchangeInfo was not asked.

    `previous` are the symbols that its filters chose last time, `now_ms` epoch milliseconds.
    """
    lookup = SymbolLookup()
    for name in selection.names:
        _add_name(lookup, name, index)
    if not selection.needs_listings:
        return lookup
    if index is None:
        lookup.pending = True
        return lookup
    found = select(selection, index.listings, index.volumes, previous, now_ms)
    named = set(selection.names)
    lookup.selected = {symbol: since for symbol, since in found.items() if symbol not in named}
    listings = [index.by_symbol[symbol] for symbol in lookup.selected]
    lookup.symbols += map(forms_of_listing, listings)
    lookup.paused = {
        listing.symbol: listing.status
        for listing in listings
        if lookup.selected[listing.symbol] is not None
    }
    return lookup


def _add_name(lookup: SymbolLookup, name: str, index: ListingIndex | None) -> None:
    listing = None if index is None else index.by_symbol.get(name.upper())
    lookup.symbols.append(forms_of_name(name) if listing is None else forms_of_listing(listing))
    if listing is None:
        if index is not None:
            _add_unlisted(lookup, name, index)
    elif not listing.is_trading:
        status = listing.status or "without status"
        lookup.findings.append((name, f"{name} is {status}, not TRADING: expect no data"))


def _add_unlisted(lookup: SymbolLookup, name: str, index: ListingIndex) -> None:
    """Add a name that is no symbol: as a pair or underlying, else as a finding."""
    symbol, forms = name.upper(), forms_of_name(name)
    group = index.by_group.get(symbol, [])
    lookup.grouped += [{**forms_of_listing(each), **forms} for each in group if each.is_trading]
    if not group:
        known = [*index.by_symbol, *index.by_group] if len(lookup.findings) < MAX_HINTS else []
        near = did_you_mean(symbol, known)
        hint = f"; did you mean {near}?" if near else ""
        text = f"{name} is not listed: its streams would be acknowledged and send nothing{hint}"
        lookup.findings.append((name, text))


def volume_shares(index: ListingIndex | None) -> dict[str, float]:
    """Return each name's 24 h volume as a share of the most traded symbol's, up to 1; lower case.

    Pairs and underlyings have the sum of their symbols. Empty where no volumes are known.
    """
    if index is None or not index.volumes:
        return {}
    highest = max(index.volumes.values(), default=0.0) or 1.0
    shares: dict[str, float] = {}
    for name, listings in index.by_group.items():
        total = sum(index.volumes.get(listing.symbol, 0.0) for listing in listings)
        shares[name.lower()] = min(1.0, total / highest)
    return shares | {symbol.lower(): volume / highest for symbol, volume in index.volumes.items()}
