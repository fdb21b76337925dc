"""Every planned stream's way to its topic, and for each connection the table that finds it.

Ways are added before a stream is asked for and stay after it is given up, until nothing of it can
be under way any more: a late frame is never a stranger. One event loop's, no locks.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from connector.binance.plan import Bundle, Plan, Planned
from connector.binance.products import Product
from connector.pipeline import Codecs, Route, Routes, route_to

NEWS = frozenset({"contract-info", "option-symbol"})  # kinds that announce new listings
Key = tuple[str, str]  # of a connection: bundle name and endpoint
Shape = tuple[str, int, str, str | None]


def key_of(bundle: Bundle) -> Key:
    """Return what tells a connection from every other, whatever streams it carries."""
    return bundle.name, bundle.endpoint


@dataclass(slots=True)
class Routing:
    """The ways of all streams that are planned, or were a moment ago.

    Attributes:
        tables: For each connection: wire name -> way. The legs of a stream share one way.
        codecs: Decoders and encoders by row and time unit.
        past: (product, kind) -> events published by ways that are gone: counters never fall.
    """

    tables: dict[Key, Routes] = field(default_factory=dict)
    codecs: Codecs = field(default_factory=dict)
    past: Counter[tuple[str, str]] = field(default_factory=Counter)
    _ways: dict[tuple[Product, str, str], tuple[Shape, Route]] = field(default_factory=dict)
    _former: list[Route] = field(default_factory=list)  # replaced, and still in a table
    _news: list[Route] = field(default_factory=list)

    def admit(self, plan: Plan, ids: Mapping[str, int]) -> None:
        """Give every planned stream its way; what has one that still fits keeps it.

        Args:
            plan: What is wanted from now on.
            ids: Topic -> schema id.
        """
        for bundle in plan.bundles:
            table = self.tables.setdefault(key_of(bundle), {})
            for planned in bundle.planned:
                table[planned.stream.name.encode()] = self._way(planned, ids)
        self._close_unused()

    def _way(self, planned: Planned, ids: Mapping[str, int]) -> Route:
        identity = (*planned.identity, planned.time_unit)
        shape = planned.topic, ids[planned.topic], planned.key, planned.foreign_topic
        known = self._ways.get(identity)
        if known is not None and known[0] == shape:
            return known[1]
        route = self._new_way(planned, ids)
        if known is not None:
            route.last_event_ms = known[1].last_event_ms
            self._former.append(known[1])
        self._ways[identity] = shape, route
        return route

    def _new_way(self, planned: Planned, ids: Mapping[str, int]) -> Route:
        topic, other, to = planned.topic, planned.foreign_product, planned.foreign_topic
        route = route_to(topic, ids[topic], planned.stream, self.codecs, planned.time_unit)
        route.key = planned.key
        route.merged = other is not None
        if other is not None and to is not None:
            route.foreign = replace(
                route, topic=to, schema_id=ids[to], product=other, series={}, legs=[], heard={}
            )
        return route

    def forget(self, key: Key, keep: Collection[bytes] = ()) -> None:
        """Take all but these names from a connection's table, and the table when nothing is kept.

        Called when nothing of the other names can arrive or wait any more.
        """
        table = self.tables[key]
        for name in [name for name in table if name not in keep]:
            del table[name]
        if not table:
            del self.tables[key]
        self._close_unused()

    def _close_unused(self) -> None:
        """Add up what no table leads to any more."""
        used = {id(route) for table in self.tables.values() for route in table.values()}
        gone = [route for route in self._former if id(route) not in used]
        self._former = [route for route in self._former if id(route) in used]
        for identity, (_, route) in list(self._ways.items()):
            if id(route) not in used:
                del self._ways[identity]
                gone.append(route)
        for route in gone:
            for one in _with_foreign(route):
                self.past[_counted_as(one)] += one.messages
        self._news = [one for one in self.routes() if one.stream.row.kind in NEWS]

    def routes(self) -> Iterator[Route]:
        """Yield every way once; a merged stream's other product has one of its own."""
        for route in (*self._former, *(route for _, route in self._ways.values())):
            yield from _with_foreign(route)

    def news(self) -> int:
        """Return how many announcements of listings have been published: cheap to ask often."""
        return sum(route.messages for route in self._news)

    def published(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return (product, kind) -> events published ever, and the newest record time in ms."""
        sums = {key: (number, 0) for key, number in self.past.items()}
        for route in self.routes():
            key = _counted_as(route)
            number, millis = sums.get(key, (0, 0))
            sums[key] = number + route.messages, max(millis, route.last_event_ms)
        return sums


def _with_foreign(route: Route) -> Iterator[Route]:
    yield route
    if route.foreign is not None:
        yield route.foreign


def _counted_as(route: Route) -> tuple[str, str]:
    return route.product, route.stream.row.kind
