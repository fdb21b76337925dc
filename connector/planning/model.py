"""What a plan is made of: streams with their way, and the connections that carry them. Pure data.

Never decides anything: `plan` resolves, `bundles` shares out, `estimate` guesses rates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from connector.binance.catalogue import OTHER_FUTURES, is_merged
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.errors import Refused
from connector.planning.selection import Selection

KeyPath = tuple[str | int, ...]
TimeUnit = Literal["ms", "us"]
StreamKey = tuple[Product, str]  # product and wire name
Finding = tuple[KeyPath, str]  # a place in the config, and what there is to say of it


@dataclass(frozen=True, slots=True)
class PlannedStream:
    """One stream and where it comes from and goes to.

    Attributes:
        stream: The stream.
        topic: Kafka topic.
        endpoint: URL of the connection that serves it.
        keeps_other_product: Rows of the other futures product in a merged stream are kept in this
        topic when they have none of their own. key: Template of the record key. time_unit: Unit of
        the times on the wire; us needs a connection of its own. connections: How many connections
        read it; the first arrival wins. other_product_topic: Topic of the other product's rows in a
        merged stream; None: they have none. rate: Estimated messages a second. Estimates are no
        part of what is planned: a plan that differs in them alone is the same plan. bytes_rate:
        Estimated bytes a second, as they come out of the socket.
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
        """What tells it from every other stream."""
        return self.stream.product, self.stream.name

    @property
    def other_product(self) -> Product | None:
        """The other product whose rows come on this stream too (since 2026-06-30), if any."""
        return OTHER_FUTURES.get(self.stream.product) if is_merged(self.stream.row) else None


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """The streams of one connection.

    Attributes:
        name: Stable name for logs and metrics: usdm-market-1; with two legs usdm-market-1a and -1b.
        product: The product, which sets the limits.
        endpoint: URL to connect to.
        streams: Its streams.
        time_unit: Unit of the times on this connection.
        replica: 0, or 1 for the second connection with the same streams.
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


class Subscription(Protocol):
    """What a planner reads of a subscription (config/model.py)."""

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


Selected = Mapping[tuple[Product, Selection], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to read, by connection.

    Attributes:
        connections: The connections.
        warnings: What a user should know, with its path in the config.
        pending: What exchangeInfo has to be asked for: only in plans made without it.
        selected: Symbols that filters chose: the next plan asks who was in.
    """

    connections: tuple[ConnectionPlan, ...]
    warnings: tuple[Finding, ...] = ()
    pending: tuple[Finding, ...] = ()
    selected: Selected = field(default_factory=dict)

    @property
    def streams(self) -> list[PlannedStream]:
        """Every stream once, in the order of the bundles."""
        return [one for bundle in self.connections if not bundle.replica for one in bundle.streams]

    @property
    def topics(self) -> dict[str, str]:
        """Each topic and the kind of its records."""
        topics = {one.topic: one.stream.row.kind for one in self.streams}
        for one in self.streams:
            if one.other_product_topic is not None:
                topics.setdefault(one.other_product_topic, one.stream.row.kind)
        return topics


class PlanError(Refused):
    """The subscriptions cannot be planned: every problem with its path in the config."""

    def __init__(self, problems: Sequence[Finding]) -> None:
        super().__init__("; ".join(text for _, text in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Needs:
    """What has to be asked before a plan can be made whole.

    Attributes:
        listings: Products whose exchangeInfo says which streams there are.
        volumes: Products whose 24 h tickers do.
    """

    listings: frozenset[Product]
    volumes: frozenset[Product]
