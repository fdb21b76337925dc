"""The routes of all planned streams, and for each connection the table its frames are looked up in.

A route is added before its stream is subscribed and stays after it is unsubscribed, until no frame
of it can arrive any more: a late frame is never of an unknown stream. One event loop's, no locks.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from connector.continuity.gap_tracker import GapTracker
from connector.continuity.series import Series
from connector.feed.route import Codecs, Route, Routes, route_to, with_other_product
from connector.planning.model import ConnectionPlan, Plan, PlannedStream, StreamKey

LISTING_KINDS = frozenset({"contract-info", "option-symbol"})  # kinds that announce new listings
Key = tuple[str, str]  # of a connection: name and endpoint of its plan


def key_of(connection: ConnectionPlan) -> Key:
    """Return what identifies a connection, whatever streams it carries."""
    return connection.name, connection.endpoint


@dataclass(slots=True)
class Router:
    """The routes of all streams that are planned, or were a moment ago."""

    tables: dict[Key, Routes] = field(default_factory=dict)  # the connections of a stream share it
    codecs: Codecs = field(default_factory=dict)
    # (product, kind) -> events published by routes that are gone: counters must not fall.
    retired_counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _routes_by_key: dict[StreamKey, dict[str, Route]] = field(default_factory=dict)  # by time unit
    _listing_routes: list[Route] = field(default_factory=list)

    def apply(self, plan: Plan, ids: Mapping[str, int], gap_tracker: GapTracker) -> None:
        """Give every planned stream a route; one that it has already may get another topic.

        `ids`: topic -> schema id.
        """
        for connection in plan.connections:
            table = self.tables.setdefault(key_of(connection), {})
            for planned in connection.streams:
                table[planned.stream.name.encode()] = self._route(planned, ids, gap_tracker)
        self._note_listing_routes()

    def _route(
        self, planned: PlannedStream, ids: Mapping[str, int], gap_tracker: GapTracker
    ) -> Route:
        units = self._routes_by_key.setdefault(planned.stream_key, {})
        route = units.get(planned.time_unit)
        if route is None:
            route = units[planned.time_unit] = self._new_route(planned, ids, units)
        for each in units.values():  # the other unit's, too: it is read until this one is
            each.retarget(planned.topic, ids[planned.topic], planned.key, gap_tracker)
        self._route_other_product(route, planned, ids, gap_tracker)
        return route

    def _new_route(
        self, planned: PlannedStream, ids: Mapping[str, int], others: Mapping[str, Route]
    ) -> Route:
        topic = planned.topic
        route = route_to(topic, ids[topic], planned.stream, self.codecs, planned.time_unit)
        route.key = planned.key
        route.carries_other_product = planned.other_product is not None
        for other in others.values():  # the same series, with times in another unit
            route.series, route.feeds = other.series, other.feeds
            route.confirmed_at = other.confirmed_at
        return route

    def _route_other_product(
        self, route: Route, planned: PlannedStream, ids: Mapping[str, int], gap_tracker: GapTracker
    ) -> None:
        """Send the rows of the other product to the topic planned for them, or leave them out."""
        product, topic = planned.other_product, planned.other_product_topic
        if product is None or topic is None:
            if route.other_product is not None:
                for series in route.other_product.series.values():
                    gap_tracker.leave([series], series.last_ms or 0)
                self._count(route.other_product)
                route.other_product = None
        elif route.other_product is None:
            route.other_product = other = replace(route, topic=topic, schema_id=ids[topic])
            other.product, other.series, other.messages = product, {}, 0
            other.feeds, other.confirmed_at = list(route.feeds), dict(route.confirmed_at)
        else:
            route.other_product.retarget(topic, ids[topic], planned.key, gap_tracker)

    def forget(self, key: Key, keep: Collection[bytes] = ()) -> list[Series]:
        """Remove all but these names from a connection's table, and the table if none is kept.

        Called when no frame of the other names can arrive or wait any more. Returns the series that
        no route carries any more.
        """
        table = self.tables[key]
        for name in table.keys() - set(keep):
            del table[name]
        if not table:
            del self.tables[key]
        unused = self._close_unused()
        self._note_listing_routes()
        return unused

    def _close_unused(self) -> list[Series]:
        """Remove the routes that are in no table, keep their counts, and return their series."""
        used = {id(route) for table in self.tables.values() for route in table.values()}
        unused: list[Series] = []
        for stream_key, units in list(self._routes_by_key.items()):
            for unit in [unit for unit, route in units.items() if id(route) not in used]:
                route = units.pop(unit)
                for each in with_other_product(route):
                    self._count(each)
                if not units:
                    del self._routes_by_key[stream_key]
                    unused += route.all_series()
        return unused

    def _count(self, route: Route) -> None:
        self.retired_counts[_counted_as(route)] += route.messages

    def _note_listing_routes(self) -> None:
        listed = (route for route in self.routes() if route.stream.row.kind in LISTING_KINDS)
        self._listing_routes = list(listed)

    def routes(self) -> Iterator[Route]:
        """Yield every route once; a merged stream's other product has one of its own."""
        for units in self._routes_by_key.values():
            for route in units.values():
                yield from with_other_product(route)

    def continue_series(self, gap_tracker: GapTracker, since: float) -> int:
        """Open the series of the previous writer that were read here since a time, without a gap.

        Returns how many they are.

        Args:
            gap_tracker: It has taken over.
            since: In the seconds of `Route.confirmed_at`; what the writer has stored reaches so
                far, or further.
        """
        routes = {
            (route.product, route.stream.name): route
            for route in self.routes()
            if route.is_confirmed_since(since)
        }
        opened = 0
        for progress in list(gap_tracker.unclaimed.values()):
            route = routes.get((progress["product"], progress["stream_name"]))
            if route is not None:
                route.open_series(progress["symbol"], gap_tracker, unbroken=True)
                opened += 1
        return opened

    def listing_announcements(self) -> int:
        """Return how many announcements of listings have been published; cheap to call often."""
        return sum(route.messages for route in self._listing_routes)

    def published_events(self) -> dict[tuple[str, str], float]:
        """Return (product, kind) -> events published ever."""
        return {key: events for key, (events, _) in self.published().items()}

    def published(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return (product, kind) -> events published ever, and the newest record time in ms."""
        sums = {key: (events, 0) for key, events in self.retired_counts.items()}
        for route in self.routes():
            key = _counted_as(route)
            events, newest_ms = sums.get(key, (0, 0))
            sums[key] = events + route.messages, max(newest_ms, route.last_event_ms)
        return sums


def _counted_as(route: Route) -> tuple[str, str]:
    return route.product, route.stream.row.kind
