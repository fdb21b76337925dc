"""Streams placed on connections and shards: evenly, and so that placed streams stay. Pure.

A stream changes its connection only with its endpoint, time unit or number of connections. A new
stream goes to the connection with the lowest rate; a connection without streams ends.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count

from connector.binance.products import LIMITS, Product
from connector.planning.model import ConnectionPlan, PlannedStream, StreamKey

# Binance allows 1,024 streams a connection (options 200). Fewer here, so that the end of one
# interrupts few; and at most the messages a second that one core reads with ease.
MAX_STREAMS = 400
MAX_RATE = 2000.0

REPLICAS = "ab"  # appended to the names of two connections with the same streams

# What streams of one connection share: product, endpoint (with the time unit), connections.
_Group = tuple[Product, str, int]


@dataclass(slots=True)
class _Bin:
    """A connection (or two replicas) that is being filled."""

    name: str
    planned: list[PlannedStream] = field(default_factory=list)
    rate: float = 0.0

    def entry(self, number: int) -> "_HeapEntry":
        return self.rate, len(self.planned), number, self

    def add(self, planned: PlannedStream) -> None:
        self.planned.append(planned)
        self.rate += planned.rate


def place(
    streams: Iterable[PlannedStream], before: Sequence[ConnectionPlan] = ()
) -> tuple[ConnectionPlan, ...]:
    """Return the connections that carry the streams, which stay on theirs of `before`."""
    groups: dict[_Group, dict[str, _Bin]] = {}
    bin_of: dict[StreamKey, str] = {}
    for connection in before:
        name, group = _bin_name(connection), _group(connection.streams[0])
        groups.setdefault(group, {}).setdefault(name, _Bin(name))
        bin_of |= {planned.stream_key: name for planned in connection.streams}
    newcomers = _keep_placed(streams, groups, bin_of)
    taken = {_bin_name(connection) for connection in before}
    for group, members in newcomers.items():
        _place_new(members, group, groups.setdefault(group, {}), taken)
    filled = ((group, bin_) for group, bins in groups.items() for bin_ in bins.values())
    return tuple(plan for group, bin_ in filled for plan in _connection_plans(group, bin_))


def _group(planned: PlannedStream) -> _Group:
    return planned.stream.product, planned.endpoint, planned.connections


def _bin_name(connection: ConnectionPlan) -> str:
    """Return a connection's name without the letter of its replica."""
    return connection.name.rstrip(REPLICAS)  # other names end in a number


def max_streams(product: Product) -> int:
    """Return the maximum number of streams on a connection of this product."""
    return min(MAX_STREAMS, LIMITS[product].streams_per_connection)


def _keep_placed(
    streams: Iterable[PlannedStream],
    groups: Mapping[_Group, Mapping[str, _Bin]],
    bin_of: Mapping[StreamKey, str],
) -> dict[_Group, list[PlannedStream]]:
    """Put every stream that has a connection into its bin; return the others by group."""
    newcomers: dict[_Group, list[PlannedStream]] = {}
    for planned in streams:
        group = _group(planned)
        if bin_ := groups.get(group, {}).get(bin_of.get(planned.stream_key, "")):
            bin_.add(planned)
        else:
            newcomers.setdefault(group, []).append(planned)
    return newcomers


def _place_new(
    newcomers: Sequence[PlannedStream], group: _Group, bins: dict[str, _Bin], taken: set[str]
) -> None:
    """Put each newcomer into the bin with the lowest rate that has room, or into a new one."""
    limit = max_streams(group[0])
    stem = stem_of(group[0], group[1])
    for _ in range(_missing_bins(newcomers, bins, limit)):
        name = _new_name(stem, taken)
        bins[name] = _Bin(name)
    heap = [bin_.entry(number) for number, bin_ in enumerate(bins.values())]
    heapify(heap)
    for planned in newcomers:
        entry = _pop_with_room(heap, planned, limit)
        number, bin_ = entry or (len(bins), _Bin(_new_name(stem, taken)))
        bins[bin_.name] = bin_
        bin_.add(planned)
        heappush(heap, bin_.entry(number))


_HeapEntry = tuple[float, int, int, _Bin]  # rate, streams, number, bin


def _pop_with_room(
    heap: list[_HeapEntry], planned: PlannedStream, limit: int
) -> tuple[int, _Bin] | None:
    """Pop the bin with the lowest rate that has room; bins with `limit` streams are dropped."""
    while heap and heap[0][1] >= limit:
        heappop(heap)
    if not heap or (heap[0][1] and heap[0][0] + planned.rate > MAX_RATE):
        return None
    return heappop(heap)[2:]


def _missing_bins(newcomers: Sequence[PlannedStream], bins: Mapping[str, _Bin], limit: int) -> int:
    """Return how many bins to add before placing, so that they fill evenly."""
    streams = len(newcomers) + sum(len(bin_.planned) for bin_ in bins.values())
    # A stream above MAX_RATE fills one connection; a second one would not help it.
    rates = [planned.rate for planned in newcomers] + [bin_.rate for bin_ in bins.values()]
    total_rate = sum(min(rate, MAX_RATE) for rate in rates)
    wanted = max(math.ceil(streams / limit), math.ceil(total_rate / MAX_RATE))
    return min(len(newcomers), max(0, wanted - len(bins)))


def _new_name(stem: str, taken: set[str]) -> str:
    """Return a name that no connection has, or had in the previous plan; add it to `taken`."""
    names = (f"{stem}-{number}" for number in count(1))
    name = next(each for each in names if each not in taken)
    taken.add(name)
    return name


def stem_of(product: Product, endpoint: str) -> str:
    """Return the first part of the names of an endpoint's connections: usdm-market, spot-us."""
    url, _, query = endpoint.partition("?")
    route = url.removesuffix("/stream").rpartition("/")[2]
    stem = f"{product}-{route}" if route in ("public", "market") else product
    return f"{stem}-us" if query else stem


def _connection_plans(group: _Group, bin_: _Bin) -> Iterator[ConnectionPlan]:
    """Yield the replicas of a bin's connection; none if the bin is empty."""
    product, endpoint, connections = group
    for replica in range(connections) if bin_.planned else ():
        name = bin_.name + REPLICAS[replica] if connections > 1 else bin_.name
        unit = bin_.planned[0].time_unit
        yield ConnectionPlan(name, product, endpoint, tuple(bin_.planned), unit, replica)


def shard_of(product: Product, name: str, count: int) -> int:
    """Return the index of the shard that reads a stream: the highest hash (rendezvous hashing).

    When a shard is added, it takes an equal part from every other, and no other stream moves.
    """

    def score(index: int) -> bytes:
        return hashlib.blake2b(f"{product}|{name}|{index}".encode(), digest_size=8).digest()

    return max(range(count), key=score)
