"""What the exchange lists, beside the plan: names it does not list, and symbols that are new."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

from connector.binance.exchange_info import Listing, Universe
from connector.binance.products import Product
from connector.config.load import Loaded
from connector.errors import Refused, Retry
from connector.planning.listing_check import unchecked_products, unlisted_names
from connector.telemetry import events
from connector.worker.replan_triggers import ReplanTriggers

RETRY_DELAY_S = 60.0  # after a look-up that failed and may succeed later
LOOK_UP_INTERVAL_S = 3600.0  # between two look-ups of names that are not listed

# Returns listings of the first products and volumes of the second; raises Retry and Refused.
ListingSource = Callable[[Collection[Product], Collection[Product]], Awaitable[Universe]]


class NameCheck:
    """Warns of symbols that the file names and the exchange does not list."""

    def __init__(self, universe: ListingSource, triggers: ReplanTriggers) -> None:
        self._universe, self._triggers = universe, triggers

    async def run(self, loaded: Loaded) -> None:
        """Look the names up once; again later if some are not listed, or if it failed."""
        sentences: list[str] = []
        try:
            sentences = await self._unlisted(loaded)
        except Retry as error:
            self._triggers.later("names", max(RETRY_DELAY_S, error.after_s or 0.0))
        except Refused:  # without an answer there is nothing to warn of
            self._triggers.later("names", LOOK_UP_INTERVAL_S)
        except Exception as error:  # noqa: BLE001 - a warning is not worth stopping what runs
            events.replanning_failed(reason="names", error=error)
        for sentence in sentences:
            events.plan_warning(text=sentence)
        if sentences:
            self._triggers.later("names", LOOK_UP_INTERVAL_S)

    async def _unlisted(self, loaded: Loaded) -> list[str]:
        subscriptions = loaded.settings.subscriptions
        products = unchecked_products(subscriptions)
        if not products:
            return []
        universe = await self._universe(products, ())
        found = await asyncio.to_thread(unlisted_names, subscriptions, universe)
        return loaded.sentences(found)


def keep_unreadable(before: Universe | None, now: Universe) -> Universe:
    """Return what is listed now, with the last listing of each symbol whose row cannot be read.

    Such a symbol is still listed: its streams go on.
    """
    if before is None:
        return now
    kept: dict[Product, tuple[Listing, ...]] = {}
    for product, listings in now.listings.items():
        odd = {row.name for row in now.odd if row.product == product}
        odd -= {listing.symbol for listing in listings}
        last = before.listings.get(product, ())
        kept[product] = (*listings, *(listing for listing in last if listing.symbol in odd))
    return replace(now, listings=kept)


def new_listings(before: Universe | None, now: Universe | None) -> set[tuple[Product, str]]:
    """Return what is listed now and was not when last asked, of products asked both times."""
    if before is None or now is None:
        return set()
    new: set[tuple[Product, str]] = set()
    for product, listings in now.listings.items():
        known = {listing.symbol for listing in before.listings.get(product, ())}
        if known:
            new |= {(product, item.symbol) for item in listings if item.symbol not in known}
    return new
