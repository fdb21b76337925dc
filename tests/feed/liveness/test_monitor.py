"""A worker against the lab: what it does when a stream or a connection falls silent."""

import functools
import math
from pathlib import Path
from typing import Any

import pytest

from connector.binance.products import Product
from connector.binance.stream_name import parse_any
from connector.codec.schema import load
from connector.feed.liveness.activity_monitor import ActivityMonitor
from connector.feed.liveness.suspicions import Suspicions
from connector.feed.supervisor import Supervisor
from connector.kafka.tail_consumer import TailConsumer
from connector.lab.faults import Drop, Mute, MuteStream, RefuseStream
from connector.lab.generator import WEIGHTS
from connector.planning.model import ConnectionPlan
from connector.transport.connect_limiter import ConnectLimiter
from tests.support.avro_oracle import read_avro
from tests.support.waiting import GIVE_UP_S, until
from tests.support.worker import SPOT, World, world

pytestmark = pytest.mark.lab

TRADE, BOOK = "btcusdt@trade", "btcusdt@bookTicker"
SERIES = ("spot", TRADE, "BTCUSDT")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn in a second, suspect after a third of one; a pause of the process counts 0.04 s."""
    monkeypatch.setattr("connector.feed.liveness.monitor.POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr("connector.feed.liveness.activity_monitor.POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr("connector.feed.liveness.probe.POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr("connector.feed.liveness.probe.RETRY_DELAY_S", GIVE_UP_S)
    monkeypatch.setattr("connector.feed.liveness.interarrival.MIN_INTERVALS", 20)
    monkeypatch.setattr("connector.feed.liveness.activity_monitor.LEARN_EVERY_POLLS", 5)
    monkeypatch.setattr("connector.feed.liveness.activity.MIN_STREAM_TIMEOUT_S", 0.3)
    monkeypatch.setattr("connector.feed.liveness.activity.TIMEOUT_FACTOR", 0.3)
    monkeypatch.setattr("connector.feed.liveness.activity._RATE_SMOOTHING", 0.0)
    monkeypatch.setattr("connector.feed.liveness.staleness.CONFIRM_S", 0.6)
    monkeypatch.setattr("connector.feed.liveness.monitor.CONFIRM_S", 0.6)
    monkeypatch.setattr("connector.backfill.latest_id.POLL_INTERVAL_S", 0.05)
    monkeypatch.setattr("connector.backfill.latest_id.DELIVERY_GRACE_S", 0.3)


def supervisor(here: World) -> Supervisor:
    [supervisor] = here.worker.shard.supervised
    return supervisor


def suspicions(here: World) -> Suspicions:
    return supervisor(here).liveness.suspicions


def counted(here: World) -> tuple[int, int, int, int]:
    """Return how many streams were suspected, refuted, confirmed, quiet."""
    found = suspicions(here)
    return found.suspected, found.refuted, found.confirmed, found.quiet


async def learned(here: World) -> None:
    """Wait until the worker knows what silences are usual."""
    await here.until_flowing()
    for supervisor in here.worker.shard.supervised:
        monitor = supervisor.liveness.suspicions.activity
        await until(functools.partial(_has_learned, monitor))
        monitor.connection.rate = 500.0
        for activity in monitor.streams:  # the lab's; measured rates depend on the machine
            activity.rate = 40.0 * WEIGHTS[parse_any("spot", activity.name).row.kind]


def _has_learned(monitor: ActivityMonitor) -> bool:
    return all(activity.timeout_s < 10.0 for activity in (*monitor.streams, monitor.connection))


def confirmed(supervisors: list[Supervisor]) -> list[int]:
    """Return how many streams of each have been confirmed stale."""
    return [supervisor.liveness.suspicions.confirmed for supervisor in supervisors]


def connections(here: World, product: Product = "spot") -> int:
    return here.exchange.connections(product)


async def topic(here: World, name: str, kind: str) -> list[dict[str, Any]]:
    """Return the records of a topic."""
    reader = TailConsumer(here.broker.bootstrap_servers, [name])
    await reader.start()
    records = []
    while await reader.lag():
        records += [read_avro(load(kind), read.value) for read in await reader.batch()]
    await reader.stop()
    return records


async def stale_markers(here: World) -> list[tuple[str, str]]:
    """Return stream and state of each marker whose reason is staleness, the final ones."""
    markers = await topic(here, "binance.markers", "marker")
    return [
        (marker["stream_name"], marker["state"])
        for marker in markers
        if marker["reason"] == "stale" and marker["state"] != "opened"
    ]


def in_order(log: str, *names: str) -> bool:
    """Return whether these events were logged, each for the first time in this order."""
    positions = [log.find(name) for name in names]
    return -1 not in positions and positions == sorted(positions)


def missing(here: World, ids: list[int]) -> list[int]:
    """Return the ids that were made and are not among these, from the first of these on."""
    made = [number for (number,) in here.exchange.oracle.made[SERIES]]
    return sorted({number for number in made if number >= min(ids)} - set(ids))


async def test_a_mute_connection_is_replaced_while_it_lives_and_the_hole_is_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.liveness.activity.MIN_CONNECTION_TIMEOUT_S", 0.4)
    monkeypatch.setattr("connector.feed.liveness.activity.MIN_STREAM_TIMEOUT_S", 3.0)
    async with world(tmp_path, backfill={"enabled": False}) as here:
        await learned(here)
        here.exchange.begin(Mute(600.0))
        await until(lambda: supervisor(here).handovers >= 1)
        before = here.published(TRADE)
        await until(lambda: here.published(TRADE) > before + 50)
        await until(lambda: connections(here) == 1)
        assert counted(here) == (4, 0, 4, 0)
        await here.stop()
        trades = await topic(here, "binance.spot.trade", "trade")
        markers = await stale_markers(here)

        assert supervisor(here).disconnects == 0
        lost = [number for (number,) in here.exchange.oracle.withheld(SERIES)]
        ids = [trade["trade_id"] for trade in trades if trade["symbol"] == "BTCUSDT"]
        assert missing(here, ids) == lost
        assert len(ids) == len(set(ids))
        assert set(markers) == {
            (f"{coin}@{kind}", "unfillable")
            for coin in ("btcusdt", "ethusdt")
            for kind in ("bookTicker", "trade")
        }
    log = capsys.readouterr().out
    assert in_order(log, "stale_suspected", "stale_confirmed", "handed_over")


async def test_mute_streams_are_read_by_the_probe_until_their_connection_delivers_them_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    six = {**SPOT, "symbols": ["BTCUSDT", "ETHUSDT", "BNBUSDT"]}
    async with world(tmp_path, six, rate=750.0) as here:
        await learned(here)
        here.exchange.begin(MuteStream(TRADE, 600.0))
        here.exchange.begin(MuteStream(BOOK, 600.0))
        await until(lambda: connections(here) == 2)
        before = here.published(TRADE), here.published(BOOK)
        await until(lambda: here.published(TRADE) > before[0])
        await until(lambda: here.published(BOOK) > before[1])
        await until(lambda: connections(here) == 1)
        before = here.published(TRADE), here.published(BOOK)
        await until(lambda: here.published(TRADE) > before[0] + 20)
        await until(lambda: here.published(BOOK) > before[1] + 20)
        assert counted(here) == (2, 0, 2, 0)
        await here.stop()
        trades = await topic(here, "binance.spot.trade", "trade")

        supervised = supervisor(here)
        assert (supervised.handovers, supervised.disconnects) == (0, 0)
        assert supervised.connects_ok == 1
        assert sorted(await stale_markers(here)) == [(BOOK, "unfillable"), (TRADE, "filled")]
        assert here.worker.pipeline.gap_tracker.gaps == {"stale": 2}
        ids = [trade["trade_id"] for trade in trades if trade["symbol"] == "BTCUSDT"]
        assert missing(here, ids) == []
        assert len(ids) == len(set(ids))
        assert here.exchange.oracle.withheld(SERIES) != []
    log = capsys.readouterr().out
    assert in_order(log, "stale_suspected", "stale_confirmed", "stale_healed")


async def test_a_stream_no_connection_delivers_is_quiet_and_nothing_is_replaced_or_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        silence = here.exchange.begin(MuteStream(BOOK, 600.0, everybody=True))
        await until(lambda: suspicions(here).quiet >= 1)
        await until(lambda: connections(here) == 1)
        silence.cancel()
        before = here.published(BOOK)
        await until(lambda: here.published(BOOK) > before + 50)
        assert counted(here) == (2, 0, 0, 1)  # twice in vain
        await here.stop()

        assert (supervisor(here).handovers, supervisor(here).disconnects) == (0, 0)
        assert here.worker.pipeline.gap_tracker.gaps == {}
        assert await stale_markers(here) == []
    assert "stale_confirmed" not in capsys.readouterr().out


async def test_what_rest_has_of_a_stream_no_connection_delivers_is_missing_and_fetched_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        silence = here.exchange.begin(MuteStream(TRADE, 600.0, everybody=True))
        await until(lambda: here.worker.gap_filler.latest_ids.confirmed >= 1)
        assert here.worker.pipeline.gap_tracker.open_gaps == 1
        silence.cancel()
        before = here.published(TRADE)
        await until(lambda: here.published(TRADE) > before + 50)
        await until(lambda: here.worker.pipeline.gap_tracker.open_gaps == 0)
        await here.stop()
        trades = await topic(here, "binance.spot.trade", "trade")

        assert await stale_markers(here) == [(TRADE, "filled")]
        ids = [trade["trade_id"] for trade in trades if trade["symbol"] == "BTCUSDT"]
        assert missing(here, ids) == []
        assert len(ids) == len(set(ids))
    log = capsys.readouterr().out
    assert in_order(log, "stream_quiet", "stale_confirmed_by_rest", "gap_settled")


async def test_a_quiet_stream_that_falls_stale_meanwhile_is_read_by_the_probe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.continuity.quiet_series.MIN_INTERVAL_S", 0.2)
    both = {**SPOT, "streams": ["trade"]}
    async with world(tmp_path, both, rate=750.0) as here:
        await learned(here)
        here.market.set_status("spot", "BTCUSDT", "BREAK")
        await until(lambda: suspicions(here).quiet >= 1)
        await until(lambda: connections(here) == 1)
        here.exchange.begin(MuteStream(TRADE, 600.0))
        here.market.set_status("spot", "BTCUSDT", "TRADING")
        await until(lambda: here.worker.gap_filler.latest_ids.confirmed >= 1)
        await until(lambda: suspicions(here).confirmed >= 1)
        before = here.published(TRADE)
        await until(lambda: here.published(TRADE) > before + 50)
        await until(lambda: here.worker.pipeline.gap_tracker.open_gaps == 0)
        await here.stop()
        trades = await topic(here, "binance.spot.trade", "trade")

        assert await stale_markers(here) == [(TRADE, "filled")]
        ids = [trade["trade_id"] for trade in trades if trade["symbol"] == "BTCUSDT"]
        assert missing(here, ids) == []
        assert len(ids) == len(set(ids))
    log = capsys.readouterr().out
    assert in_order(log, "stream_quiet", "stale_confirmed_by_rest", "stale_confirmed")


async def test_no_probe_connection_is_tried_while_the_exchange_bans_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("connector.feed.liveness.probe.RETRY_DELAY_S", 0.1)
    asked: list[bool] = []
    try_acquire_probe, ban = ConnectLimiter.try_acquire_probe, ConnectLimiter.ban

    def noted(limiter: ConnectLimiter, plan: ConnectionPlan) -> bool:
        asked.append(try_acquire_probe(limiter, plan))
        return asked[-1]

    def until_lifted(limiter: ConnectLimiter, plan: ConnectionPlan, _seconds: float) -> None:
        ban(limiter, plan, math.inf)

    monkeypatch.setattr(ConnectLimiter, "try_acquire_probe", noted)
    monkeypatch.setattr(ConnectLimiter, "ban", until_lifted)
    async with world(tmp_path) as here:
        await learned(here)
        here.exchange.handshakes.allowed = 0  # 429, Retry-After: 5
        here.exchange.begin(MuteStream(BOOK, 600.0))
        await until(lambda: asked.count(False) >= 2)
        here.exchange.handshakes.allowed = 300

        assert here.exchange.connects_seen == 2
        [host] = here.worker.context.limiter._hosts.values()
        host.banned_until = 0.0
        await until(lambda: suspicions(here).confirmed >= 1)
        assert here.exchange.connects_seen == 3
        await here.stop()
    log = capsys.readouterr().out
    assert log.count("connect_failed") == 1
    assert "retry_s=5.0" in log


async def test_a_stream_refused_to_the_probe_is_tried_on_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("connector.feed.liveness.probe.RETRY_DELAY_S", 0.1)
    six = {**SPOT, "symbols": ["BTCUSDT", "ETHUSDT", "BNBUSDT"]}
    async with world(tmp_path, six, rate=750.0) as here:
        await learned(here)
        refusal = here.exchange.begin(RefuseStream(BOOK))
        here.exchange.begin(MuteStream(TRADE, 600.0))
        here.exchange.begin(MuteStream(BOOK, 600.0))
        await until(lambda: here.exchange.connects_seen >= 3)
        refusal.cancel()
        await until(lambda: suspicions(here).confirmed >= 2)
        await here.stop()
    log = capsys.readouterr().out
    assert in_order(log, "connect_failed", "refused: ", "stale_confirmed")


async def test_a_stream_its_connection_delivers_again_was_suspected_wrongly(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        silence = here.exchange.begin(MuteStream(BOOK, 600.0, everybody=True))
        await until(lambda: connections(here) == 2)
        silence.cancel()
        await until(lambda: suspicions(here).refuted >= 1)
        await until(lambda: connections(here) == 1)
        assert counted(here) == (1, 1, 0, 0)

        here.exchange.begin(MuteStream("ethusdt@trade", 600.0, everybody=True))
        await until(lambda: connections(here) == 2)
        left = await here.stop()  # while a stream is suspected

        assert left == 0
        await until(lambda: connections(here) == 0)
        markers = await topic(here, "binance.markers", "marker")
        assert {marker["state"] for marker in markers} == {"started", "stopped"}


async def test_an_exchange_that_is_silent_as_a_whole_costs_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.liveness.activity.MIN_CONNECTION_TIMEOUT_S", 0.4)
    monkeypatch.setattr("connector.feed.liveness.monitor.MAX_PROOF_S", 0.5)
    async with world(tmp_path) as here:
        await learned(here)
        first = supervisor(here).session
        here.exchange.pause()
        await until(lambda: suspicions(here).quiet >= 4)
        await until(lambda: connections(here) == 1)
        here.exchange.resume()
        before = here.published(TRADE)
        await until(lambda: here.published(TRADE) > before + 50)

        assert supervisor(here).session is first
        assert (supervisor(here).handovers, suspicions(here).confirmed) == (0, 0)
        await here.stop()
        assert here.worker.pipeline.gap_tracker.gaps == {}


class Stubborn(set[str]):
    """Streams that stay mute, subscribed again or not."""

    def discard(self, _name: object) -> None:
        return


async def test_stale_streams_share_a_probe_and_if_they_are_most_their_connection_is_replaced(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        seen = here.exchange.connects_seen
        [session] = here.exchange.delivery.clients("spot")
        session.muted = Stubborn({TRADE, BOOK, "ethusdt@trade"})
        await until(lambda: supervisor(here).handovers >= 1)
        await until(lambda: connections(here) == 1)
        assert here.exchange.connects_seen == seen + 2
        before = {name: here.published(name) for name in (TRADE, BOOK, "ethusdt@trade")}
        await until(lambda: all(here.published(name) > n + 20 for name, n in before.items()))
        await here.stop()

        assert suspicions(here).confirmed == 3
        assert supervisor(here).disconnects == 0


async def test_a_connection_that_never_delivers_a_stream_again_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.liveness.probe.RETRY_DELAY_S", 0.2)
    async with world(tmp_path) as here:
        await learned(here)
        [session] = here.exchange.delivery.clients("spot")
        session.muted = Stubborn({BOOK})
        await until(lambda: suspicions(here).confirmed >= 1)
        [_, second] = here.exchange.delivery.clients("spot")
        before = here.published(BOOK)
        await until(lambda: here.published(BOOK) > before)
        await second.socket.reset()  # no connection delivers it now: a gap, and suspected anew
        await until(lambda: supervisor(here).handovers >= 1)
        await until(lambda: connections(here) == 1)
        before = here.published(BOOK)
        await until(lambda: here.published(BOOK) > before + 20)
        await here.stop()

        assert suspicions(here).confirmed == 2
        assert here.worker.pipeline.gap_tracker.gaps == {"stale": 2}
        assert await stale_markers(here) == [(BOOK, "unfillable")] * 2
        assert supervisor(here).disconnects == 0
    assert "stale_healed" not in capsys.readouterr().out


async def test_what_no_connection_delivered_between_two_is_marked(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        [session] = here.exchange.delivery.clients("spot")
        session.muted = Stubborn({BOOK})
        await until(lambda: suspicions(here).confirmed >= 1)
        [_, second] = here.exchange.delivery.clients("spot")
        await until(lambda: here.worker.pipeline.gap_tracker.gaps == {"stale": 1})
        await second.socket.reset()
        await until(lambda: connections(here) == 1)
        session.muted = set()  # the stale one delivers it again, without a new subscription
        await until(lambda: here.worker.pipeline.gap_tracker.gaps == {"stale": 2})
        await here.stop()

        assert await stale_markers(here) == [(BOOK, "unfillable")] * 2


async def test_a_connection_is_dropped_and_replanned_while_a_stream_is_suspected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.worker.replan_triggers.POLL_INTERVAL_S", 0.1)
    # However often it is probed in vain, it is suspected again.
    monkeypatch.setattr("connector.feed.liveness.activity.MAX_INCONCLUSIVE_PROBES", 1_000_000)
    async with world(tmp_path) as here:
        await learned(here)
        here.exchange.begin(MuteStream(TRADE, 600.0, everybody=True))
        await until(lambda: connections(here) == 2)
        await here.exchange.inflict(Drop("spot"))
        await until(lambda: supervisor(here).connects_ok >= 2)
        await here.until_flowing()
        await until(lambda: connections(here) == 2)  # suspected anew
        here.rewrite({**SPOT, "symbols": ["ETHUSDT"]})
        wanted = [["ethusdt@trade", "ethusdt@bookTicker"]]
        clients = here.exchange.delivery.clients
        await until(lambda: [list(client.subscribed) for client in clients("spot")] == wanted)
        await here.stop()

        assert here.worker.ledger.dead_letters.total() == 0


async def test_of_two_connections_the_one_that_is_mute_is_healed_and_nothing_was_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.liveness.activity.MIN_CONNECTION_TIMEOUT_S", 0.4)
    async with world(tmp_path, {**SPOT, "connections": 2}) as here:
        await learned(here)
        both = here.worker.shard.supervised
        first, second = here.exchange.delivery.clients("spot")
        first.withhold(BOOK)
        await until(lambda: sum(confirmed(both)) >= 1)
        await until(lambda: connections(here) == 2 and not first.muted)
        second.withhold(None)
        await until(lambda: sum(supervisor.handovers for supervisor in both) >= 1)
        await until(lambda: connections(here) == 2)
        found = confirmed(both)
        await here.stop()

        assert sorted(found) == [1, 4]
        assert here.worker.pipeline.gap_tracker.gaps == {}
        assert await stale_markers(here) == []
        assert here.worker.ledger.records.acknowledged == here.exchange.oracle.total


async def test_nothing_is_suspected_while_kafka_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        polls = suspicions(here).activity._polls
        with monkeypatch.context() as full:
            full.setattr(here.worker.producer, "room", lambda: 0)  # Kafka is full
            await until(lambda: suspicions(here).activity._polls > polls + 60)
        await until(lambda: here.worker.pipeline.waiting == 0)

        assert counted(here) == (0, 0, 0, 0)
        await here.stop()
