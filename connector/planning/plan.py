"""Subscriptions resolved: each stream to its kind, endpoint, topic and connection. Pure.

Knows the catalogue; knows nothing about files or lines: a problem carries its path in the config.
Reading order: `expand` (templates), `config_path` (symbols), `destination` (topic, endpoint),
`resolve` (one subscription), here (all of them), `overlap`, `bundles` (connections), `difference`,
`cost`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from connector.binance.exchange_info import Universe
from connector.binance.products import Bases, Product
from connector.planning.duplicates import duplicate_streams
from connector.planning.model import (
    KeyPath,
    Needs,
    Plan,
    PlanError,
    PlannedStream,
    Selected,
    StreamKey,
    Subscription,
)
from connector.planning.placement import place, shard_of
from connector.planning.resolve import Findings, Resolver
from connector.planning.selection import Selection
from connector.planning.templates import LISTED_ONLY, placeholders_of

MERGED = (
    "with the same content on both hosts since 2026-06-30: subscribe on one of them; rows of the"
    " other product go to its own topic when one of that kind is planned, else see `merged`"
)


def needs(subscriptions: Iterable[Subscription]) -> Needs:
    """Say what the subscriptions need to know of the exchange."""
    listings: set[Product] = set()
    volumes: set[Product] = set()
    for one in subscriptions:
        places = {place for stream in one.streams for place in placeholders_of(one.product, stream)}
        if places and (one.selection.needs_listings or LISTED_ONLY & places):
            listings.add(one.product)
        if places and one.selection.needs_volumes:
            volumes.add(one.product)
    return Needs(frozenset(listings), frozenset(volumes))


def make_plan(
    subscriptions: Sequence[Subscription],
    bases: Mapping[Product, Bases],
    prefix: str,
    *,
    universe: Universe | None = None,
    before: Plan | None = None,
    shard: tuple[int, int] = (0, 1),
) -> Plan:
    """Resolve subscriptions.

    Args:
        subscriptions: As configured.
        bases: Where each product is served.
        prefix: What default topic names begin with.
        universe: What exchangeInfo and the 24 h tickers said. Without it, symbols given by name
            are taken as written, and what needs it is left out and noted as pending.
        before: The plan as it is: who is placed stays, who was selected leaves late.
        shard: Index of this process and number of processes; each reads its part of the streams.

    Raises:
        PlanError: a stream no row knows, a stream written twice, two kinds in one topic, ...
    """
    notes = Findings()
    resolver = Resolver(bases, prefix, universe, notes)
    together = _Together(notes, prefix)
    was: Selected = {} if before is None else before.selected
    selected: dict[tuple[Product, Selection], tuple[str, ...]] = {}
    for number, subscription in enumerate(subscriptions):
        who = subscription.product, subscription.selection
        found, planned = resolver.resolve(subscription, ("subscriptions", number), was.get(who, ()))
        selected[who] = found.selected
        for where, one in planned:
            together.add(where, one, templated="{symbol}" in (subscription.topic or ""))
    streams = together.finished()
    if notes.problems:
        raise PlanError(notes.problems)
    index, count = shard
    ours = streams if count == 1 else [one for one in streams if _is_ours(one, index, count)]
    bundles = place(ours, () if before is None else before.connections)
    return Plan(bundles, tuple(notes.warnings), tuple(notes.pending), selected)


def _is_ours(one: PlannedStream, index: int, count: int) -> bool:
    return shard_of(*one.stream_key, count) == index


class _Together:
    """The streams of all subscriptions: none twice, and one kind in a topic."""

    def __init__(self, notes: Findings, prefix: str) -> None:
        self._notes = notes
        self._planning: dict[StreamKey, tuple[KeyPath, PlannedStream]] = {}
        own = ("markers", "progress", "dead-letter")
        self._kinds = {f"{prefix}.{name}": name for name in own}
        # A topic for each product and kind: there a merged stream's rows of that product go.
        self._homes: dict[tuple[Product, str], str] = {}

    def add(self, where: KeyPath, one: PlannedStream, *, templated: bool) -> None:
        """Take a stream in, or note why not; `templated`: its topic is for its symbol alone."""
        reason = self._twice(one)
        if reason is not None:
            self._notes.refuse(where, reason)
            return
        kind = one.stream.row.kind
        held = self._kinds.setdefault(one.topic, kind)
        if held != kind:
            text = f"topic {one.topic} already holds {held}: one record type per topic"
            self._notes.refuse(where, text)
        if not templated:
            self._homes.setdefault((one.stream.product, kind), one.topic)
        self._planning[one.stream_key] = where, one

    def _twice(self, one: PlannedStream) -> str | None:
        other = self._planning.get(one.stream_key)
        if other is not None:
            first, topic = _words(other[0]), other[1].topic
            return f"{one.stream.name} is planned twice: {first} sends it to {topic}; leave one out"
        twin = one.other_product
        if twin is not None and (twin, one.stream.name) in self._planning:
            return f"{one.stream.name} is {twin}'s too, {MERGED}"
        return None

    def finished(self) -> list[PlannedStream]:
        """Return the streams; note those that write the same events twice."""
        self._planning = {key: (at, self._homed(one)) for key, (at, one) in self._planning.items()}
        for overlap in duplicate_streams(self._planning):
            if overlap.refused:
                self._notes.refuse(overlap.where, overlap.text)
            else:
                self._notes.warnings.append((overlap.where, overlap.text))
        return [one for _, one in self._planning.values()]

    def _homed(self, one: PlannedStream) -> PlannedStream:
        """Give a merged stream the topic of its other product's rows, which another shard may have.

        Without one of their own they stay where `merged` says.
        """
        if one.other_product is None:
            return one
        kept = one.topic if one.keeps_other_product else None
        home = self._homes.get((one.other_product, one.stream.row.kind), kept)
        return one if home is None else replace(one, other_product_topic=home)


def _words(where: KeyPath) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)[1:]
