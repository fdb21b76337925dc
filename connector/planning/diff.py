"""What changes from one plan to another: streams and connections. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from connector.binance.products import PRODUCTS, Product
from connector.errors import Refused
from connector.planning.model import Bundle, Identity, Planned


@dataclass(frozen=True, slots=True)
class Difference:
    """What to do to get from one plan to another.

    Attributes:
        added: Streams that begin.
        removed: Streams that end.
        moved: Streams that change their connections, as they will be.
        rerouted: Streams that stay on their connection and change topic, key or the like, as they
            will be.
        begun: Connections to open.
        ended: Connections to close.
        changed: Connections that keep their name and get other streams: before and after.
    """

    added: tuple[Planned, ...]
    removed: tuple[Planned, ...]
    moved: tuple[Planned, ...]
    rerouted: tuple[Planned, ...]
    begun: tuple[Bundle, ...]
    ended: tuple[Bundle, ...]
    changed: tuple[tuple[Bundle, Bundle], ...]

    @property
    def is_nothing(self) -> bool:
        """Whether both plans are the same; estimates do not count."""
        streams = self.added or self.removed or self.moved or self.rerouted
        return not (streams or self.begun or self.ended or self.changed)


def difference(old: Collection[Bundle], new: Collection[Bundle]) -> Difference:
    """Compare the connections of two plans."""
    was, will = _by_identity(old), _by_identity(new)
    moves = compare(names_of(old), names_of(new))
    stay = [identity for identity in was if identity in will and identity not in moves.moved]
    before, after = ({bundle.name: bundle for bundle in bundles} for bundles in (old, new))
    return Difference(
        added=tuple(will[identity] for identity in moves.added),
        removed=tuple(was[identity] for identity in moves.removed),
        moved=tuple(will[identity] for identity in moves.moved),
        rerouted=tuple(will[key] for key in stay if was[key] != will[key]),
        begun=tuple(bundle for name, bundle in after.items() if name not in before),
        ended=tuple(bundle for name, bundle in before.items() if name not in after),
        changed=tuple(
            (before[name], bundle)
            for name, bundle in after.items()
            if name in before and _content(before[name]) != _content(bundle)
        ),
    )


def _by_identity(bundles: Collection[Bundle]) -> dict[Identity, Planned]:
    return {one.identity: one for bundle in bundles for one in bundle.planned}


def _content(bundle: Bundle) -> tuple[str, frozenset[tuple[Identity, str, str, str | None]]]:
    streams = {(one.identity, one.topic, one.key, one.foreign_topic) for one in bundle.planned}
    return bundle.endpoint, frozenset(streams)


# Stream names by connection, as a worker's /status tells them.
Names = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Moves:
    """Streams that differ between two sets of connections, each with its connections' names."""

    added: Mapping[Identity, str]
    removed: Mapping[Identity, str]
    moved: Mapping[Identity, tuple[str, str]]


def names_of(bundles: Collection[Bundle]) -> dict[str, list[str]]:
    """Return the stream names of each connection."""
    return {bundle.name: [one.stream.name for one in bundle.planned] for bundle in bundles}


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


def _places(names: Names) -> dict[Identity, str]:
    places: dict[Identity, list[str]] = {}
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
