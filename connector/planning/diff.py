"""Differences between two plans, and between a plan and what a worker runs. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import parse_any
from connector.errors import Refused
from connector.planning.model import (
    ConnectionPlan,
    Plan,
    PlannedStream,
    SelectedSymbols,
    StreamKey,
    SubscriptionSpec,
)


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """The changes from one plan to another.

    Attributes:
        added: Streams that begin.
        removed: Streams that end.
        moved: Streams that change their connections, as planned now.
        rerouted: Streams that change only topic, key or the like, as planned now.
    """

    added: tuple[PlannedStream, ...]
    removed: tuple[PlannedStream, ...]
    moved: tuple[PlannedStream, ...]
    rerouted: tuple[PlannedStream, ...]

    @property
    def is_nothing(self) -> bool:
        """Whether both plans are the same; estimates do not count."""
        return not (self.added or self.removed or self.moved or self.rerouted)


def difference(old: Plan, new: Plan) -> PlanDiff:
    """Return the changes from one plan to another."""
    before, after = ({each.stream_key: each for each in plan.streams} for plan in (old, new))
    changes = compare(stream_names(old.connections), stream_names(new.connections))
    staying = [key for key in before if key in after and key not in changes.moved]
    return PlanDiff(
        added=tuple(after[key] for key in changes.added),
        removed=tuple(before[key] for key in changes.removed),
        moved=tuple(after[key] for key in changes.moved),
        rerouted=tuple(after[key] for key in staying if before[key] != after[key]),
    )


StreamNames = Mapping[str, Collection[str]]  # connection -> wire names, as in a worker's /status


@dataclass(frozen=True, slots=True)
class NameDiff:
    """The changes between two sets of connections, by names alone.

    Attributes:
        added: Streams that begin, each with its connections' names, joined by ` + `.
        removed: Streams that end, the same.
        moved: Streams that change their connections: names before and after.
    """

    added: Mapping[StreamKey, str]
    removed: Mapping[StreamKey, str]
    moved: Mapping[StreamKey, tuple[str, str]]


def stream_names(connections: Collection[ConnectionPlan]) -> dict[str, list[str]]:
    """Return the wire names on each connection."""
    return {each.name: [planned.stream.name for planned in each.streams] for each in connections}


def compare(old: StreamNames, new: StreamNames) -> NameDiff:
    """Return the changes from `old` to `new`.

    Raises:
        Refused: a name that is no connection's.
    """
    before, after = _connections_of(old), _connections_of(new)
    return NameDiff(
        added={key: names for key, names in after.items() if key not in before},
        removed={key: names for key, names in before.items() if key not in after},
        moved={
            key: (before[key], names)
            for key, names in after.items()
            if before.get(key, names) != names
        },
    )


def _connections_of(streams_of: StreamNames) -> dict[StreamKey, str]:
    """Return the names of each stream's connections, joined by ` + `."""
    connections: dict[StreamKey, list[str]] = {}
    for connection, streams in streams_of.items():
        product = product_of_connection(connection)
        for stream in streams:
            connections.setdefault((product, stream), []).append(connection)
    return {key: " + ".join(sorted(names)) for key, names in connections.items()}


def product_of_connection(name: str) -> Product:
    """Return the product that a connection's name begins with.

    Raises:
        Refused: it begins with none.
    """
    for product in PRODUCTS:
        if name.startswith(product):
            return product
    raise Refused(f"{name!r} is no connection's name: none of {', '.join(PRODUCTS)} begins it")


@dataclass(frozen=True, slots=True)
class RunningPlan:
    """The plan of a running worker, as far as its /status shows it: wire names by connection.

    Raises:
        Refused: (all of its methods) a name that is no connection's or no stream's.
    """

    names: StreamNames

    def with_selected(self, subscriptions: Iterable[SubscriptionSpec]) -> Plan:
        """Return a plan with the symbols that are read now as those selected last.

        Planned after it, symbols of a `top` and those that stopped trading leave late, as they do
        in the worker.
        """
        symbols: dict[Product, list[str]] = {}
        for product, name in _connections_of(self.names):
            if symbol := parse_any(product, name).parameters.get("symbol"):
                symbols.setdefault(product, []).append(symbol.upper())
        selected: SelectedSymbols = {
            (each.product, each.selection): dict.fromkeys(symbols.get(each.product, ()))
            for each in subscriptions
        }
        return Plan((), selected=selected)

    def with_connections(self, plan: Plan) -> Plan:
        """Return the running connections, with the streams that a plan keeps as it plans them.

        Planned after it, these streams stay on their connections.
        """
        planned = {each.stream_key: each for each in plan.streams}
        connections: list[ConnectionPlan] = []
        for name, streams in self.names.items():
            product = product_of_connection(name)
            kept = tuple(planned[product, each] for each in streams if (product, each) in planned)
            if kept:
                endpoint, unit = kept[0].endpoint, kept[0].time_unit
                connections.append(ConnectionPlan(name, product, endpoint, kept, unit))
        return Plan(tuple(connections), selected=plan.selected)

    def changes(self, plan: Plan) -> NameDiff:
        """Return what a plan changes."""
        return compare(self.names, stream_names(plan.connections))
