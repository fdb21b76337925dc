"""Connections that end are replaced before they do, and streams read twice are written once."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connector.lab.client_session import Session
from connector.lab.client_socket import Socket
from connector.lab.faults import Drop, ServerShutdown
from connector.planning.model import ConnectionPlan
from connector.transport.connect_limiter import ConnectLimiter
from tests.support.waiting import GIVE_UP_S, until
from tests.support.worker import SPOT, World, world

pytestmark = pytest.mark.lab

BOTH: dict[str, Any] = {
    "product": "spot",
    "symbols": ["BTCUSDT", "ETHUSDT"],
    "streams": ["trade", "aggTrade", "depth@100ms", "kline_1m", "bookTicker", "miniTicker"],
}
FUTURES: dict[str, Any] = {
    "product": "usdm",
    "symbols": ["BTCUSDT"],
    "streams": ["aggTrade", "depth@100ms", "bookTicker", "markPrice@1s"],
}
NO_BOOKS: dict[str, Any] = {"backfill": {"enabled": False}}


def hand_overs(here: World) -> int:
    return sum(supervisor.handovers for supervisor in here.worker.shard.supervised)


def gaps(here: World) -> Counter[str]:
    return here.worker.gap_tracker.gaps


def assert_all_of_it_once(here: World) -> None:
    """Every event the exchange sent became one record, and nothing was missing."""
    records, oracle = here.worker.ledger.records, here.exchange.oracle
    assert records.acknowledged == oracle.total
    assert gaps(here) == {}
    assert here.worker.ledger.frames.undecodable == 0


async def test_a_shutdown_notice_is_answered_before_the_cut_and_nothing_is_missing(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, BOTH, FUTURES, rate=800.0, **NO_BOOKS) as here:
        await here.until_flowing()
        here.exchange.begin(ServerShutdown(GIVE_UP_S, "spot"))
        await until(lambda: hand_overs(here) >= 1)
        seen = here.exchange.oracle.total
        await until(lambda: here.exchange.oracle.total > seen + 400)
        await here.stop()

        assert_all_of_it_once(here)
        assert [supervisor.disconnects for supervisor in here.worker.shard.supervised] == [0, 0, 0]


async def test_a_replacement_that_ends_first_does_not_end_the_connection_it_was_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, BOTH, rate=800.0, **NO_BOOKS) as here:
        await here.until_flowing()
        sessions = here.exchange.delivery.sessions["spot"]
        [supervised] = here.worker.shard.supervised
        accept = here.exchange._session

        def muted(host: str, socket: Socket, target: str) -> Session:
            session = accept(host, socket, target)
            session.muted_all = True
            return session

        with monkeypatch.context() as first:
            first.setattr(here.exchange, "_session", muted)
            here.exchange.begin(ServerShutdown(GIVE_UP_S, "spot"))
            await until(lambda: len(sessions) == 2)
            await until(lambda: len(sessions[1].subscribed) == len(supervised.wanted()))
        sessions[1].socket.transport.abort()
        await until(lambda: hand_overs(here) >= 1)
        seen = here.exchange.oracle.total
        await until(lambda: here.exchange.oracle.total > seen + 400)
        await here.stop()

        assert_all_of_it_once(here)
        assert (supervised.connects_failed, supervised.disconnects) == (1, 0)


async def test_what_a_cut_before_the_replacement_can_cost_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = {**BOTH, "streams": ["trade", "bookTicker", "miniTicker"]}
    async with world(tmp_path, quiet, rate=800.0) as here:
        await here.until_flowing()
        seen = here.exchange.oracle.total
        await until(lambda: here.exchange.oracle.total > seen + 400)
        acquire, sessions = ConnectLimiter.acquire, here.exchange.delivery.sessions["spot"]

        async def late(limiter: ConnectLimiter, plan: ConnectionPlan) -> None:
            await until(lambda: not sessions)
            await acquire(limiter, plan)

        monkeypatch.setattr(ConnectLimiter, "acquire", late)
        await here.exchange.server_shutdown("spot", after_s=0.5)
        await until(lambda: hand_overs(here) >= 1)
        seen = here.exchange.oracle.total
        await until(lambda: here.exchange.oracle.total > seen + 400)
        await until(lambda: here.worker.gap_tracker.open_gaps == 0)
        await here.stop()

        [supervised] = here.worker.shard.supervised
        assert supervised.disconnects == 1
        assert gaps(here)["server_shutdown"] >= 4  # of both symbols, whose ids tell nothing
        assert gaps(here).keys() == {"server_shutdown"}
        assert here.worker.ledger.lost_time_s > 0.0


async def test_what_a_connection_that_falls_silent_before_its_replacement_costs_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {**BOTH, "streams": ["bookTicker", "miniTicker"]}
    async with world(tmp_path, kinds, rate=400.0, **NO_BOOKS) as here:
        await here.until_flowing()
        sessions, acquire = here.exchange.delivery.sessions["spot"], ConnectLimiter.acquire
        seen = here.exchange.oracle.total
        await until(lambda: here.exchange.oracle.total > seen + 200)

        async def late(limiter: ConnectLimiter, plan: ConnectionPlan) -> None:
            sessions[0].muted_all = True  # it has announced its end, and says nothing more
            made = _made(here)
            await until(lambda: _made(here) > made + 200)
            await acquire(limiter, plan)

        monkeypatch.setattr(ConnectLimiter, "acquire", late)
        here.exchange.begin(ServerShutdown(GIVE_UP_S, "spot"))
        await until(lambda: hand_overs(here) >= 1)
        seen = here.exchange.oracle.total
        await until(lambda: here.exchange.oracle.total > seen + 200)
        await here.stop()

        assert gaps(here) == {"stale": 4}


def _made(here: World) -> int:
    return sum(map(len, here.exchange.oracle.made.values()))


async def test_a_connection_that_waits_for_a_handover_slot_is_reopened_when_it_is_cut(
    tmp_path: Path,
) -> None:
    twice = {**BOTH, "connections": 2}
    async with world(tmp_path, twice, FUTURES, rate=400.0, **NO_BOOKS) as here:
        await here.until_flowing()
        limiter, supervised = here.worker.shard.context.limiter, here.worker.shard.supervised
        [usdm, *_] = [
            supervisor.plan for supervisor in supervised if supervisor.plan.product == "usdm"
        ]
        slots = limiter.handover_slots(usdm)
        async with slots, slots:  # two other handovers are under way
            await here.exchange.server_shutdown("usdm", after_s=0.5)
            await until(
                lambda: (
                    sum(supervisor.disconnects for supervisor in here.worker.shard.supervised) >= 2
                )
            )
            await here.until_flowing()
        await here.stop()

        assert hand_overs(here) == 0


async def test_connections_are_replaced_before_their_life_ends(tmp_path: Path) -> None:
    short: dict[str, Any] = {"limits": {"connection_life": "1500ms"}}
    async with world(tmp_path, BOTH, FUTURES, rate=800.0, **NO_BOOKS, **short) as here:
        await here.until_flowing()
        await until(lambda: hand_overs(here) >= 6)
        await here.stop()

        assert_all_of_it_once(here)
        assert here.worker.ledger.records.repeated > 0


async def test_streams_read_over_two_connections_are_written_once(tmp_path: Path) -> None:
    twice = [{**subscription, "connections": 2} for subscription in (BOTH, FUTURES)]
    async with world(tmp_path, *twice, rate=800.0, **NO_BOOKS) as here:
        await here.until_flowing()
        seen = here.exchange.oracle.total
        await until(lambda: here.exchange.oracle.total > seen + 1500)
        await here.stop()

        assert gaps(here) == {}
        assert here.worker.ledger.records.repeated > 500


async def test_the_loss_of_one_of_two_connections_costs_nothing(tmp_path: Path) -> None:
    twice = {**BOTH, "connections": 2}
    async with world(tmp_path, twice, rate=800.0, **NO_BOOKS) as here:
        await here.until_flowing()
        [first, *_] = here.exchange.delivery.sessions["spot"]
        first.socket.transport.abort()
        await until(
            lambda: sum(supervisor.disconnects for supervisor in here.worker.shard.supervised) >= 1
        )
        await here.until_flowing()
        seen = here.exchange.oracle.total
        await until(lambda: here.exchange.oracle.total > seen + 400)
        await here.stop()

        assert gaps(here) == {}


async def test_a_lost_connection_opens_markers_and_trades_are_fetched(tmp_path: Path) -> None:
    async with world(tmp_path, {**SPOT, "streams": ["trade", "bookTicker"]}, rate=500.0) as here:
        await here.until_flowing()
        seen = here.exchange.oracle.total
        await until(lambda: here.exchange.oracle.total > seen + 200)
        await here.exchange.inflict(Drop("spot"))
        await until(lambda: here.worker.shard.supervised[0].disconnects >= 1)
        await here.until_flowing()
        seen = here.exchange.oracle.total
        await until(lambda: here.exchange.oracle.total > seen + 200)
        await until(lambda: here.worker.gap_tracker.open_gaps == 0)
        await here.stop()

        found = gaps(here)
        assert found["connection_lost"] >= 2  # both book tickers: no ids tell
        assert found.keys() <= {"connection_lost"}
        trades = [item for name, item in here.exchange.oracle.made.items() if "@trade" in name[1]]
        published = here.worker.shard.router.published()["spot", "trade"][0]
        fetched = here.worker.gap_tracker.recovered
        assert published + fetched == sum(map(len, trades))


async def test_legs_that_cut_depth_differently_hand_over_without_a_gap(tmp_path: Path) -> None:
    short: dict[str, Any] = {"limits": {"connection_life": "1500ms"}}
    depth = [{**BOTH, "streams": ["depth@100ms"]}, {**FUTURES, "streams": ["depth@100ms"]}]
    async with world(tmp_path, *depth, rate=300.0, misaligned=True, **NO_BOOKS, **short) as here:
        await here.until_flowing()
        await until(lambda: hand_overs(here) >= 4)
        await here.stop()

        assert gaps(here) == {}
