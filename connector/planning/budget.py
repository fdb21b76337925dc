"""Connections, requests, traffic and REST weight of a plan, and the limits that it breaks. Pure.

Limits: binance-spot-api-docs 2026-07-21 and developers.binance.com 2026-05-28; estimates of
messages: traffic.py.
"""

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from connector.binance.products import LIMITS, Product, host_of
from connector.binance.rest_calls import EXCHANGE_INFO, POOL_OF, TICKERS, WEIGHT_PER_MINUTE
from connector.binance.ws_messages import chunks
from connector.planning.model import ConnectionPlan, PlannedStream

OUTAGE_S = 60.0  # length of the outage whose backfill is estimated


@dataclass(frozen=True, slots=True)
class LimitShares:
    """The part of an IP address's limits that a plan may use.

    Attributes:
        limits: Of every limit, 0 to 1: other processes on the address have the rest.
        backfill: Of the remaining request weight, 0 to 1, for filling gaps.
        refresh_s: Seconds between two readings of exchangeInfo.
    """

    limits: float = 1.0
    backfill: float = 0.5
    refresh_s: float = 300.0


@dataclass(frozen=True, slots=True)
class PoolBudget:
    """REST weight in one pool (spot, futures or options) of an IP address.

    Attributes:
        budget: Weight a minute that is ours.
        refresh: Weight a minute for reading exchangeInfo and volumes again.
        snapshots: Weight of one snapshot of every order book, at the start.
        snapshot_minutes: Minutes that the snapshots take within the budget.
        outage: Weight for fetching what a minute's outage misses.
        outage_minutes: Minutes that takes within backfill's share of the budget; inf: never.
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
    """What a plan needs.

    Attributes:
        streams: Number of streams, each once.
        subscribes: Number of SUBSCRIBE messages.
        subscribe_s: Seconds until the last one is sent, within the limit on messages.
        messages: Estimated messages a second, of all replicas.
        bytes: Estimated bytes a second, of all replicas.
        pools: REST weight, for each pool that is used.
        refusals: Limits that the plan breaks, a sentence each.
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
    connections: Collection[ConnectionPlan],
    listings: Collection[Product] = (),
    volumes: Collection[Product] = (),
    shares: LimitShares | None = None,
) -> PlanBudget:
    """Return the budget of a plan.

    Each refresh reads exchangeInfo of `listings` and the 24 h tickers of `volumes`.
    """
    shares = shares or LimitShares()
    pools = tuple(_pools(connections, listings, volumes, shares))
    subscribes, subscribe_s = 0, 0.0
    for plan in connections:
        requests = sum(1 for _ in chunks(planned.stream.name for planned in plan.streams))
        subscribes += requests
        seconds = (requests - 1) / LIMITS[plan.product].messages_per_second
        subscribe_s = max(subscribe_s, seconds)
    return PlanBudget(
        streams=sum(len(plan.streams) for plan in connections if not plan.replica),
        connections=len(connections),
        subscribes=subscribes,
        subscribe_s=subscribe_s,
        messages=sum(plan.rate for plan in connections),
        bytes=sum(plan.bytes_rate for plan in connections),
        pools=pools,
        refusals=(*_connect_refusals(connections, shares), *_weight_refusals(pools, shares)),
    )


def _connect_refusals(connections: Iterable[ConnectionPlan], shares: LimitShares) -> Iterator[str]:
    """Yield a sentence for each host with more connections than one window allows."""
    hosts: dict[str, list[ConnectionPlan]] = {}
    for connection in connections:
        hosts.setdefault(host_of(connection.endpoint), []).append(connection)
    for host, members in hosts.items():
        limits = LIMITS[members[0].product]
        allowed = max(1, math.floor(limits.connects * shares.limits))
        if len(members) > allowed:
            yield (
                f"{len(members)} connections to {host}, but one IP address may open"
                f" {limits.connects} in {limits.connects_window_s / 60:g} minutes, of which"
                f" limits.share {shares.limits:g} leaves {allowed}: read fewer streams, or share"
                " them out over addresses (shard)"
            )


def _weight_refusals(pools: Iterable[PoolBudget], shares: LimitShares) -> Iterator[str]:
    """Yield a sentence for each pool whose refresh alone exceeds the budget."""
    for pool in pools:
        if pool.refresh > pool.budget:
            yield (
                f"reading the symbols of {pool.pool} every {shares.refresh_s:g} s weighs"
                f" {pool.refresh:.0f} a minute, but one IP address has"
                f" {WEIGHT_PER_MINUTE[pool.pool]}, of which limits.share {shares.limits:g} leaves"
                f" {pool.budget:.0f}: raise refresh or limits.share"
            )


def _pools(
    connections: Iterable[ConnectionPlan],
    listings: Collection[Product],
    volumes: Collection[Product],
    shares: LimitShares,
) -> Iterator[PoolBudget]:
    streams = [each for plan in connections if not plan.replica for each in plan.streams]
    for pool, limit in WEIGHT_PER_MINUTE.items():
        members = [planned for planned in streams if POOL_OF[planned.stream.product] == pool]
        refresh = sum(EXCHANGE_INFO[each].weight for each in listings if POOL_OF[each] == pool)
        refresh += sum(TICKERS[each].weight for each in volumes if POOL_OF[each] == pool)
        if members or refresh:
            snapshots = sum(_snapshot_weight(planned) for planned in members)
            outage = sum(_outage_weight(planned) for planned in members)
            budget = limit * shares.limits
            fill = budget * shares.backfill
            yield PoolBudget(
                pool,
                budget,
                refresh=refresh * 60.0 / shares.refresh_s,
                snapshots=snapshots,
                snapshot_minutes=snapshots / budget,
                outage=outage,
                outage_minutes=outage / fill if fill else math.inf,
            )


def _snapshot_weight(planned: PlannedStream) -> int:
    row = planned.stream.row
    return row.backfill.weight if row.backfill and row.has_snapshots else 0


def _outage_weight(planned: PlannedStream) -> int:
    """Return the weight of the pages with a stream's events of the outage; a book: one snapshot."""
    history = planned.stream.row.backfill
    if history is None or history.by == "state":
        return _snapshot_weight(planned)
    events = planned.rate * OUTAGE_S if history.by == "id" else 1.0
    return history.weight * max(1, math.ceil(events / history.limit))
