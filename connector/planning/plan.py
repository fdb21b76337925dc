"""All subscriptions resolved into one plan. Pure.

Reading order: templates, selection, symbol_lookup, destination, traffic, resolve (one
subscription), this module (all of them), duplicates, placement, diff, budget.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from connector.binance.exchange_info import Universe
from connector.binance.products import Bases, Product
from connector.codec.schema import (
    ACCOUNT_DEAD_LETTER,
    ACCOUNT_TOPICS,
    DEAD_LETTER,
    OWN_TOPICS,
)
from connector.planning.duplicates import duplicate_streams, wasteful
from connector.planning.model import (
    KeyPath,
    Needs,
    Plan,
    PlanError,
    PlannedStream,
    SelectedSymbols,
    StreamKey,
    SubscriptionSpec,
    path_of,
)
from connector.planning.placement import place, shard_of
from connector.planning.resolve import Findings, Resolver, all_placeholders
from connector.planning.selection import NONE_SELECTED, Selected, Selection
from connector.planning.templates import LISTED_ONLY

MERGED = (
    "with the same content on both hosts since 2026-06-30: subscribe on one of them; rows of the"
    " other product go to its own topic when one of that kind is planned, else see `merged`"
)


def needs(subscriptions: Iterable[SubscriptionSpec]) -> Needs:
    """Return what the exchange has to be asked for before these can be planned."""
    listings: set[Product] = set()
    volumes: set[Product] = set()
    for spec in subscriptions:
        placeholders = all_placeholders(spec)
        if placeholders and (spec.selection.needs_listings or LISTED_ONLY & placeholders):
            listings.add(spec.product)
        if placeholders and spec.selection.needs_volumes:
            volumes.add(spec.product)
    return Needs(frozenset(listings), frozenset(volumes))


def make_plan(
    subscriptions: Sequence[SubscriptionSpec],
    bases: Mapping[Product, Bases],
    prefix: str,
    *,
    universe: Universe | None = None,
    before: Plan | None = None,
    shard: tuple[int, int] = (0, 1),
    now_ms: int = 0,
) -> Plan:
    """Resolve subscriptions and place their streams on connections.

    Args:
        subscriptions: As configured.
        bases: Where each product is served.
        prefix: Topic prefix.
        universe: None: symbols given by name are taken as written, and streams that need listings
            are left out and reported as pending.
        before: The previous plan: its streams stay on their connections, and symbols of its `top`
            and those that stopped trading leave late.
        shard: Index of this process and number of processes; each reads its part of the streams.
        now_ms: Epoch milliseconds.

    Raises:
        PlanError: an unknown stream, a stream planned twice, two kinds in one topic, ...
    """
    findings = Findings()
    resolver = Resolver(bases, prefix, universe, findings, now_ms)
    streams = _StreamSet(findings, prefix)
    previous: SelectedSymbols = {} if before is None else before.selected
    selected: dict[tuple[Product, Selection], Selected] = {}
    for number, spec in enumerate(subscriptions):
        key = spec.product, spec.selection
        where: KeyPath = ("subscriptions", number)
        lookup, planned = resolver.resolve(spec, where, previous.get(key, NONE_SELECTED))
        selected[key] = lookup.selected
        per_symbol_topic = "{symbol}" in (spec.topic or "")
        for stream_place, stream in planned:
            streams.add(stream_place, stream, per_symbol_topic=per_symbol_topic)
    index, shards = shard
    ours = [each for each in streams.finish() if shard_of(*each.stream_key, shards) == index]
    if findings.problems:
        raise PlanError(findings.problems)
    connections = place(ours, () if before is None else before.connections)
    return Plan(connections, tuple(findings.warnings), tuple(findings.pending), selected)


class _StreamSet:
    """The streams of all subscriptions: none twice, and one kind in a topic."""

    def __init__(self, findings: Findings, prefix: str) -> None:
        self._findings = findings
        self._streams: dict[StreamKey, tuple[KeyPath, PlannedStream]] = {}
        own = (*OWN_TOPICS, DEAD_LETTER, *ACCOUNT_TOPICS, ACCOUNT_DEAD_LETTER)
        self._kind_of_topic = {f"{prefix}.{name}": name for name in own}
        # Topics of each product and kind, for the other product's events in merged streams.
        self._topic_of: dict[tuple[Product, str], str] = {}

    def add(self, where: KeyPath, planned: PlannedStream, *, per_symbol_topic: bool) -> None:
        """Add a stream, or report why it cannot be added."""
        if problem := self._duplicate(planned):
            self._findings.refuse(where, problem)
            return
        kind = planned.stream.row.kind
        held = self._kind_of_topic.setdefault(planned.topic, kind)
        if held != kind:
            text = f"topic {planned.topic} already holds {held}: one record type per topic"
            self._findings.refuse(where, text)
        if not per_symbol_topic:
            self._topic_of.setdefault((planned.stream.product, kind), planned.topic)
        self._streams[planned.stream_key] = where, planned

    def _duplicate(self, planned: PlannedStream) -> str | None:
        """Return a text if the stream is planned already, under either product of a merged one."""
        name = planned.stream.name
        if planned.stream_key in self._streams:
            where, first = self._streams[planned.stream_key]
            by = path_of(where)
            return f"{name} is planned twice: {by} sends it to {first.topic}; leave one out"
        other = planned.other_product
        return f"{name} is {other}'s too, {MERGED}" if (other, name) in self._streams else None

    def finish(self) -> list[PlannedStream]:
        """Return the streams; report those that would write the same events twice."""
        self._streams = {
            key: (where, self._with_other_topic(planned))
            for key, (where, planned) in self._streams.items()
        }
        duplicates = list(duplicate_streams(self._streams))
        for duplicate in duplicates:
            if duplicate.refused:
                self._findings.refuse(duplicate.where, duplicate.text)
        self._findings.warnings += wasteful([each for each in duplicates if not each.refused])
        return [planned for _, planned in self._streams.values()]

    def _with_other_topic(self, planned: PlannedStream) -> PlannedStream:
        """Give a merged stream the other product's topic of its kind, which may be another shard's.

        If there is none: the stream's own topic if `merged: keep`, else no topic.
        """
        if planned.other_product is None:
            return planned
        own = planned.topic if planned.keeps_other_product else None
        topic = self._topic_of.get((planned.other_product, planned.stream.row.kind), own)
        return replace(planned, other_product_topic=topic)
