"""One subscription into streams: its symbols chosen, its templates filled in, each with its way.

Pure. Knows nothing about the other subscriptions: `plan` puts them together.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from connector.binance.exchange_info import Universe
from connector.binance.products import Bases, Product
from connector.binance.stream_name import Stream, parse
from connector.errors import Refused
from connector.planning.destination import endpoint_of, endpoint_problem, topic_of
from connector.planning.filter_values import invalid_values, undocumented, unlisted_values
from connector.planning.model import Finding, KeyPath, PlannedStream, Subscription
from connector.planning.symbol_lookup import (
    ListingIndex,
    SymbolLookup,
    activities,
    look_up,
    markets,
)
from connector.planning.templates import LISTED_ONLY, fill, placeholders_of, trial
from connector.planning.traffic import estimate

MAX_PROBLEMS = 3  # of one place in the config; 2,000 symbols may all be wrong in the same way


@dataclass(slots=True)
class Findings:
    """What came up while planning, each with its place in the config.

    Attributes:
        problems: Refuse the plan.
        warnings: Do not.
        pending: What cannot be known before exchangeInfo is asked.
    """

    problems: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    pending: list[Finding] = field(default_factory=list)
    _counts: dict[KeyPath, int] = field(default_factory=dict)

    def refuse(self, where: KeyPath, text: str) -> bool:
        """Note a problem; say whether the place has had enough of them."""
        count = self._counts[where] = self._counts.get(where, 0) + 1
        if count <= MAX_PROBLEMS:
            self.problems.append((where, text))
        elif count == MAX_PROBLEMS + 1:
            self.problems.append((where, "and more of the kind"))
        return count > MAX_PROBLEMS


class Resolver:
    """Resolves subscriptions against one state of the exchange."""

    def __init__(
        self,
        bases: Mapping[Product, Bases],
        prefix: str,
        universe: Universe | None,
        notes: Findings,
    ) -> None:
        self.notes = notes
        self._bases = bases
        self._prefix = prefix
        self._markets = markets(universe)
        self._activities = {
            product: activities(market) for product, market in self._markets.items()
        }

    def resolve(
        self, subscription: Subscription, above: KeyPath, before: Collection[str]
    ) -> tuple[SymbolLookup, list[tuple[KeyPath, PlannedStream]]]:
        """Return a subscription's symbols and streams; note what cannot be resolved.

        Args:
            subscription: As configured.
            above: Its place in the config.
            before: Symbols its filters chose last time.
        """
        selection, market = subscription.selection, self._markets.get(subscription.product)
        chosen = look_up(selection, market, before)
        planned = list(self._streams(subscription, chosen, above))
        self._check_symbols(subscription, chosen, above)
        self._check_filters(subscription, above)
        self._check_endpoint(subscription, above)
        return chosen, planned

    def _check_symbols(
        self, subscription: Subscription, chosen: SymbolLookup, above: KeyPath
    ) -> None:
        """Note what there is to say of the symbols, where a stream asks for any at all."""
        product, where = subscription.product, (*above, "symbols")
        places = {
            place
            for template in subscription.streams
            for place in placeholders_of(product, template)
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

    def _check_whole(self, subscription: Subscription, template: str, where: KeyPath) -> None:
        """Warn of a stream beside symbols that do not apply to it."""
        selection = subscription.selection
        asked = selection.names or selection.needs_listings
        if asked and not placeholders_of(subscription.product, template):
            text = f"{template} takes no symbols: those of this subscription do not apply to it"
            self.notes.warnings.append((where, text))

    def _check_filters(self, subscription: Subscription, above: KeyPath) -> None:
        """Refuse misspelt values of a filter; warn of those that nothing listed has."""
        product, selection = subscription.product, subscription.selection
        market = self._markets.get(product)
        where = (*above, "symbols")
        for key, text in invalid_values(product, selection):
            self.notes.refuse((*where, key), text)
        listings = () if market is None else market.listings
        told = [*undocumented(product, selection), *unlisted_values(selection, listings)]
        for key, text in told:  # globs may stand in a list of names, which has no such key
            self.notes.warnings.append((where if key == "match" else (*where, key), text))

    def _check_endpoint(self, subscription: Subscription, above: KeyPath) -> None:
        """Refuse an endpoint of the subscription's own that does not carry all of its streams."""
        if subscription.endpoint is None:
            return
        for template in subscription.streams:
            try:
                row = trial(subscription.product, template).row
            except Refused:
                continue  # said of the stream itself
            text = endpoint_problem(row, subscription.endpoint)
            if text is not None:
                self.notes.refuse((*above, "endpoint"), text)

    def _streams(
        self, subscription: Subscription, chosen: SymbolLookup, above: KeyPath
    ) -> Iterator[tuple[KeyPath, PlannedStream]]:
        for position, template in enumerate(subscription.streams):
            where: KeyPath = (*above, "streams", position)
            self._check_whole(subscription, template, where)
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
        self, subscription: Subscription, template: str, chosen: SymbolLookup, where: KeyPath
    ) -> list[str]:
        """Return a template's wire names; none while nothing passes, or before it can be known."""
        product, selection = subscription.product, subscription.selection
        places = placeholders_of(product, template)
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

    def _place(self, stream: Stream, subscription: Subscription) -> PlannedStream:
        """Choose topic and endpoint: what the subscription says, else the catalogue."""
        flow = estimate(stream, self._activity(stream), self._listed(stream))
        unit = subscription.time_unit
        return PlannedStream(
            stream=stream,
            topic=topic_of(subscription.topic, self._prefix, stream),
            endpoint=endpoint_of(stream, subscription.endpoint, self._bases, unit),
            keeps_other_product=subscription.merged == "keep",
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
        market: ListingIndex | None = self._markets.get(stream.product)
        if market is None:
            return None
        underlying = stream.parameters.get("underlying")
        if underlying is None:
            return len(market.listings)
        return len(market.by_coarse.get(underlying.upper(), ()))
