"""Subscriptions resolved: each stream to its kind, endpoint, topic and connection. Pure.

Knows the catalogue; knows nothing about files or lines: a problem carries its path in the config.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from connector.binance.catalogue import ROWS, Row
from connector.binance.names import Stream, parse
from connector.binance.products import LIMITS, Bases, Product, stream_url
from connector.errors import Refused

Where = tuple[str | int, ...]
MERGED = (
    "with the same content on both hosts since 2026-06-30: subscribe on one of them; rows of the"
    " other product go to its own topic when one of that kind is planned, else see `merged`"
)


class Subscription(Protocol):
    """What a planner reads of a subscription (config/model.py)."""

    @property
    def product(self) -> Product: ...  # noqa: D102
    @property
    def symbols(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def streams(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def topic(self) -> str | None: ...  # noqa: D102
    @property
    def endpoint(self) -> str | None: ...  # noqa: D102
    @property
    def merged(self) -> Literal["drop", "keep"]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Planned:
    """One stream and where it comes from and goes to.

    Attributes:
        stream: The stream.
        topic: Kafka topic.
        endpoint: URL of the connection that serves it.
        keeps_foreign: Rows of the other futures product in a merged stream are kept in this topic
            when they have none of their own.
    """

    stream: Stream
    topic: str
    endpoint: str
    keeps_foreign: bool = False

    @property
    def foreign_product(self) -> Product | None:
        """The other product whose rows come on this stream too (since 2026-06-30), if any."""
        other: Product | None = {"usdm": "coinm", "coinm": "usdm"}.get(self.stream.product)  # type: ignore[assignment]
        return other if other is not None and is_merged(self.stream.row) else None


@dataclass(frozen=True, slots=True)
class Bundle:
    """The streams of one connection.

    Attributes:
        name: Stable name for logs and metrics: usdm-market-1.
        product: The product, which sets the limits.
        endpoint: URL to connect to.
        planned: Its streams.
    """

    name: str
    product: Product
    endpoint: str
    planned: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything to read, by connection."""

    bundles: tuple[Bundle, ...]

    @property
    def planned(self) -> list[Planned]:
        """Every stream, in the order of the bundles."""
        return [planned for bundle in self.bundles for planned in bundle.planned]

    @property
    def topics(self) -> dict[str, str]:
        """Each topic and the kind of its records."""
        return {planned.topic: planned.stream.row.kind for planned in self.planned}


def is_merged(row: Row) -> bool:
    """Say whether USD-M and COIN-M serve the same content under this whole-market name."""
    if row.product not in ("usdm", "coinm") or not row.pattern.startswith("!"):
        return False
    patterns = [other.pattern for other in ROWS if other.product in ("usdm", "coinm")]
    return patterns.count(row.pattern) > 1


class PlanError(Refused):
    """The subscriptions cannot be planned: every problem with its path in the config."""

    def __init__(self, problems: Sequence[tuple[Where, str]]) -> None:
        super().__init__("; ".join(text for _, text in problems))
        self.problems = problems


def make_plan(
    subscriptions: Sequence[Subscription], bases: Mapping[Product, Bases], prefix: str
) -> Plan:
    """Resolve subscriptions.

    Args:
        subscriptions: As configured.
        bases: Where each product is served.
        prefix: What default topic names begin with.

    Raises:
        PlanError: a stream no row knows, a stream written twice, two kinds in one topic, ...
    """
    problems: list[tuple[Where, str]] = []
    planned: dict[tuple[Product, str], Planned] = {}
    kinds: dict[str, str] = {}
    for number, subscription in enumerate(subscriptions):
        above = ("subscriptions", number)
        for place, one in _resolve(subscription, above, bases, prefix, problems):
            identity = (one.stream.product, one.stream.name)
            if identity in planned:
                problems.append((place, f"{one.stream.name} is planned twice: leave one out"))
                continue
            twin = one.foreign_product
            if twin is not None and (twin, one.stream.name) in planned:
                problems.append((place, f"{one.stream.name} is {twin}'s too, {MERGED}"))
                continue
            kind = kinds.setdefault(one.topic, one.stream.row.kind)
            if kind != one.stream.row.kind:
                text = f"topic {one.topic} already holds {kind}: one record type per topic"
                problems.append((place, text))
            planned[identity] = one
    if problems:
        raise PlanError(problems)
    return Plan(tuple(_bundles(planned.values())))


def _resolve(
    subscription: Subscription,
    above: Where,
    bases: Mapping[Product, Bases],
    prefix: str,
    problems: list[tuple[Where, str]],
) -> Iterable[tuple[Where, Planned]]:
    """Yield a subscription's streams; note what cannot be resolved."""
    for position, template in enumerate(subscription.streams):
        where: Where = (*above, "streams", position)
        try:
            names = expand(subscription.product, template, subscription.symbols)
            for name in names:
                yield where, _place(parse(subscription.product, name), subscription, bases, prefix)
        except Refused as error:
            problems.append((where, str(error)))


def expand(product: Product, template: str, symbols: Sequence[str]) -> list[str]:
    """Return the wire names of a stream template for the given symbols.

    A template is a stream name without its symbol (`depth@100ms`), with a place for it
    (`<underlying>@optionMarkPrice`), a whole-market stream (`!forceOrder@arr`), or a full name.

    Raises:
        Refused: a per-symbol stream without symbols.
    """
    if "<" in template:
        head, _, rest = template.partition("<")
        _, _, tail = rest.partition(">")
        return [f"{head}{symbol.lower()}{tail}" for symbol in _given(symbols, template)]
    if template.startswith("!") or _is_full_name(product, template):
        return [template]
    return [f"{symbol.lower()}@{template}" for symbol in _given(symbols, template)]


def _is_full_name(product: Product, template: str) -> bool:
    try:
        parse(product, template)
    except Refused:
        return False
    return True


def _given(symbols: Sequence[str], template: str) -> Sequence[str]:
    if not symbols:
        raise Refused(f"{template!r} is a stream per symbol: give symbols, [BTCUSDT]")
    return symbols


def _place(
    stream: Stream, subscription: Subscription, bases: Mapping[Product, Bases], prefix: str
) -> Planned:
    """Choose topic and endpoint: what the subscription says, else the catalogue."""
    if subscription.product not in bases:
        raise Refused(
            f"exchange gives no base for {subscription.product}: add {subscription.product}:"
            " {streams: ...} to it"
        )
    endpoint = subscription.endpoint
    base = endpoint.rstrip("/") if endpoint else bases[subscription.product].streams[0]
    return Planned(
        stream=stream,
        topic=subscription.topic or f"{prefix}.{stream.product}.{stream.row.kind}",
        endpoint=stream_url(base, None if endpoint else stream.row.route),
        keeps_foreign=subscription.merged == "keep",
    )


def _bundles(planned: Iterable[Planned]) -> Iterable[Bundle]:
    """Share the streams of each endpoint out over connections, up to the limit of each."""
    by_endpoint: dict[tuple[Product, str], list[Planned]] = {}
    for one in planned:
        by_endpoint.setdefault((one.stream.product, one.endpoint), []).append(one)
    names: dict[str, int] = {}
    for (product, endpoint), streams in by_endpoint.items():
        most = LIMITS[product].streams_per_connection
        route = endpoint.removesuffix("/stream").rpartition("/")[2]
        stem = f"{product}-{route}" if route in ("public", "market") else product
        for start in range(0, len(streams), most):
            names[stem] = names.get(stem, 0) + 1
            name = f"{stem}-{names[stem]}"
            yield Bundle(name, product, endpoint, tuple(streams[start : start + most]))
