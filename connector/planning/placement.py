"""Streams shared out over connections and shards: evenly, and so that nobody moves. Pure.

Who has a place keeps it; a newcomer goes where there is most room; an empty connection ends. A
stream changes its connection only with its endpoint, unit or number of connections.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from connector.binance.products import LIMITS, Product
from connector.planning.model import ConnectionPlan, PlannedStream, StreamKey

# Binance allows 1,024 streams a connection (options 200). Fewer, so that the end of one connection
# blinds few; and no more messages a second than one core reads with ease while it serves others.
MAX_STREAMS = 400
MAX_RATE = 2000.0

REPLICAS = "ab"  # what is added to a name where two connections carry the same streams

# What all streams of a connection have in common: product, endpoint, number of connections. The
# unit is part of the endpoint.
_Group = tuple[Product, str, int]


@dataclass(slots=True)
class _Bin:
    """A connection (or two, with the same streams) that is being filled."""

    name: str
    planned: list[PlannedStream] = field(default_factory=list)
    rate: float = 0.0

    def add(self, one: PlannedStream) -> None:
        self.planned.append(one)
        self.rate += one.rate


def place(
    planned: Iterable[PlannedStream], before: Sequence[ConnectionPlan] = ()
) -> tuple[ConnectionPlan, ...]:
    """Give every stream its connection.

    Args:
        planned: The streams, in the order of the config.
        before: The connections as they are: whose streams still exist stay where they are.
    """
    groups: dict[_Group, dict[str, _Bin]] = {}
    for bundle in before:
        group = _group(bundle.streams[0])
        groups.setdefault(group, {}).setdefault(_core(bundle), _Bin(_core(bundle)))
    homes = {one.stream_key: _core(bundle) for bundle in before for one in bundle.streams}
    newcomers = _settle(planned, groups, homes)
    names = _Names({_core(bundle) for bundle in before})
    for group, several in newcomers.items():
        _place(several, group, groups.setdefault(group, {}), names)
    cells = ((group, cell) for group, inside in groups.items() for cell in inside.values())
    return tuple(bundle for group, cell in cells for bundle in _bundles(group, cell))


def _group(one: PlannedStream) -> _Group:
    return one.stream.product, one.endpoint, one.connections


def _core(bundle: ConnectionPlan) -> str:
    """Return a bundle's name without its leg."""
    return bundle.name.rstrip(REPLICAS)  # numbers end every name otherwise


def most_streams(product: Product) -> int:
    """Return how many streams a connection of this product is given at most."""
    return min(MAX_STREAMS, LIMITS[product].streams_per_connection)


def _settle(
    planned: Iterable[PlannedStream],
    groups: Mapping[_Group, Mapping[str, _Bin]],
    homes: Mapping[StreamKey, str],
) -> dict[_Group, list[PlannedStream]]:
    """Put everyone who has a place into it; return the others."""
    newcomers: dict[_Group, list[PlannedStream]] = {}
    for one in planned:
        group = _group(one)
        cell = groups.get(group, {}).get(homes.get(one.stream_key, ""))
        if cell is None:
            newcomers.setdefault(group, []).append(one)
        else:
            cell.add(one)
    return newcomers


def _place(
    newcomers: Sequence[PlannedStream], group: _Group, cells: dict[str, _Bin], names: "_Names"
) -> None:
    """Give each newcomer the emptiest connection with room, or a new one."""
    most = most_streams(group[0])
    stem = stem_of(group[0], group[1])
    for _ in range(_missing(newcomers, cells, most)):
        cell = _Bin(names.new(stem))
        cells[cell.name] = cell
    emptiest = [_entry(number, cell) for number, cell in enumerate(cells.values())]
    heapify(emptiest)
    for one in newcomers:
        number, cell = _room(emptiest, one, most) or (len(cells), _Bin(names.new(stem)))
        cells[cell.name] = cell
        cell.add(one)
        heappush(emptiest, _entry(number, cell))


_Entry = tuple[float, int, int, _Bin]


def _entry(number: int, cell: _Bin) -> _Entry:
    return cell.rate, len(cell.planned), number, cell


def _room(emptiest: list[_Entry], one: PlannedStream, most: int) -> tuple[int, _Bin] | None:
    """Take the emptiest connection that has room; those with all their streams are forgotten."""
    while emptiest:
        rate, streams, number, cell = emptiest[0]
        if streams >= most:
            heappop(emptiest)
        elif streams and rate + one.rate > MAX_RATE:
            return None
        else:
            heappop(emptiest)
            return number, cell
    return None


def _missing(newcomers: Sequence[PlannedStream], cells: Mapping[str, _Bin], most: int) -> int:
    """Return how many connections to add beforehand, so that they fill evenly."""
    streams = len(newcomers) + sum(len(cell.planned) for cell in cells.values())
    # What is too busy for any connection fills one, and asks for no second.
    rates = [one.rate for one in newcomers] + [cell.rate for cell in cells.values()]
    rate = sum(min(one, MAX_RATE) for one in rates)
    wanted = max(math.ceil(streams / most), math.ceil(rate / MAX_RATE))
    return min(len(newcomers), max(0, wanted - len(cells)))


class _Names:
    """Names that nobody has, nor had in the plan before: no connection inherits another's name."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._next: dict[str, int] = {}

    def new(self, stem: str) -> str:
        number = self._next.get(stem, 1)
        while f"{stem}-{number}" in self._taken:
            number += 1
        self._next[stem] = number + 1
        return f"{stem}-{number}"


def stem_of(product: Product, endpoint: str) -> str:
    """Return what names of an endpoint's connections begin with: usdm-market, spot, spot-us."""
    url, _, query = endpoint.partition("?")
    route = url.removesuffix("/stream").rpartition("/")[2]
    stem = f"{product}-{route}" if route in ("public", "market") else product
    return f"{stem}-us" if query else stem


def _bundles(group: _Group, cell: _Bin) -> Iterator[ConnectionPlan]:
    if not cell.planned:
        return
    product, endpoint, connections = group
    for leg in range(connections):
        name = cell.name + REPLICAS[leg] if connections > 1 else cell.name
        unit = cell.planned[0].time_unit
        yield ConnectionPlan(name, product, endpoint, tuple(cell.planned), unit, leg)


def shard_of(product: Product, name: str, count: int) -> int:
    """Return the shard that reads a stream: the one with the highest hash (rendezvous hashing).

    One shard more takes its equal part from all others, and nothing else moves.
    """
    return max(range(count), key=lambda index: _weight(product, name, index))


def _weight(product: Product, name: str, index: int) -> bytes:
    return hashlib.blake2b(f"{product}|{name}|{index}".encode(), digest_size=8).digest()
