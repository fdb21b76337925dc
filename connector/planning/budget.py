"""What a plan costs: connections, requests, traffic, REST weight; and the limits it breaks. Pure.

Limits: binance-spot-api-docs 2026-07-21 and developers.binance.com 2026-05-28; estimates of
messages are `estimate`'s.
"""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from connector.binance.products import LIMITS, Product
from connector.binance.rest_calls import EXCHANGE_INFO, POOL_OF, POOL_WEIGHTS, TICKERS
from connector.binance.ws_messages import chunks
from connector.planning.model import ConnectionPlan, PlannedStream

OUTAGE_S = 60.0  # the break whose repair is reckoned
_BOOKS = ("depth-diff", "rpi-depth")


@dataclass(frozen=True, slots=True)
class Shares:
    """Which part of an address's limits a plan may use.

    Attributes:
        limits: Of everything, 0 to 1: other processes on the address have the rest.
        backfill: Of the weight that leaves, for repairing gaps.
        refresh_s: Seconds between two readings of exchangeInfo.
    """

    limits: float = 1.0
    backfill: float = 0.5
    refresh_s: float = 300.0


@dataclass(frozen=True, slots=True)
class PoolBudget:
    """REST weight in one pool of an IP address.

    Attributes:
        pool: spot, futures or options.
        budget: Weight a minute that is ours.
        refresh: Weight a minute of reading exchangeInfo and volumes again.
        snapshots: Weight of one snapshot of every order book, at the start.
        snapshot_minutes: How long the snapshots take within the budget.
        outage: Weight to fetch what was missed in a minute.
        outage_minutes: How long that takes within backfill's share of the budget.
    """

    pool: str
    budget: float
    refresh: float
    snapshots: int
    snapshot_minutes: float
    outage: int
    outage_minutes: float


@dataclass(frozen=True, slots=True)
class PlanBudget:
    """What a plan costs.

    Attributes:
        streams: Streams, each once.
        connections: Connections.
        subscribes: SUBSCRIBE messages in all.
        subscribe_s: Seconds until the last one is sent, within the limit of messages.
        messages: Estimated messages a second, second legs included.
        bytes: Estimated bytes a second, second legs included.
        pools: REST weight, for each pool that is used.
        refusals: Limits the plan breaks.
    """

    streams: int
    connections: int
    subscribes: int
    subscribe_s: float
    messages: float
    bytes: float
    pools: tuple[PoolBudget, ...]
    refusals: tuple[str, ...]


def budget_of(
    bundles: Collection[ConnectionPlan],
    listings: Collection[Product] = (),
    volumes: Collection[Product] = (),
    shares: Shares | None = None,
) -> PlanBudget:
    """Reckon a plan up.

    Args:
        bundles: Its connections.
        listings: Products whose exchangeInfo is read again and again.
        volumes: Products whose 24 h tickers are.
        shares: The part of the limits that is ours.
    """
    shares = shares or Shares()
    requests = {bundle.name: _requests(bundle) for bundle in bundles}
    pools = tuple(_pools(bundles, listings, volumes, shares))
    return PlanBudget(
        streams=sum(len(bundle.streams) for bundle in bundles if not bundle.replica),
        connections=len(bundles),
        subscribes=sum(requests.values()),
        subscribe_s=max((_seconds(one, requests[one.name]) for one in bundles), default=0.0),
        messages=sum(bundle.rate for bundle in bundles),
        bytes=sum(bundle.bytes_rate for bundle in bundles),
        pools=pools,
        refusals=(*_connects(bundles, shares), *_weights(pools, shares)),
    )


def _requests(bundle: ConnectionPlan) -> int:
    return sum(1 for _ in chunks(planned.stream.name for planned in bundle.streams))


def _seconds(bundle: ConnectionPlan, requests: int) -> float:
    return (requests - 1) / LIMITS[bundle.product].messages_per_second


def _connects(bundles: Iterable[ConnectionPlan], shares: Shares) -> Iterable[str]:
    """Name the hosts that get more connections than may be opened in one window."""
    hosts: dict[str, list[ConnectionPlan]] = {}
    for bundle in bundles:
        hosts.setdefault(bundle.endpoint.partition("://")[2].partition("/")[0], []).append(bundle)
    for host, several in hosts.items():
        limits = LIMITS[several[0].product]
        most = max(1, math.floor(limits.connects * shares.limits))
        if len(several) > most:
            yield (
                f"{len(several)} connections to {host}, but one IP address may open"
                f" {limits.connects} in {limits.connects_window_s / 60:g} minutes, of which"
                f" limits.share {shares.limits:g} leaves {most}: read fewer streams, or share them"
                " out over addresses (shard)"
            )


def _weights(pools: Iterable[PoolBudget], shares: Shares) -> Iterable[str]:
    for pool in pools:
        if pool.refresh > pool.budget:
            yield (
                f"reading the symbols of {pool.pool} every {shares.refresh_s:g} s weighs"
                f" {pool.refresh:.0f} a minute, but one IP address has {POOL_WEIGHTS[pool.pool]},"
                f" of which limits.share {shares.limits:g} leaves {pool.budget:.0f}: raise"
                " refresh or limits.share"
            )


def _pools(
    bundles: Iterable[ConnectionPlan],
    listings: Collection[Product],
    volumes: Collection[Product],
    shares: Shares,
) -> Iterable[PoolBudget]:
    planned = [one for bundle in bundles if not bundle.replica for one in bundle.streams]
    for pool, weight in POOL_WEIGHTS.items():
        inside = [one for one in planned if POOL_OF[one.stream.product] == pool]
        reading = sum(EXCHANGE_INFO[one].weight for one in listings if POOL_OF[one] == pool)
        reading += sum(TICKERS[one].weight for one in volumes if POOL_OF[one] == pool)
        if inside or reading:
            yield _pool(pool, weight * shares.limits, reading, inside, shares)


def _pool(
    pool: str, budget: float, reading: int, planned: Collection[PlannedStream], shares: Shares
) -> PoolBudget:
    snapshots = sum(_snapshot(one) for one in planned)
    outage = sum(_outage(one) for one in planned)
    return PoolBudget(
        pool,
        budget,
        refresh=reading * 60.0 / shares.refresh_s,
        snapshots=snapshots,
        snapshot_minutes=snapshots / budget,
        outage=outage,
        outage_minutes=outage / (budget * shares.backfill) if shares.backfill else math.inf,
    )


def _snapshot(one: PlannedStream) -> int:
    backfill = one.stream.row.backfill
    return backfill.weight if backfill and one.stream.row.kind in _BOOKS else 0


def _outage(one: PlannedStream) -> int:
    """Weight of the pages that hold what one stream sent during the outage; a book: a snapshot."""
    backfill = one.stream.row.backfill
    if backfill is None or backfill.by == "state":
        return _snapshot(one)
    events = one.rate * OUTAGE_S if backfill.by == "id" else 1.0
    return backfill.weight * max(1, math.ceil(events / backfill.limit))
