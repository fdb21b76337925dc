"""What a plan costs, and the limits it is refused for."""

import math

import pytest

from connector.binance.products import Product
from connector.planning.budget import LimitShares, PlanBudget, PoolBudget, budget_of
from connector.planning.placement import place
from tests.support.plan import Wanted, plan, streams

COINS = [f"C{number}USDT" for number in range(30_000)]


def budget(
    *wanted: Wanted, shares: LimitShares | None = None, volumes: tuple[Product, ...] = ()
) -> PlanBudget:
    products = {subscription.product for subscription in wanted}
    return budget_of(plan(*wanted).connections, products, volumes, shares)


def pool(found: PlanBudget) -> PoolBudget:
    [only] = found.pools
    return only


def test_connections_and_requests_are_counted() -> None:
    found = budget(Wanted("spot", ["trade", "aggTrade"], COINS[:500]))

    assert (found.streams, found.connections, found.subscribes) == (1000, 3, 6)
    assert found.subscribe_s == pytest.approx(0.2)  # the second request of each, at 5 a second
    assert found.refusals == ()


def test_a_second_replica_costs_connections_and_traffic_but_no_weight() -> None:
    single = budget(Wanted("spot", ["depth"], ["BTCUSDT"]))
    double = budget(Wanted("spot", ["depth"], ["BTCUSDT"], connections=2))

    assert (double.streams, double.connections) == (1, 2)
    assert (double.messages, double.bytes) == (2 * single.messages, 2 * single.bytes)
    assert double.pools == single.pools


def test_snapshots_of_every_book_take_minutes_and_are_not_refused() -> None:
    found = budget(Wanted("spot", ["depth@100ms"], COINS[:1200]))

    assert pool(found).snapshots == 1200 * 50
    assert pool(found).snapshot_minutes == pytest.approx(10.0)
    assert found.refusals == ()


def test_a_share_of_the_limits_takes_longer() -> None:
    found = budget(Wanted("usdm", ["depth"], COINS[:60]), shares=LimitShares(limits=0.5))

    assert (pool(found).pool, pool(found).budget) == ("futures", 1200.0)
    assert pool(found).snapshot_minutes == pytest.approx(1.0)


def test_an_outage_is_reckoned_in_pages_of_what_was_missed() -> None:
    # 6 trades a second: 358 in a minute, one page of 500 rows for 200
    found = pool(budget(Wanted("usdm", ["trade"], ["BTCUSDT"]), shares=LimitShares(backfill=0.5)))

    assert found.outage == 200
    assert found.outage_minutes == pytest.approx(200 / 1200)


def test_an_outage_costs_a_page_for_the_quietest_stream_and_a_snapshot_for_a_book() -> None:
    assert pool(budget(Wanted("spot", ["trade"], ["XUSDT"]))).outage == 25
    assert pool(budget(Wanted("spot", ["kline_1m"], ["XUSDT"]))).outage == 2
    assert pool(budget(Wanted("spot", ["depth"], ["XUSDT"]))).outage == 50
    assert pool(budget(Wanted("spot", ["bookTicker"], ["XUSDT"]))).outage == 0


def test_without_a_share_an_outage_is_never_repaired() -> None:
    found = pool(budget(Wanted("spot", ["trade"], ["XUSDT"]), shares=LimitShares(backfill=0.0)))

    assert found.outage_minutes == math.inf


def test_reading_symbols_again_has_its_weight() -> None:
    found = budget(Wanted("spot", ["trade"], ["BTCUSDT"]), volumes=("spot",))

    assert pool(found).refresh == pytest.approx((20 + 80) / 5)


def test_futures_share_one_pool() -> None:
    found = budget(
        Wanted("usdm", ["depth"], ["BTCUSDT"]), Wanted("coinm", ["depth"], ["BTCUSD_PERP"])
    )

    assert pool(found).snapshots == 40


def test_more_connections_than_one_address_may_open_are_refused() -> None:
    connections = place(streams(COINS, rate=30.0))

    found = budget_of(connections, shares=LimitShares(limits=0.5))

    [text] = found.refusals
    assert len(connections) == 455
    assert text.startswith("455 connections to host, but one IP address may open 300 in 5 minutes")
    assert "limits.share 0.5 leaves 150" in text


def test_reading_symbols_beyond_the_budget_is_refused() -> None:
    shares = LimitShares(limits=0.001)

    [text] = budget(
        Wanted("spot", ["trade"], ["BTCUSDT"]), volumes=("spot",), shares=shares
    ).refusals

    assert "weighs 20 a minute" in text
    assert "limits.share 0.001 leaves 6" in text
