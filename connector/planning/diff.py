"""What changes from one plan to another: streams and connections. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import parse_any
from connector.errors import Refused
from connector.planning.model import (
    ConnectionPlan,
    Plan,
    PlannedStream,
    Selected,
    StreamKey,
    Subscription,
)


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """What to do to get from one plan to another.

    Attributes:
        added: Streams that begin.
        removed: Streams that end.
        moved: Streams that change their connections, as they will be.
        rerouted: Streams that stay on their connection and change topic, key or the like, as they
            will be.
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
    """Compare two plans."""
    was, will = _by_identity(old.connections), _by_identity(new.connections)
    moves = compare(names_of(old.connections), names_of(new.connections))
    stay = [identity for identity in was if identity in will and identity not in moves.moved]
    return PlanDiff(
        added=tuple(will[identity] for identity in moves.added),
        removed=tuple(was[identity] for identity in moves.removed),
        moved=tuple(will[identity] for identity in moves.moved),
        rerouted=tuple(will[key] for key in stay if was[key] != will[key]),
    )


def _by_identity(bundles: Collection[ConnectionPlan]) -> dict[StreamKey, PlannedStream]:
    return {one.stream_key: one for bundle in bundles for one in bundle.streams}


# Stream names by connection, as a worker's /status tells them.
Names = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Moves:
    """Streams that differ between two sets of connections, each with its connections' names."""

    added: Mapping[StreamKey, str]
    removed: Mapping[StreamKey, str]
    moved: Mapping[StreamKey, tuple[str, str]]


def names_of(bundles: Collection[ConnectionPlan]) -> dict[str, list[str]]:
    """Return the stream names of each connection."""
    return {bundle.name: [one.stream.name for one in bundle.streams] for bundle in bundles}


def compare(old: Names, new: Names) -> Moves:
    """Compare by names alone; a connection's name says the product.

    Raises:
        Refused: a name that is none of a connection.
    """
    was, will = _places(old), _places(new)
    return Moves(
        added={key: place for key, place in will.items() if key not in was},
        removed={key: place for key, place in was.items() if key not in will},
        moved={
            key: (was[key], place) for key, place in will.items() if was.get(key, place) != place
        },
    )


def _places(names: Names) -> dict[StreamKey, str]:
    places: dict[StreamKey, list[str]] = {}
    for bundle, streams in names.items():
        product = product_of(bundle)
        for name in streams:
            places.setdefault((product, name), []).append(bundle)
    return {identity: " + ".join(sorted(several)) for identity, several in places.items()}


def product_of(bundle: str) -> Product:
    """Return the product that a connection's name begins with.

    Raises:
        Refused: none does.
    """
    for product in PRODUCTS:
        if bundle.startswith(product):
            return product
    raise Refused(f"{bundle!r} is no connection's name: none of {', '.join(PRODUCTS)} begins it")


@dataclass(frozen=True, slots=True)
class Running:
    """The stream names of each connection of a worker.

    Raises:
        Refused: (all of its methods) a connection's or stream's name that is none.
    """

    names: Names

    def before(self, subscriptions: Iterable[Subscription]) -> Plan:
        """Return what was selected: symbols that are read now leave late."""
        symbols: dict[Product, tuple[str, ...]] = {}
        for bundle, streams in self.names.items():
            product = product_of(bundle)
            symbols[product] = (*symbols.get(product, ()), *_symbols(product, streams))
        selected: Selected = {
            (one.product, one.selection): symbols.get(one.product, ()) for one in subscriptions
        }
        return Plan((), selected=selected)

    def placed(self, plan: Plan) -> Plan:
        """Return the running connections with the streams that go on, as planned anew."""
        planned = {one.stream_key: one for one in plan.streams}
        bundles = (self._bundle(name, streams, planned) for name, streams in self.names.items())
        return Plan(tuple(one for one in bundles if one is not None), selected=plan.selected)

    def moves(self, plan: Plan) -> Moves:
        """Return what a plan changes."""
        return compare(self.names, names_of(plan.connections))

    def _bundle(
        self, name: str, streams: Collection[str], planned: Mapping[StreamKey, PlannedStream]
    ) -> ConnectionPlan | None:
        product = product_of(name)
        stay = tuple(planned[product, each] for each in streams if (product, each) in planned)
        if not stay:
            return None
        return ConnectionPlan(name, product, stay[0].endpoint, stay, stay[0].time_unit)


def _symbols(product: Product, streams: Collection[str]) -> Sequence[str]:
    found = (parse_any(product, name).parameters.get("symbol", "") for name in streams)
    return [symbol.upper() for symbol in found if symbol]
