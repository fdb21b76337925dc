"""One subscription resolved into streams: symbols looked up, templates filled, topic and endpoint.

Pure. plan.py puts the subscriptions together.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from connector.binance.exchange_info import Universe
from connector.binance.products import Bases, Product
from connector.binance.stream_name import Stream, parse
from connector.errors import Refused
from connector.planning.destination import endpoint_of, endpoint_problem, topic_of
from connector.planning.filter_values import invalid_values, undocumented, unlisted_values
from connector.planning.model import Finding, KeyPath, PlannedStream, SubscriptionSpec
from connector.planning.symbol_lookup import (
    SymbolLookup,
    listing_indexes,
    look_up,
    volume_shares,
)
from connector.planning.templates import LISTED_ONLY, fill, placeholders_of, trial
from connector.planning.traffic import estimate

MAX_PROBLEMS = 3  # of one place in the config; 2,000 symbols may all be wrong in the same way


@dataclass(slots=True)
class Findings:
    """Findings of a plan, each with its place in the config.

    Attributes:
        problems: Findings that refuse the plan.
        warnings: Findings that do not.
        pending: What is unknown until exchangeInfo is asked.
    """

    problems: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    pending: list[Finding] = field(default_factory=list)
    _counts: dict[KeyPath, int] = field(default_factory=dict)

    def refuse(self, where: KeyPath, text: str) -> bool:
        """Add a problem; return True if further problems of this place would be left out."""
        count = self._counts[where] = self._counts.get(where, 0) + 1
        if count <= MAX_PROBLEMS:
            self.problems.append((where, text))
        elif count == MAX_PROBLEMS + 1:
            self.problems.append((where, "and more of the kind"))
        return count > MAX_PROBLEMS


class Resolver:
    """Resolves subscriptions with one state of the exchange.

    Args:
        bases: Where each product is served.
        prefix: Topic prefix.
        universe: Listings and volumes; None: the exchange was not asked.
        findings: Where findings are added.
    """

    def __init__(
        self,
        bases: Mapping[Product, Bases],
        prefix: str,
        universe: Universe | None,
        findings: Findings,
    ) -> None:
        self._findings = findings
        self._bases = bases
        self._prefix = prefix
        self._indexes = listing_indexes(universe)
        self._volume_shares = {
            product: volume_shares(index) for product, index in self._indexes.items()
        }

    def resolve(
        self, subscription: SubscriptionSpec, where: KeyPath, previous: Collection[str]
    ) -> tuple[SymbolLookup, list[tuple[KeyPath, PlannedStream]]]:
        """Return a subscription's symbols, and its streams with their places in the config.

        Args:
            subscription: The subscription.
            where: Its place in the config.
            previous: Symbols that its filters chose last time.
        """
        index = self._indexes.get(subscription.product)
        lookup = look_up(subscription.selection, index, previous)
        planned = list(self._streams(subscription, lookup, where))
        self._check_symbols(subscription, lookup, where)
        self._check_filters(subscription, where)
        self._check_endpoint(subscription, where)
        return lookup, planned

    def _check_symbols(
        self, subscription: SubscriptionSpec, lookup: SymbolLookup, above: KeyPath
    ) -> None:
        """Report unlisted symbols, pending symbols and filters that nothing passes."""
        product, where = subscription.product, (*above, "symbols")
        placeholders = all_placeholders(subscription)
        if placeholders - {"asset"}:  # asset indexes are not listed in exchangeInfo
            self._findings.warnings += [(where, text) for _, text in lookup.findings]
        if not placeholders:
            return
        if lookup.pending:
            self._findings.pending.append((where, f"symbols of {product} are asked at the start"))
        elif subscription.selection.needs_listings and not lookup.selected:
            text = f"no symbol of {product} passes these filters: nothing is read until one does"
            self._findings.warnings.append((where, text))

    def _check_takes_symbols(
        self, subscription: SubscriptionSpec, template: str, where: KeyPath
    ) -> None:
        """Warn of symbols given with a stream that takes none."""
        selection = subscription.selection
        has_symbols = selection.names or selection.needs_listings
        if has_symbols and not placeholders_of(subscription.product, template):
            text = f"{template} takes no symbols: those of this subscription do not apply to it"
            self._findings.warnings.append((where, text))

    def _check_filters(self, subscription: SubscriptionSpec, above: KeyPath) -> None:
        """Refuse misspelt values of a filter; warn of values that no listing has."""
        product, selection = subscription.product, subscription.selection
        index = self._indexes.get(product)
        where = (*above, "symbols")
        for key, text in invalid_values(product, selection):
            self._findings.refuse((*where, key), text)
        listings = () if index is None else index.listings
        warnings = [*undocumented(product, selection), *unlisted_values(selection, listings)]
        for key, text in warnings:  # globs may stand in a list of names, which has no key `match`
            self._findings.warnings.append((where if key == "match" else (*where, key), text))

    def _check_endpoint(self, subscription: SubscriptionSpec, above: KeyPath) -> None:
        """Refuse an endpoint of the subscription's own that does not serve all of its streams."""
        if subscription.endpoint is None:
            return
        for template in subscription.streams:
            try:
                row = trial(subscription.product, template).row
            except Refused:
                continue  # a problem of the stream itself, reported there
            text = endpoint_problem(row, subscription.endpoint)
            if text is not None:
                self._findings.refuse((*above, "endpoint"), text)

    def _streams(
        self, subscription: SubscriptionSpec, lookup: SymbolLookup, above: KeyPath
    ) -> Iterator[tuple[KeyPath, PlannedStream]]:
        for position, template in enumerate(subscription.streams):
            where: KeyPath = (*above, "streams", position)
            self._check_takes_symbols(subscription, template, where)
            try:
                names = self._names(subscription, template, lookup, where)
                if not names:  # no symbol is known yet: check the template with an example
                    trial(subscription.product, template)
            except Refused as error:
                self._findings.refuse(where, str(error))
                continue
            for name in names:
                try:
                    yield where, self._planned(parse(subscription.product, name), subscription)
                except Refused as error:
                    if self._findings.refuse(where, str(error)):
                        break

    def _names(
        self, subscription: SubscriptionSpec, template: str, lookup: SymbolLookup, where: KeyPath
    ) -> list[str]:
        """Return a template's wire names; none if no symbol passes, or if they are pending."""
        product, selection = subscription.product, subscription.selection
        placeholders = placeholders_of(product, template)
        listed_only = LISTED_ONLY.intersection(placeholders)
        if listed_only and selection.names and product not in self._indexes:
            unknown = ", ".join(f"<{name}>" for name in sorted(listed_only))
            text = f"{unknown} of {template} is asked at the start"
            self._findings.pending.append((where, text))
            return []
        forms = lookup.forms(placeholders)
        if not forms and placeholders and (selection.needs_listings or selection.names):
            if listed_only and lookup.symbols:
                text = f"none of the symbols has what {template} names: it reads nothing"
                self._findings.warnings.append((where, text))
            return []
        return fill(product, template, forms)

    def _planned(self, stream: Stream, subscription: SubscriptionSpec) -> PlannedStream:
        """Return the stream with topic and endpoint: the subscription's, else the catalogue's."""
        traffic = estimate(stream, self._volume_share(stream), self._listed(stream))
        unit = subscription.time_unit
        return PlannedStream(
            stream=stream,
            topic=topic_of(subscription.topic, self._prefix, stream),
            endpoint=endpoint_of(stream, subscription.endpoint, self._bases, unit),
            keeps_other_product=subscription.merged == "keep",
            key=subscription.key or "{symbol}",
            time_unit=unit,
            connections=subscription.connections,
            rate=traffic.messages,
            bytes_rate=traffic.bytes,
        )

    def _volume_share(self, stream: Stream) -> float | None:
        shares = self._volume_shares.get(stream.product)
        if not shares:
            return None
        parameters = stream.parameters
        name = parameters.get("symbol") or parameters.get("pair") or parameters.get("underlying")
        return shares.get(name, 0.0) if name else None

    def _listed(self, stream: Stream) -> int | None:
        """Return how many listed symbols a stream of several covers; None: not known."""
        index = self._indexes.get(stream.product)
        if index is None:
            return None
        underlying = stream.parameters.get("underlying")
        if underlying is None:
            return len(index.listings)
        return len(index.by_group.get(underlying.upper(), ()))


def all_placeholders(subscription: SubscriptionSpec) -> set[str]:
    """Return what symbols have to fill in the streams of a subscription."""
    product = subscription.product
    return {
        placeholder
        for template in subscription.streams
        for placeholder in placeholders_of(product, template)
    }
