"""A worker against the lab: what it does when a stream or a connection says nothing any more."""

import functools
from pathlib import Path
from typing import Any

import pytest

from connector.binance.products import Product
from connector.codec.schema import load
from connector.feed.context import SessionContext
from connector.feed.liveness.activity import ActivityMonitor
from connector.feed.liveness.monitor import LivenessMonitor
from connector.feed.supervisor import Supervisor
from connector.kafka.tail_consumer import TailConsumer
from connector.lab.faults import Drop, Mute, MuteStream, RefuseStream
from connector.planning.model import ConnectionPlan
from tests.support.avro_oracle import read_avro
from tests.support.waiting import until
from tests.support.worker import SPOT, World, world

pytestmark = pytest.mark.lab

TRADE, BOOK = "btcusdt@trade", "btcusdt@bookTicker"
SERIES = ("spot", TRADE, "BTCUSDT")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learn in a second, and doubt after a third of one."""
    monkeypatch.setattr("connector.feed.liveness.monitor.POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr("connector.feed.liveness.probe.POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr("connector.feed.liveness.interarrival.ENOUGH", 20)
    monkeypatch.setattr("connector.feed.liveness.activity.LEARN_EVERY", 5)
    monkeypatch.setattr("connector.feed.liveness.activity.MIN_STREAM_PATIENCE_S", 0.3)
    monkeypatch.setattr("connector.feed.liveness.activity.TIMES", 0.3)
    monkeypatch.setattr("connector.feed.liveness.staleness.CONFIRM_S", 0.6)
    monkeypatch.setattr("connector.feed.liveness.monitor.CONFIRM_S", 0.6)
    monkeypatch.setattr("connector.backfill.latest_id.POLL_INTERVAL_S", 0.05)
    monkeypatch.setattr("connector.backfill.latest_id.GRACE_S", 0.3)


def supervisor(here: World) -> Supervisor:
    [one] = here.worker.shard.supervised
    return one


def listening(here: World) -> LivenessMonitor:
    return supervisor(here).liveness


def whole(here: World) -> tuple[int, int, int, int]:
    """Return how many streams were suspected, refuted, confirmed, quiet."""
    one = listening(here)
    return one.suspected, one.refuted, one.confirmed, one.quiet


async def learned(here: World) -> None:
    """Wait until the worker knows what silences are usual."""
    await here.until_flowing()
    for one in here.worker.shard.supervised:
        await until(functools.partial(_has_learned, one.liveness._listener))


def _has_learned(listener: ActivityMonitor) -> bool:
    return all(voice.patience < 10.0 for voice in (*listener.streams, listener.whole))


def connections(here: World, product: Product = "spot") -> int:
    return here.exchange.connections(product)


async def topic(here: World, name: str, kind: str) -> list[dict[str, Any]]:
    """Return the records of a topic."""
    reader = TailConsumer(here.broker.bootstrap_servers, [name])
    await reader.start()
    found = []
    while await reader.lag():
        found += [read_avro(load(kind), read.value) for read in await reader.batch()]
    await reader.stop()
    return found


async def stale_markers(here: World) -> list[tuple[str, str]]:
    """Return stream and state of each marker whose reason is staleness, the final ones."""
    markers = await topic(here, "binance.markers", "marker")
    found = [(one["stream_name"], one["state"]) for one in markers if one["reason"] == "stale"]
    return [one for one in found if one[1] != "opened"]


def in_order(said: str, *names: str) -> bool:
    """Say whether these events were logged, each first time in this order."""
    places = [said.find(name) for name in names]
    return -1 not in places and places == sorted(places)


def missing(here: World, ids: list[int]) -> list[int]:
    """Return the ids that were made and are not among these, from the first of these on."""
    made = [number for (number,) in here.exchange.oracle.made[SERIES]]
    return sorted({one for one in made if one >= min(ids)} - set(ids))


async def test_a_mute_connection_is_replaced_while_it_lives_and_the_hole_is_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.liveness.activity.MIN_CONNECTION_PATIENCE_S", 0.4)
    monkeypatch.setattr("connector.feed.liveness.activity.MIN_STREAM_PATIENCE_S", 3.0)
    async with world(tmp_path, backfill={"enabled": False}) as here:
        await learned(here)
        here.exchange.begin(Mute(600.0))
        await until(lambda: supervisor(here).handovers == 1)
        before = here.published(TRADE)
        await until(lambda: here.published(TRADE) > before + 50)
        await until(lambda: connections(here) == 1)
        await here.stop()
        trades = await topic(here, "binance.spot.trade", "trade")
        markers = await stale_markers(here)

        assert whole(here) == (4, 0, 4, 0)
        assert supervisor(here).disconnects == 0
        lost = [number for (number,) in here.exchange.oracle.withheld(SERIES)]
        ids = [one["trade_id"] for one in trades if one["symbol"] == "BTCUSDT"]
        assert missing(here, ids) == lost
        assert len(ids) == len(set(ids))
        assert sorted(markers) == [
            (f"{coin}@{kind}", "unfillable")
            for coin in ("btcusdt", "ethusdt")
            for kind in ("bookTicker", "trade")
        ]
    said = capsys.readouterr().out
    assert in_order(said, "stale_suspected", "stale_confirmed", "handed_over")


async def test_mute_streams_are_read_elsewhere_until_their_connection_brings_them_again(
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
        assert whole(here) == (2, 0, 2, 0)
        await here.stop()
        trades = await topic(here, "binance.spot.trade", "trade")

        one = supervisor(here)
        assert (one.handovers, one.disconnects, one.connects_ok) == (0, 0, 1)
        assert sorted(await stale_markers(here)) == [(BOOK, "unfillable"), (TRADE, "filled")]
        assert here.worker.pipeline.continuity.gaps == {"stale": 2}
        ids = [one["trade_id"] for one in trades if one["symbol"] == "BTCUSDT"]
        assert missing(here, ids) == []
        assert len(ids) == len(set(ids))
        assert here.exchange.oracle.withheld(SERIES) != []
    said = capsys.readouterr().out
    assert in_order(said, "stale_suspected", "stale_confirmed", "stale_healed")


async def test_a_stream_silent_everywhere_is_quiet_and_nothing_is_replaced_or_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        silence = here.exchange.begin(MuteStream(BOOK, 600.0, everybody=True))
        await until(lambda: listening(here).quiet == 1)
        await until(lambda: connections(here) == 1)
        silence.cancel()
        before = here.published(BOOK)
        await until(lambda: here.published(BOOK) > before + 50)
        assert whole(here) == (2, 0, 0, 1)  # twice in vain
        await here.stop()

        assert (supervisor(here).handovers, supervisor(here).disconnects) == (0, 0)
        assert here.worker.pipeline.continuity.gaps == {}
        assert await stale_markers(here) == []
    assert "stale_confirmed" not in capsys.readouterr().out


async def test_what_rest_has_of_a_stream_silent_everywhere_is_missing_and_fetched_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        silence = here.exchange.begin(MuteStream(TRADE, 600.0, everybody=True))
        await until(lambda: here.worker.gap_filler.latest_ids.confirmed == 1)
        assert here.worker.pipeline.continuity.open_gaps == 1
        silence.cancel()
        before = here.published(TRADE)
        await until(lambda: here.published(TRADE) > before + 50)
        await until(lambda: here.worker.pipeline.continuity.open_gaps == 0)
        await here.stop()
        trades = await topic(here, "binance.spot.trade", "trade")

        assert await stale_markers(here) == [(TRADE, "filled")]
        ids = [one["trade_id"] for one in trades if one["symbol"] == "BTCUSDT"]
        assert missing(here, ids) == []
        assert len(ids) == len(set(ids))
    said = capsys.readouterr().out
    assert in_order(said, "stream_quiet", "stale_confirmed_by_rest", "gap_settled")


async def test_a_quiet_stream_that_falls_stale_meanwhile_is_read_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.backfill.latest_id.FIRST_S", 0.2)
    monkeypatch.setattr("connector.backfill.latest_id.MOST_S", 0.2)
    both = {**SPOT, "streams": ["trade"]}
    async with world(tmp_path, both, rate=750.0) as here:
        await learned(here)
        here.market.set_status("spot", "BTCUSDT", "BREAK")
        await until(lambda: listening(here).quiet == 1)
        await until(lambda: connections(here) == 1)
        here.exchange.begin(MuteStream(TRADE, 600.0))
        here.market.set_status("spot", "BTCUSDT", "TRADING")
        await until(lambda: here.worker.gap_filler.latest_ids.confirmed == 1)
        await until(lambda: listening(here).confirmed == 1)
        before = here.published(TRADE)
        await until(lambda: here.published(TRADE) > before + 50)
        await until(lambda: here.worker.pipeline.continuity.open_gaps == 0)
        await here.stop()
        trades = await topic(here, "binance.spot.trade", "trade")

        assert await stale_markers(here) == [(TRADE, "filled")]
        ids = [one["trade_id"] for one in trades if one["symbol"] == "BTCUSDT"]
        assert missing(here, ids) == []
        assert len(ids) == len(set(ids))
    said = capsys.readouterr().out
    assert in_order(said, "stream_quiet", "stale_confirmed_by_rest", "stale_confirmed")


async def test_no_second_connection_is_tried_while_the_exchange_keeps_us_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("connector.feed.liveness.probe.RETRY_DELAY_S", 0.1)
    asked: list[bool] = []
    may_doubt = SessionContext.try_acquire_probe

    def noted(around: SessionContext, bundle: ConnectionPlan) -> bool:
        asked.append(may_doubt(around, bundle))
        return asked[-1]

    monkeypatch.setattr(SessionContext, "try_acquire_probe", noted)
    async with world(tmp_path) as here:
        await learned(here)
        here.exchange._connects = 0  # 429, Retry-After: 5
        here.exchange.begin(MuteStream(BOOK, 600.0))
        await until(lambda: asked.count(False) == 2)
        here.exchange._connects = 300

        assert here.exchange.connects_seen == 2
        await until(lambda: listening(here).confirmed == 1)
        assert here.exchange.connects_seen == 3
        await here.stop()
    said = capsys.readouterr().out
    assert said.count("connect_failed") == 1
    assert "retry_s=5.0" in said


async def test_a_stream_refused_to_a_second_connection_is_tried_on_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("connector.feed.liveness.probe.RETRY_DELAY_S", 0.1)
    six = {**SPOT, "symbols": ["BTCUSDT", "ETHUSDT", "BNBUSDT"]}
    async with world(tmp_path, six, rate=750.0) as here:
        await learned(here)
        refusal = here.exchange.begin(RefuseStream(BOOK))
        here.exchange.begin(MuteStream(TRADE, 600.0))
        here.exchange.begin(MuteStream(BOOK, 600.0))
        await until(lambda: here.exchange.connects_seen == 3)
        refusal.cancel()
        await until(lambda: listening(here).confirmed == 2)
        await here.stop()
    said = capsys.readouterr().out
    assert in_order(said, "connect_failed", "refused: ", "stale_confirmed")


async def test_a_stream_that_speaks_by_itself_was_suspected_wrongly(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        silence = here.exchange.begin(MuteStream(BOOK, 600.0, everybody=True))
        await until(lambda: connections(here) == 2)
        silence.cancel()
        await until(lambda: listening(here).refuted == 1)
        await until(lambda: connections(here) == 1)
        assert whole(here) == (1, 1, 0, 0)

        here.exchange.begin(MuteStream("ethusdt@trade", 600.0, everybody=True))
        await until(lambda: connections(here) == 2)
        outcome = await here.stop()  # while a stream is in doubt

        assert outcome.left == 0
        assert connections(here) == 0
        markers = await topic(here, "binance.markers", "marker")
        assert {one["state"] for one in markers} == {"started", "stopped"}


async def test_an_exchange_that_is_silent_as_a_whole_costs_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.liveness.activity.MIN_CONNECTION_PATIENCE_S", 0.4)
    monkeypatch.setattr("connector.feed.liveness.monitor.WHOLE_S", 0.5)
    async with world(tmp_path) as here:
        await learned(here)
        first = supervisor(here).session
        here.exchange.pause()
        await until(lambda: listening(here).quiet >= 4)
        await until(lambda: connections(here) == 1)
        here.exchange.resume()
        before = here.published(TRADE)
        await until(lambda: here.published(TRADE) > before + 50)

        assert supervisor(here).session is first
        assert (supervisor(here).handovers, listening(here).confirmed) == (0, 0)
        await here.stop()
        assert here.worker.pipeline.continuity.gaps == {}


async def test_many_stale_streams_share_a_second_connection_and_most_of_them_replace_the_first(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        seen = here.exchange.connects_seen
        for name in (TRADE, BOOK, "ethusdt@trade"):
            here.exchange.begin(MuteStream(name, 600.0))
        await until(lambda: supervisor(here).handovers == 1)
        await until(lambda: connections(here) == 1)
        assert here.exchange.connects_seen == seen + 2
        before = {name: here.published(name) for name in (TRADE, BOOK, "ethusdt@trade")}
        await until(lambda: all(here.published(name) > n + 20 for name, n in before.items()))
        await here.stop()

        assert listening(here).confirmed == 3
        assert supervisor(here).disconnects == 0


class Stubborn(set[str]):
    """Streams that stay mute, subscribed again or not."""

    def discard(self, _name: object) -> None:
        return


async def test_a_connection_that_never_brings_a_stream_again_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.liveness.probe.RETRY_DELAY_S", 0.2)
    async with world(tmp_path) as here:
        await learned(here)
        [session] = here.exchange.wire.clients("spot")
        session.muted = Stubborn({BOOK})
        await until(lambda: listening(here).confirmed == 1)
        [_, second] = here.exchange.wire.clients("spot")
        before = here.published(BOOK)
        await until(lambda: here.published(BOOK) > before)
        await second.socket.reset()  # nobody brings it now: a hole, and doubted anew
        await until(lambda: supervisor(here).handovers == 1, 15)
        await until(lambda: connections(here) == 1)
        before = here.published(BOOK)
        await until(lambda: here.published(BOOK) > before + 20)
        await here.stop()

        assert listening(here).confirmed == 2
        assert here.worker.pipeline.continuity.gaps == {"stale": 2}
        # The second one is told again when it ends: nothing came where it was read again.
        assert await stale_markers(here) == [(BOOK, "unfillable")] * 3
        assert supervisor(here).disconnects == 0
    assert "stale_healed" not in capsys.readouterr().out


async def test_what_nobody_brought_between_two_connections_is_marked(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        [session] = here.exchange.wire.clients("spot")
        session.muted = Stubborn({BOOK})
        await until(lambda: listening(here).confirmed == 1)
        [_, second] = here.exchange.wire.clients("spot")
        await until(lambda: here.worker.pipeline.continuity.gaps == {"stale": 1})
        await second.socket.reset()
        await until(lambda: connections(here) == 1)
        session.muted = set()  # the stale one brings it again, of itself
        await until(lambda: here.worker.pipeline.continuity.gaps == {"stale": 2})
        await here.stop()

        assert await stale_markers(here) == [(BOOK, "unfillable")] * 2


async def test_what_happens_to_a_connection_happens_while_a_stream_is_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.worker.replan_triggers.POLL_INTERVAL_S", 0.1)
    async with world(tmp_path) as here:
        await learned(here)
        here.exchange.begin(MuteStream(TRADE, 600.0, everybody=True))
        await until(lambda: connections(here) == 2)
        await here.exchange.inflict(Drop("spot"))
        await until(lambda: supervisor(here).connects_ok == 2)
        await here.until_flowing()
        await until(lambda: connections(here) == 2)  # doubted anew
        here.rewrite({**SPOT, "symbols": ["ETHUSDT"]})
        wanted = [["ethusdt@trade", "ethusdt@bookTicker"]]
        clients = here.exchange.wire.clients
        await until(lambda: [list(one.subscribed) for one in clients("spot")] == wanted)
        await here.stop()

        assert here.worker.ledger.dead_letters.total() == 0


async def test_of_two_connections_the_one_that_is_mute_is_healed_and_nothing_was_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.liveness.activity.MIN_CONNECTION_PATIENCE_S", 0.4)
    async with world(tmp_path, {**SPOT, "connections": 2}) as here:
        await learned(here)
        both = here.worker.shard.supervised
        first, second = here.exchange.wire.clients("spot")
        first.withhold(BOOK)
        await until(lambda: sum(one.liveness.confirmed for one in both) == 1)
        await until(lambda: connections(here) == 2 and not first.muted)
        second.withhold(None)
        await until(lambda: sum(one.handovers for one in both) == 1)
        await until(lambda: connections(here) == 2)
        confirmed = [one.liveness.confirmed for one in both]
        await here.stop()

        assert sorted(confirmed) == [1, 4]
        assert here.worker.pipeline.continuity.gaps == {}
        assert await stale_markers(here) == []
        assert here.worker.ledger.records.acknowledged == here.exchange.oracle.total


async def test_nothing_is_suspected_while_kafka_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path) as here:
        await learned(here)
        looks = listening(here)._listener._looks
        with monkeypatch.context() as full:
            full.setattr(here.worker.producer, "room", lambda: 0)  # Kafka is full
            await until(lambda: listening(here)._listener._looks > looks + 60)
        await until(lambda: here.worker.pipeline.waiting == 0)

        assert whole(here) == (0, 0, 0, 0)
        await here.stop()
