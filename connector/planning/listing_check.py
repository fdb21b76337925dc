"""Names in the config that the exchange does not list. Pure.

A plan of names alone is made without exchangeInfo: the worker asks later, so as not to wait for it.
"""

from collections.abc import Iterator, Sequence

from connector.binance.exchange_info import Universe
from connector.binance.products import Product
from connector.planning.model import Finding, SubscriptionSpec
from connector.planning.plan import needs
from connector.planning.resolve import all_placeholders
from connector.planning.symbol_lookup import SymbolLookup, listing_indexes, look_up

MAX_NAMED = 10  # names of one subscription; the others are counted


def unchecked_products(subscriptions: Sequence[SubscriptionSpec]) -> frozenset[Product]:
    """Return the products whose symbols are all given by name: no plan needs their listings."""
    named = {spec.product for spec in subscriptions if spec.selection.names and _is_by_symbol(spec)}
    return frozenset(named - needs(subscriptions).listings)


def unlisted_names(subscriptions: Sequence[SubscriptionSpec], universe: Universe) -> list[Finding]:
    """Return the names that are not listed or do not trade, with their places and the cure.

    A product without any listing is left out: such an answer is taken as an error.
    """
    findings: list[Finding] = []
    indexes = listing_indexes(universe)
    for number, spec in enumerate(subscriptions):
        index = indexes.get(spec.product)
        if index is not None and index.listings and _is_by_symbol(spec):
            where = ("subscriptions", number, "symbols")
            lookup = look_up(spec.selection, index)
            findings += [(where, text) for text in _sentences(lookup)]
    return findings


def _is_by_symbol(spec: SubscriptionSpec) -> bool:
    """Return whether any stream is named after a symbol; asset indexes are listed nowhere."""
    return bool(all_placeholders(spec) - {"asset"})


def _sentences(lookup: SymbolLookup) -> Iterator[str]:
    yield from (text for _, text in lookup.findings[:MAX_NAMED])
    more = len(lookup.findings) - MAX_NAMED
    if more > 0:
        yield f"and {more} more that are not listed or do not trade"
