"""Names in the config that the exchange does not list. Pure.

Names alone make a plan without exchangeInfo, which the worker therefore does not wait for: it asks
beside its work, and warns of what would be acknowledged and silent for ever.
"""

from collections.abc import Iterator, Sequence

from connector.binance.exchange_info import Universe
from connector.binance.products import Product
from connector.planning.model import Finding, Subscription
from connector.planning.plan import needs
from connector.planning.symbol_lookup import SymbolLookup, look_up, markets
from connector.planning.templates import placeholders_of

MAX_NAMED = 10  # of one subscription: a list of strangers is told by its number


def unchecked(subscriptions: Sequence[Subscription]) -> frozenset[Product]:
    """Return the products whose symbols are all given by name: no plan asks for their listings."""
    named = {one.product for one in subscriptions if one.selection.names and _by_symbol(one)}
    return frozenset(named - needs(subscriptions).listings)


def unlisted_names(subscriptions: Sequence[Subscription], universe: Universe) -> list[Finding]:
    """Return the names that are not listed or do not trade, each with its place and the cure.

    A product that lists nothing at all is not believed.
    """
    found: list[Finding] = []
    asked = markets(universe)
    for number, one in enumerate(subscriptions):
        market = asked.get(one.product)
        if market is not None and market.listings and _by_symbol(one):
            where = ("subscriptions", number, "symbols")
            found += [(where, text) for text in _told(look_up(one.selection, market, ()))]
    return found


def _by_symbol(one: Subscription) -> bool:
    """Whether any stream is named after a symbol; asset indexes are listed nowhere."""
    places = {place for stream in one.streams for place in placeholders_of(one.product, stream)}
    return bool(places - {"asset"})


def _told(chosen: SymbolLookup) -> Iterator[str]:
    yield from (text for _, text in chosen.unknown[:MAX_NAMED])
    more = len(chosen.unknown) - MAX_NAMED
    if more > 0:
        yield f"and {more} more that are not listed or do not trade"
