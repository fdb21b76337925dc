"""What a plan consists of: streams with their routes, and the connections that carry them. Pure.

Data only: plan.py resolves subscriptions, placement.py places streams, traffic.py estimates rates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from connector.binance.catalogue import OTHER_FUTURES, is_merged
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.errors import Refused
from connector.planning.selection import Selected, Selection

KeyPath = tuple[str | int, ...]  # a place in the config: ("subscriptions", 0, "streams", 1)
TimeUnit = Literal["ms", "us"]
StreamKey = tuple[Product, str]  # product and wire name: unique to a stream
Finding = tuple[KeyPath, str]  # a place in the config and the sentence about it


def path_of(where: KeyPath) -> str:
    """Return a path as it is written in messages: `subscriptions[2].streams[0]`."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True, slots=True)
class PlannedStream:
    """One stream, the endpoint that serves it, and the topic of its records.

    Attributes:
        keeps_other_product: Of a merged stream: events of the other futures product go to `topic`
            if they have no topic of their own; else they are dropped.
        key: Template of the record key.
        time_unit: Unit of the times on the wire; us needs a connection of its own.
        connections: Connections that carry the stream; the first arrival of an event is published.
        other_product_topic: Topic of the other product's events in a merged stream; None: dropped.
        rate: Estimated messages a second. Plans that differ in estimates alone are equal.
        bytes_rate: Estimated bytes of JSON a second.
    """

    stream: Stream
    topic: str
    endpoint: str
    keeps_other_product: bool = False
    key: str = "{symbol}"
    time_unit: TimeUnit = "ms"
    connections: int = 1
    other_product_topic: str | None = None
    rate: float = field(default=0.0, compare=False)
    bytes_rate: float = field(default=0.0, compare=False)

    @property
    def stream_key(self) -> StreamKey:
        """Product and wire name."""
        return self.stream.product, self.stream.name

    @property
    def other_product(self) -> Product | None:
        """The other product whose events a merged stream carries (since 2026-06-30), if any."""
        return OTHER_FUTURES.get(self.stream.product) if is_merged(self.stream.row) else None


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """One connection and the streams it carries.

    Attributes:
        name: Stable name for logs and metrics: usdm-market-1; of two replicas usdm-market-1a, -1b.
        product: The product, which sets the limits.
        time_unit: Unit of the times on this connection.
        replica: 0; 1 for the second connection with the same streams.
    """

    name: str
    product: Product
    endpoint: str
    streams: tuple[PlannedStream, ...]
    time_unit: TimeUnit = "ms"
    replica: int = 0

    @property
    def rate(self) -> float:
        """Estimated messages a second."""
        return sum(planned.rate for planned in self.streams)

    @property
    def bytes_rate(self) -> float:
        """Estimated bytes a second."""
        return sum(planned.bytes_rate for planned in self.streams)


class SubscriptionSpec(Protocol):
    """What planning needs of a subscription (config/subscription.py)."""

    @property
    def product(self) -> Product: ...  # noqa: D102
    @property
    def selection(self) -> Selection: ...  # noqa: D102
    @property
    def streams(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def topic(self) -> str | None: ...  # noqa: D102
    @property
    def endpoint(self) -> str | None: ...  # noqa: D102
    @property
    def merged(self) -> Literal["drop", "keep"]: ...  # noqa: D102
    @property
    def key(self) -> str | None: ...  # noqa: D102
    @property
    def time_unit(self) -> TimeUnit: ...  # noqa: D102
    @property
    def connections(self) -> int: ...  # noqa: D102


# The symbols that the filters of each selection chose, upper case.
SelectedSymbols = Mapping[tuple[Product, Selection], Selected]


@dataclass(frozen=True, slots=True)
class Plan:
    """Every connection of this process.

    Attributes:
        warnings: What a user should know, with its place in the config.
        pending: What exchangeInfo decides: only in plans made without it.
        selected: Symbols that filters chose; the next plan needs them, see selection.py.
    """

    connections: tuple[ConnectionPlan, ...]
    warnings: tuple[Finding, ...] = ()
    pending: tuple[Finding, ...] = ()
    selected: SelectedSymbols = field(default_factory=dict)

    @property
    def streams(self) -> list[PlannedStream]:
        """Every stream once, in the order of the connections."""
        first_replicas = (plan for plan in self.connections if not plan.replica)
        return [planned for plan in first_replicas for planned in plan.streams]

    @property
    def topics(self) -> dict[str, str]:
        """Each topic and the kind of its records."""
        streams = self.streams
        topics = {planned.topic: planned.stream.row.kind for planned in streams}
        for planned in streams:
            if planned.other_product_topic is not None:
                topics.setdefault(planned.other_product_topic, planned.stream.row.kind)
        return topics


class PlanError(Refused):
    """The subscriptions cannot be planned; `problems` has each with its place in the config."""

    def __init__(self, problems: Sequence[Finding]) -> None:
        super().__init__("; ".join(text for _, text in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Needs:
    """Products whose exchangeInfo (`listings`) and 24 h tickers (`volumes`) a plan needs."""

    listings: frozenset[Product]
    volumes: frozenset[Product]
