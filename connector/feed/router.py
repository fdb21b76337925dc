"""Every planned stream's way to its topic, and for each connection the table that finds it.

Ways are added before a stream is asked for and stay after it is given up, until nothing of it can
be under way any more: a late frame is never a stranger. One event loop's, no locks.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from connector.continuity.gap_tracker import GapTracker
from connector.continuity.series import Series
from connector.feed.pipeline import Codecs, Route, Routes, route_to
from connector.feed.route import with_other_product
from connector.planning.model import ConnectionPlan, Plan, PlannedStream, StreamKey

NEWS = frozenset({"contract-info", "option-symbol"})  # kinds that announce new listings
Key = tuple[str, str]  # of a connection: bundle name and endpoint


def key_of(bundle: ConnectionPlan) -> Key:
    """Return what tells a connection from every other, whatever streams it carries."""
    return bundle.name, bundle.endpoint


@dataclass(slots=True)
class Router:
    """The ways of all streams that are planned, or were a moment ago.

    Attributes:
        tables: For each connection: wire name -> way. The legs of a stream share one way.
        codecs: Decoders and encoders by row and time unit.
        retired_counts: (product, kind) -> events published by ways that are gone: counters never
        fall.
    """

    tables: dict[Key, Routes] = field(default_factory=dict)
    codecs: Codecs = field(default_factory=dict)
    retired_counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _routes_by_key: dict[StreamKey, dict[str, Route]] = field(default_factory=dict)  # by time unit
    _news: list[Route] = field(default_factory=list)

    def apply(self, plan: Plan, ids: Mapping[str, int], continuity: GapTracker) -> None:
        """Give every planned stream its way; what has one keeps it, and it may lead elsewhere.

        Args:
            plan: What is wanted from now on.
            ids: Topic -> schema id.
            continuity: Told of series that go elsewhere from now on.
        """
        for bundle in plan.connections:
            table = self.tables.setdefault(key_of(bundle), {})
            for planned in bundle.streams:
                table[planned.stream.name.encode()] = self._route(planned, ids, continuity)
        self._note_news()

    def _route(
        self, planned: PlannedStream, ids: Mapping[str, int], continuity: GapTracker
    ) -> Route:
        units = self._routes_by_key.setdefault(planned.stream_key, {})
        route = units.get(planned.time_unit)
        if route is None:
            route = units[planned.time_unit] = self._new_route(planned, ids, units)
        for way in units.values():  # the other unit's, too: it is read until this one is
            way.retarget(planned.topic, ids[planned.topic], planned.key, continuity)
        self._lead_foreign(route, planned, ids, continuity)
        return route

    def _new_route(
        self, planned: PlannedStream, ids: Mapping[str, int], others: Mapping[str, Route]
    ) -> Route:
        topic = planned.topic
        route = route_to(topic, ids[topic], planned.stream, self.codecs, planned.time_unit)
        route.key = planned.key
        route.carries_other_product = planned.other_product is not None
        for other in others.values():  # the same series, with times in another unit
            route.series, route.feeds, route.confirmed_at = (
                other.series,
                other.feeds,
                other.confirmed_at,
            )
        return route

    def _lead_foreign(
        self, route: Route, planned: PlannedStream, ids: Mapping[str, int], continuity: GapTracker
    ) -> None:
        """Have rows of the other product go where they are wanted now."""
        other, to = planned.other_product, planned.other_product_topic
        if other is None or to is None:
            if route.other_product is not None:
                continuity.end_coverage(route.other_product.series.values(), "plan_changed")
                self._count(route.other_product)
                route.other_product = None
        elif route.other_product is None:
            feeds, confirmed_at = list(route.feeds), dict(route.confirmed_at)
            route.other_product = replace(
                route,
                topic=to,
                schema_id=ids[to],
                product=other,
                series={},
                feeds=feeds,
                confirmed_at=confirmed_at,
                messages=0,
            )
        else:
            route.other_product.retarget(to, ids[to], planned.key, continuity)

    def forget(self, key: Key, keep: Collection[bytes] = ()) -> list[Series]:
        """Take all but these names from a connection's table, and the table when nothing is kept.

        Called when nothing of the other names can arrive or wait any more.

        Returns:
            The series that no way leads to any more.
        """
        table = self.tables[key]
        for name in [name for name in table if name not in keep]:
            del table[name]
        if not table:
            del self.tables[key]
        gone = self._close_unused()
        self._note_news()
        return gone

    def _close_unused(self) -> list[Series]:
        """Add up what no table leads to any more, and return its series."""
        used = {id(route) for table in self.tables.values() for route in table.values()}
        gone: list[Series] = []
        for identity, units in list(self._routes_by_key.items()):
            for unit in [unit for unit, route in units.items() if id(route) not in used]:
                route = units.pop(unit)
                for one in with_other_product(route):
                    self._count(one)
                if not units:
                    del self._routes_by_key[identity]
                    gone += route.all_series()
        return gone

    def _count(self, route: Route) -> None:
        self.retired_counts[_counted_as(route)] += route.messages

    def _note_news(self) -> None:
        self._news = [one for one in self.routes() if one.stream.row.kind in NEWS]

    def routes(self) -> Iterator[Route]:
        """Yield every way once; a merged stream's other product has one of its own."""
        for units in self._routes_by_key.values():
            for route in units.values():
                yield from with_other_product(route)

    def listing_announcements(self) -> int:
        """Return how many announcements of listings have been published: cheap to ask often."""
        return sum(route.messages for route in self._news)

    def published(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return (product, kind) -> events published ever, and the newest record time in ms."""
        sums = {key: (number, 0) for key, number in self.retired_counts.items()}
        for route in self.routes():
            key = _counted_as(route)
            number, millis = sums.get(key, (0, 0))
            sums[key] = number + route.messages, max(millis, route.last_event_ms)
        return sums


def _counted_as(route: Route) -> tuple[str, str]:
    return route.product, route.stream.row.kind
