"""The symbols of a subscription, looked up in what the product lists. Pure.

Never refuses a name that is not listed: Binance acknowledges any and stays silent, and exchangeInfo
may be older than the listing. It is noted, with the nearest name that is listed.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connector.binance.exchange_info import Listing, Universe
from connector.binance.products import Product
from connector.planning.selection import Selection, select
from connector.planning.templates import LISTED_ONLY, Forms, as_listed, as_written, fitting

# Looking for a near name among 3,000 takes milliseconds: a list of strangers gets no more hints.
MOST_HINTS = 10


@dataclass(slots=True)
class ListingIndex:
    """One product's listings, found by symbol and by the coarser names of streams.

    Attributes:
        listings: As exchangeInfo lists them.
        volumes: 24 h volume by symbol.
        by_symbol: Listing by symbol.
        by_coarse: Listings by pair and by underlying.
    """

    listings: Sequence[Listing]
    volumes: Mapping[str, float]
    by_symbol: dict[str, Listing] = field(default_factory=dict)
    by_coarse: dict[str, list[Listing]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for listing in self.listings:
            self.by_symbol[listing.symbol] = listing
            for name in {listing.pair, listing.underlying}:
                self.by_coarse.setdefault(name, []).append(listing)


@dataclass(slots=True)
class SymbolLookup:
    """What a subscription's symbols came to.

    Attributes:
        plain: A form for each symbol, in order.
        coarse: For each name that is a pair or an underlying: its listings, under that name.
        unknown: Names that are not listed, and what to say of each.
        selected: Symbols that filters chose: the next selection asks who was in.
        pending: exchangeInfo has to be asked first.
    """

    plain: list[Forms] = field(default_factory=list)
    coarse: list[Forms] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)
    selected: tuple[str, ...] = ()
    pending: bool = False

    def forms(self, places: Collection[str]) -> list[Forms]:
        """Return the symbols in forms that fill these places."""
        if LISTED_ONLY.intersection(places):
            return list(fitting(places, [*self.plain, *self.coarse]))
        return self.plain


def markets(universe: Universe | None) -> dict[Product, ListingIndex]:
    """Return the products that were asked; empty without a universe."""
    if universe is None:
        return {}
    return {
        product: ListingIndex(listings, universe.volumes.get(product, {}))
        for product, listings in universe.listings.items()
    }


def look_up(
    selection: Selection, market: ListingIndex | None, before: Collection[str]
) -> SymbolLookup:
    """Look a selection up in its market; None: nobody was asked."""
    chosen = SymbolLookup()
    for name in selection.names:
        _add_name(chosen, name, market)
    if not selection.needs_listings:
        return chosen
    if market is None:
        chosen.pending = True
        return chosen
    listings = select(selection, market.listings, market.volumes, before)
    named = set(selection.names)
    chosen.selected = tuple(one.symbol for one in listings if one.symbol not in named)
    chosen.plain += [as_listed(market.by_symbol[symbol]) for symbol in chosen.selected]
    return chosen


def _add_name(chosen: SymbolLookup, name: str, market: ListingIndex | None) -> None:
    symbol = name.upper()
    listing = None if market is None else market.by_symbol.get(symbol)
    chosen.plain.append(as_written(name) if listing is None else as_listed(listing))
    if market is None:
        return
    if listing is None:
        written = as_written(name)
        coarse = market.by_coarse.get(symbol, [])
        chosen.coarse += [{**as_listed(one), **written} for one in coarse if one.is_trading]
        if not coarse:
            hint = _hint(symbol, market) if len(chosen.unknown) < MOST_HINTS else ""
            words = f"{name} is not listed: its streams would be acknowledged and silent{hint}"
            chosen.unknown.append((name, words))
    elif not listing.is_trading:
        words = f"{name} is {listing.status or 'without status'}, not TRADING: expect no data"
        chosen.unknown.append((name, words))


def _hint(symbol: str, market: ListingIndex) -> str:
    near = difflib.get_close_matches(symbol, [*market.by_symbol, *market.by_coarse], n=1)
    return f"; did you mean {near[0]}?" if near else ""


def activities(market: ListingIndex | None) -> dict[str, float]:
    """Return each name's share of the most traded symbol's 24 h volume, up to 1; lower case.

    Pairs and underlyings have the sum of their symbols. Empty where no volumes are known.
    """
    if market is None or not market.volumes:
        return {}
    most = max(market.volumes.values(), default=0.0) or 1.0
    shares = dict(_coarse_shares(market, most))
    shares |= {symbol.lower(): volume / most for symbol, volume in market.volumes.items()}
    return shares


def _coarse_shares(market: ListingIndex, most: float) -> Iterator[tuple[str, float]]:
    for name, listings in market.by_coarse.items():
        total = sum(market.volumes.get(one.symbol, 0.0) for one in listings)
        yield name.lower(), min(1.0, total / most)
