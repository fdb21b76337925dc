"""One subscription into streams: its symbols chosen, its templates filled in, each with its way.

Pure. Knows nothing about the other subscriptions: `plan` puts them together.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from connector.binance.exchange_info import Universe
from connector.binance.products import Bases, Product
from connector.binance.stream_name import Stream, parse
from connector.errors import Refused
from connector.planning.destination import endpoint_of, misplaced, topic_of
from connector.planning.filter_values import misspelt, undocumented, unlisted_values
from connector.planning.model import Planned, Said, Subscription, Where
from connector.planning.symbol_lookup import Chosen, Market, activities, choose, markets
from connector.planning.templates import LISTED_ONLY, fill, places_of, trial
from connector.planning.traffic import estimate

MOST_PROBLEMS = 3  # of one place in the config; 2,000 symbols may all be wrong in the same way


@dataclass(slots=True)
class Notes:
    """What came up while planning, each with its place in the config.

    Attributes:
        problems: Refuse the plan.
        warnings: Do not.
        pending: What cannot be known before exchangeInfo is asked.
    """

    problems: list[Said] = field(default_factory=list)
    warnings: list[Said] = field(default_factory=list)
    pending: list[Said] = field(default_factory=list)
    _counts: dict[Where, int] = field(default_factory=dict)

    def refuse(self, where: Where, text: str) -> bool:
        """Note a problem; say whether the place has had enough of them."""
        count = self._counts[where] = self._counts.get(where, 0) + 1
        if count <= MOST_PROBLEMS:
            self.problems.append((where, text))
        elif count == MOST_PROBLEMS + 1:
            self.problems.append((where, "and more of the kind"))
        return count > MOST_PROBLEMS


class Resolver:
    """Resolves subscriptions against one state of the exchange."""

    def __init__(
        self, bases: Mapping[Product, Bases], prefix: str, universe: Universe | None, notes: Notes
    ) -> None:
        self.notes = notes
        self._bases = bases
        self._prefix = prefix
        self._markets = markets(universe)
        self._activities = {
            product: activities(market) for product, market in self._markets.items()
        }

    def resolve(
        self, subscription: Subscription, above: Where, before: Collection[str]
    ) -> tuple[Chosen, list[tuple[Where, Planned]]]:
        """Return a subscription's symbols and streams; note what cannot be resolved.

        Args:
            subscription: As configured.
            above: Its place in the config.
            before: Symbols its filters chose last time.
        """
        selection, market = subscription.selection, self._markets.get(subscription.product)
        chosen = choose(selection, market, before)
        planned = list(self._streams(subscription, chosen, above))
        self._say_symbols(subscription, chosen, above)
        self._say_filters(subscription, above)
        self._say_endpoint(subscription, above)
        return chosen, planned

    def _say_symbols(self, subscription: Subscription, chosen: Chosen, above: Where) -> None:
        """Note what there is to say of the symbols, where a stream asks for any at all."""
        product, where = subscription.product, (*above, "symbols")
        places = {
            place for template in subscription.streams for place in places_of(product, template)
        }
        if places - {"asset"}:  # assets have indexes of their own, which exchangeInfo lists nowhere
            self.notes.warnings += [(where, text) for _, text in chosen.unknown]
        if not places:
            return
        if chosen.pending:
            self.notes.pending.append((where, f"symbols of {product} are asked at the start"))
        elif subscription.selection.needs_listings and not chosen.selected:
            text = f"no symbol of {product} passes these filters: nothing is read until one does"
            self.notes.warnings.append((where, text))

    def _say_whole(self, subscription: Subscription, template: str, where: Where) -> None:
        """Warn of a stream beside symbols that do not apply to it."""
        selection = subscription.selection
        asked = selection.names or selection.needs_listings
        if asked and not places_of(subscription.product, template):
            text = f"{template} takes no symbols: those of this subscription do not apply to it"
            self.notes.warnings.append((where, text))

    def _say_filters(self, subscription: Subscription, above: Where) -> None:
        """Refuse misspelt values of a filter; warn of those that nothing listed has."""
        product, selection = subscription.product, subscription.selection
        market = self._markets.get(product)
        where = (*above, "symbols")
        for key, text in misspelt(product, selection):
            self.notes.refuse((*where, key), text)
        listings = () if market is None else market.listings
        told = [*undocumented(product, selection), *unlisted_values(selection, listings)]
        for key, text in told:  # globs may stand in a list of names, which has no such key
            self.notes.warnings.append((where if key == "match" else (*where, key), text))

    def _say_endpoint(self, subscription: Subscription, above: Where) -> None:
        """Refuse an endpoint of the subscription's own that does not carry all of its streams."""
        if subscription.endpoint is None:
            return
        for template in subscription.streams:
            try:
                row = trial(subscription.product, template).row
            except Refused:
                continue  # said of the stream itself
            text = misplaced(row, subscription.endpoint)
            if text is not None:
                self.notes.refuse((*above, "endpoint"), text)

    def _streams(
        self, subscription: Subscription, chosen: Chosen, above: Where
    ) -> Iterator[tuple[Where, Planned]]:
        for position, template in enumerate(subscription.streams):
            where: Where = (*above, "streams", position)
            self._say_whole(subscription, template, where)
            try:
                names = self._names(subscription, template, chosen, where)
                if not names:  # nobody is known yet whose streams would be tried
                    trial(subscription.product, template)
            except Refused as error:
                self.notes.refuse(where, str(error))
                continue
            for name in names:
                try:
                    yield where, self._place(parse(subscription.product, name), subscription)
                except Refused as error:
                    if self.notes.refuse(where, str(error)):
                        break

    def _names(
        self, subscription: Subscription, template: str, chosen: Chosen, where: Where
    ) -> list[str]:
        """Return a template's wire names; none while nothing passes, or before it can be known."""
        product, selection = subscription.product, subscription.selection
        places = places_of(product, template)
        listed_only = LISTED_ONLY.intersection(places)
        if listed_only and selection.names and product not in self._markets:
            named = ", ".join(f"<{place}>" for place in sorted(listed_only))
            self.notes.pending.append((where, f"{named} of {template} is asked at the start"))
            return []
        forms = chosen.forms(places)
        if not forms and places and (selection.needs_listings or selection.names):
            if listed_only and chosen.plain:
                text = f"none of the symbols has what {template} names: it reads nothing"
                self.notes.warnings.append((where, text))
            return []
        return fill(product, template, forms)

    def _place(self, stream: Stream, subscription: Subscription) -> Planned:
        """Choose topic and endpoint: what the subscription says, else the catalogue."""
        flow = estimate(stream, self._activity(stream), self._listed(stream))
        unit = subscription.time_unit
        return Planned(
            stream=stream,
            topic=topic_of(subscription.topic, self._prefix, stream),
            endpoint=endpoint_of(stream, subscription.endpoint, self._bases, unit),
            keeps_foreign=subscription.merged == "keep",
            key=subscription.key or "{symbol}",
            time_unit=unit,
            connections=subscription.connections,
            rate=flow.messages,
            bytes_rate=flow.bytes,
        )

    def _activity(self, stream: Stream) -> float | None:
        shares = self._activities.get(stream.product)
        if not shares:
            return None
        named = stream.parameters
        name = named.get("symbol") or named.get("pair") or named.get("underlying")
        return shares.get(name, 0.0) if name else None

    def _listed(self, stream: Stream) -> int | None:
        market: Market | None = self._markets.get(stream.product)
        if market is None:
            return None
        underlying = stream.parameters.get("underlying")
        if underlying is None:
            return len(market.listings)
        return len(market.by_coarse.get(underlying.upper(), ()))
