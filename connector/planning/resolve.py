"""One subscription resolved into streams: symbols looked up, templates filled, topic and endpoint.

Pure. plan.py puts the subscriptions together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connector.binance.exchange_info import Universe
from connector.binance.products import Bases, Product
from connector.binance.stream_name import Stream, parse
from connector.errors import Refused
from connector.planning.destination import endpoint_of, endpoint_problem, topic_of
from connector.planning.filter_values import invalid_values, undocumented, unlisted_values
from connector.planning.model import Finding, KeyPath, PlannedStream, SubscriptionSpec
from connector.planning.selection import Selected
from connector.planning.symbol_lookup import SymbolLookup, listing_indexes, look_up, volume_shares
from connector.planning.templates import LISTED_ONLY, fill, placeholders_of, trial
from connector.planning.traffic import estimate

MAX_PROBLEMS = 3  # of one place in the config; 2,000 symbols may all be wrong in the same way


@dataclass(slots=True)
class Findings:
    """What a plan is refused for, warned of, and cannot know until exchangeInfo is asked."""

    problems: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    pending: list[Finding] = field(default_factory=list)
    _counts: dict[KeyPath, int] = field(default_factory=dict)

    def refuse(self, where: KeyPath, text: str) -> bool:
        """Add a problem; return True if further problems of this place would be left out."""
        count = self._counts[where] = self._counts.get(where, 0) + 1
        if count <= MAX_PROBLEMS + 1:
            self.problems.append((where, text if count <= MAX_PROBLEMS else "and more of the kind"))
        return count > MAX_PROBLEMS


class Resolver:
    """Resolves subscriptions with one state of the exchange (`universe` None: not asked)."""

    def __init__(
        self,
        bases: Mapping[Product, Bases],
        prefix: str,
        universe: Universe | None,
        findings: Findings,
        now_ms: int,
    ) -> None:
        self._now_ms = now_ms
        self._findings, self._bases, self._prefix = findings, bases, prefix
        self._indexes = listing_indexes(universe)
        self._volume_shares = {name: volume_shares(each) for name, each in self._indexes.items()}

    def resolve(
        self, spec: SubscriptionSpec, where: KeyPath, previous: Selected
    ) -> tuple[SymbolLookup, list[tuple[KeyPath, PlannedStream]]]:
        """Return a subscription's symbols, and its streams with their places in the config.

        `previous` are the symbols that its filters chose last time.
        """
        index = self._indexes.get(spec.product)
        lookup = look_up(spec.selection, index, previous, self._now_ms)
        planned = list(self._streams(spec, lookup, where))
        self._check_symbols(spec, lookup, where)
        self._check_filters(spec, where)
        self._check_endpoint(spec, where)
        return lookup, planned

    def _check_symbols(self, spec: SubscriptionSpec, lookup: SymbolLookup, above: KeyPath) -> None:
        """Report unlisted symbols, pending symbols and filters that nothing passes."""
        product, where = spec.product, (*above, "symbols")
        placeholders = all_placeholders(spec)
        if placeholders - {"asset"}:  # asset indexes are not listed in exchangeInfo
            self._findings.warnings += [(where, text) for _, text in lookup.findings]
        if placeholders and lookup.pending:
            self._findings.pending.append((where, f"symbols of {product} are asked at the start"))
        elif placeholders and spec.selection.needs_listings and not lookup.selected:
            text = f"no symbol of {product} passes these filters: nothing is read until one does"
            self._findings.warnings.append((where, text))
        if placeholders and lookup.paused:
            shown = [f"{symbol} ({status})" for symbol, status in lookup.paused.items()]
            more = f" and {len(shown) - MAX_PROBLEMS} more" if shown[MAX_PROBLEMS:] else ""
            text = f"{', '.join(shown[:MAX_PROBLEMS])}{more} stopped trading: read for a day more"
            self._findings.warnings.append((where, text))

    def _check_takes_symbols(self, spec: SubscriptionSpec, template: str, where: KeyPath) -> None:
        """Warn of symbols given with a stream that takes none."""
        has_symbols = spec.selection.names or spec.selection.needs_listings
        if has_symbols and not placeholders_of(spec.product, template):
            text = f"{template} takes no symbols: those of this subscription do not apply to it"
            self._findings.warnings.append((where, text))

    def _check_filters(self, spec: SubscriptionSpec, above: KeyPath) -> None:
        """Refuse misspelt values of a filter; warn of values that no listing has."""
        product, selection = spec.product, spec.selection
        index, where = self._indexes.get(product), (*above, "symbols")
        for key, text in invalid_values(product, selection):
            self._findings.refuse((*where, key), text)
        listings = () if index is None else index.listings
        warnings = [*undocumented(product, selection), *unlisted_values(selection, listings)]
        for key, text in warnings:  # globs may stand in a list of names, which has no key `match`
            self._findings.warnings.append((where if key == "match" else (*where, key), text))

    def _check_endpoint(self, spec: SubscriptionSpec, above: KeyPath) -> None:
        """Refuse an endpoint of the subscription's own that does not serve all of its streams."""
        if spec.endpoint is None:
            return
        for template in spec.streams:
            try:
                row = trial(spec.product, template).row
            except Refused:
                continue  # a problem of the stream itself, reported there
            if text := endpoint_problem(row, spec.endpoint):
                self._findings.refuse((*above, "endpoint"), text)

    def _streams(
        self, spec: SubscriptionSpec, lookup: SymbolLookup, above: KeyPath
    ) -> Iterator[tuple[KeyPath, PlannedStream]]:
        for position, template in enumerate(spec.streams):
            where = (*above, "streams", position)
            self._check_takes_symbols(spec, template, where)
            try:
                names = self._names(spec, template, lookup, where)
                if not names:  # no symbol is known yet: check the template with an example
                    trial(spec.product, template)
            except Refused as error:
                self._findings.refuse(where, str(error))
                continue
            yield from ((where, planned) for planned in self._plan_names(spec, names, where))

    def _plan_names(
        self, spec: SubscriptionSpec, names: Sequence[str], where: KeyPath
    ) -> list[PlannedStream]:
        """Return the streams of a template's names; report those that cannot be planned.

        One that a filter has chosen does not stop the others: a listing may have any name.
        """
        good: list[PlannedStream] = []
        bad: list[tuple[str, str]] = []
        for name in names:
            try:
                good.append(self._planned(parse(spec.product, name), spec))
            except Refused as error:
                bad.append((name, str(error)))
                if not spec.selection.needs_listings and len(bad) > MAX_PROBLEMS:
                    break
        if bad and good and spec.selection.needs_listings:
            shown = ", ".join(name for name, _ in bad[:MAX_PROBLEMS])
            more = f" and {len(bad) - MAX_PROBLEMS} more" if bad[MAX_PROBLEMS:] else ""
            self._findings.warnings.append((where, f"{shown}{more} left out: {bad[0][1]}"))
            return good
        for _, text in bad:
            if self._findings.refuse(where, text):
                break
        return good

    def _names(
        self, spec: SubscriptionSpec, template: str, lookup: SymbolLookup, where: KeyPath
    ) -> list[str]:
        """Return a template's wire names; none if no symbol passes, or if they are pending."""
        product, selection = spec.product, spec.selection
        placeholders = placeholders_of(product, template)
        listed_only = LISTED_ONLY.intersection(placeholders)
        if listed_only and selection.names and product not in self._indexes:
            unknown = ", ".join(f"<{name}>" for name in sorted(listed_only))
            self._findings.pending.append((where, f"{unknown} of {template} is asked at the start"))
            return []
        forms = lookup.forms(placeholders)
        if not forms and placeholders and (selection.needs_listings or selection.names):
            if listed_only and lookup.symbols:
                text = f"none of the symbols has what {template} names: it reads nothing"
                self._findings.warnings.append((where, text))
            return []
        return fill(product, template, forms)

    def _planned(self, stream: Stream, spec: SubscriptionSpec) -> PlannedStream:
        """Return the stream with topic and endpoint: the subscription's, else the catalogue's."""
        traffic = estimate(stream, self._volume_share(stream), self._listed(stream))
        unit = spec.time_unit
        return PlannedStream(
            stream=stream,
            topic=topic_of(spec.topic, self._prefix, stream),
            endpoint=endpoint_of(stream, spec.endpoint, self._bases, unit),
            keeps_other_product=spec.merged == "keep",
            key=spec.key or "{symbol}",
            time_unit=unit,
            connections=spec.connections,
            rate=traffic.messages,
            bytes_rate=traffic.bytes,
        )

    def _volume_share(self, stream: Stream) -> float | None:
        shares = self._volume_shares.get(stream.product)
        if not shares:
            return None
        values = stream.parameters
        name = values.get("symbol") or values.get("pair") or values.get("underlying")
        return shares.get(name, 0.0) if name else None

    def _listed(self, stream: Stream) -> int | None:
        """Return how many listed symbols a stream of several covers; None: not known."""
        index = self._indexes.get(stream.product)
        if index is None:
            return None
        underlying = stream.parameters.get("underlying")
        group = index.by_group.get(underlying.upper(), ()) if underlying else index.listings
        return len(group)


def all_placeholders(spec: SubscriptionSpec) -> set[str]:
    """Return what symbols have to fill in the streams of a subscription."""
    return {name for each in spec.streams for name in placeholders_of(spec.product, each)}
