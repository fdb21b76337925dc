"""A worker against the lab: what it does when connections fail."""

import asyncio
import json
import math
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connector import version
from connector.binance.stream_name import parse
from connector.codec.native.loader import choose
from connector.config.load import load
from connector.errors import Fatal, Retry
from connector.feed.supervisor import Supervisor
from connector.lab.client_session import Session
from connector.telemetry.start_steps import RetryPolicy
from connector.worker.market import run_market
from connector.worker.process import RETIRED
from tests.support.waiting import in_time, until
from tests.support.worker import SPOT, World, world

pytestmark = pytest.mark.lab

USDM = {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["aggTrade", "bookTicker"]}


def supervised(here: World) -> list[Supervisor]:
    return here.worker.shard.supervised


def subscribed(here: World, host: str) -> list[list[str]]:
    """Return what each connection of a host is subscribed to, as the exchange sees it."""
    return [list(session.subscribed) for session in here.exchange._sessions[host]]


async def test_every_event_sent_is_acknowledged_by_kafka(tmp_path: Path) -> None:
    async with world(tmp_path, SPOT, USDM) as here:
        await here.until_flowing()
        await until(lambda: here.exchange.oracle.total > 600)
        left = await here.stop()

        assert left == 0
        assert here.worker.ledger.records.acknowledged == here.exchange.oracle.total


@pytest.mark.parametrize(("delivery", "is_step"), [("exactly_once", True), ("idempotent", False)])
async def test_only_a_writer_with_transactions_waits_for_a_coordinator(
    delivery: str, is_step: bool, tmp_path: Path
) -> None:
    async with world(tmp_path, SPOT, delivery=delivery) as here:
        await here.until_flowing()
        parts = here.worker.readiness

        assert ("transaction_coordinator" in parts) == is_step
        assert [name for name, is_met in parts.items() if not is_met()] == []
        await here.stop()


async def test_usdm_streams_are_routed_by_the_catalogue(tmp_path: Path) -> None:
    async with world(tmp_path, USDM) as here:
        await here.until_flowing()

        routes = {
            session.route: list(session.subscribed)
            for session in here.exchange._sessions["fstream"]
        }
        assert routes == {"/market": ["btcusdt@aggTrade"], "/public": ["btcusdt@bookTicker"]}
        await here.stop()


async def test_a_dropped_connection_comes_back_with_exactly_the_wanted_streams(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, SPOT, USDM) as here:
        await here.until_flowing()
        [before] = subscribed(here, "spot")

        await here.exchange.drop("spot")
        await until(lambda: subscribed(here, "spot") == [before])
        count = here.exchange.oracle.total
        await until(lambda: here.exchange.oracle.total > count + 200)

        spot = next(
            supervisor for supervisor in supervised(here) if supervisor.plan.product == "spot"
        )
        assert (spot.connects_ok, spot.disconnects) == (2, 1)
        assert here.worker.ledger.lost_time_s > 0
        await here.stop()


async def test_a_product_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    async with world(tmp_path, SPOT, USDM) as here:
        await here.until_flowing()
        here.exchange._servers[0].close()  # spot's host goes away
        await until(lambda: here.worker.server.failing() == ["data"])

        before = here.worker.ledger.records.acknowledged
        await until(lambda: here.worker.ledger.records.acknowledged > before + 200)
        await here.stop()


async def test_a_server_that_accepts_and_closes_is_not_asked_hundreds_of_times(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        here.exchange.accept_then_close = True
        before = here.exchange.connects_seen
        began = asyncio.get_running_loop().time()
        await here.exchange.drop("spot")
        await until(lambda: here.exchange.connects_seen >= before + 4)
        seconds = asyncio.get_running_loop().time() - began

        assert seconds > 0.12 + 0.25 + 0.5  # the least that jitter leaves of 0.25, 0.5 and 1 s
        here.exchange.accept_then_close = False
        await here.until_flowing()
        await here.stop()


async def test_a_shutdown_notice_is_control_and_the_streams_come_back(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()

        await here.exchange.server_shutdown("spot", after_s=0.1)
        await until(lambda: supervised(here)[0].connects_ok >= 2)
        await here.until_flowing()

        assert here.worker.ledger.dead_letters.total() == 0
        await here.stop()


async def test_nonsense_on_the_wire_is_put_aside_and_the_connection_goes_on(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()

        await here.exchange.send_frame("spot", "btcusdt@trade", b'{"e":"trade"}')
        await here.exchange.send_raw("spot", b"nonsense")
        await until(lambda: here.worker.ledger.dead_letters.total() >= 2)

        assert here.worker.ledger.dead_letters == {"field": 1, "json": 1}
        assert supervised(here)[0].disconnects == 0
        await here.stop()


async def test_a_periodic_stream_that_stays_silent_is_subscribed_again_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.liveness.activity.first_data_deadline", lambda _period: 0.3)
    subscription = {"product": "usdm", "streams": ["!bookTicker"]}
    assert parse("usdm", "!bookTicker").row.cadence == "periodic"

    async with world(tmp_path, subscription, SPOT) as here:
        here.exchange.muted.add("!bookTicker")
        await until(lambda: any(supervisor.silent for supervisor in supervised(here)))

        [silent] = [supervisor for supervisor in supervised(here) if supervisor.silent]
        assert silent.plan.name == "usdm-public-1"
        assert silent.disconnects == 0
        await here.stop()


async def test_probes_and_accounts_are_served(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        await until(lambda: here.published("btcusdt@trade") > 0)
        base = f"http://127.0.0.1:{here.worker.server.port}"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{base}/readyz") as ready:
                assert ready.status == 200
            async with session.get(f"{base}/metrics") as page:
                text = await page.text()
            async with session.get(f"{base}/status") as state:
                status = json.loads(await state.text())

        assert 'bkc_records_total{outcome="acknowledged"}' in text
        assert 'bkc_events_published_total{kind="trade",product="spot"}' in text
        assert status["frames_unaccounted"] == 0
        codec = choose("auto")
        assert status["codec"] == {"name": codec.name, "text": codec.text}
        assert f'bkc_build_info{{codec="{codec.name}",version="{version()}"}} 1.0' in text
        await here.stop()


async def test_frames_wait_within_the_bound_while_kafka_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path, rate=2000.0, hold=100_000) as here:
        await here.until_flowing()
        with monkeypatch.context() as full:
            full.setattr(here.worker.producer, "room", lambda: 0)  # Kafka is full
            await until(lambda: here.worker.ledger.frames.dropped > 100)
            queued = here.worker.pipeline.queued_bytes
        await until(lambda: here.worker.pipeline.waiting == 0)
        await here.stop()

        assert queued <= 100_000 + 1_000
        assert here.worker.ledger.overloads >= 1
        lost = here.worker.ledger.frames.dropped
        fetched = here.worker.gap_tracker.recovered  # of what was dropped, REST had this
        sent = here.exchange.oracle.total
        assert here.worker.ledger.records.acknowledged == sent - lost + fetched


async def test_a_start_without_kafka_ends_once_it_has_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.worker.market.KAFKA_RETRIES", RetryPolicy(1.0, 1.0, 0.0))
    path = tmp_path / "connector.yaml"
    path.write_text(
        "kafka: {bootstrap_servers: '127.0.0.1:9'}\n"
        "schema_registry: {url: 'http://127.0.0.1:9'}\n"
        "server: {host: 127.0.0.1, port: 0}\n"
        "subscriptions: [{product: spot, symbols: [BTCUSDT], streams: [trade]}]\n"
    )

    with pytest.raises(Retry, match=r"127\.0\.0\.1:9.*Connection refused"):
        await run_market(load(path))


async def test_what_kafka_did_not_take_in_time_is_said_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.worker.process.DRAIN_TIMEOUT_S", 0.3)
    async with world(tmp_path) as here:
        await here.until_flowing()
        monkeypatch.setattr(here.worker.producer, "room", lambda: 0)  # Kafka is full
        await until(lambda: here.worker.pipeline.waiting > 20)
        here.exchange.pause()
        here.worker.stopping.set()
        left = await in_time(here.running)

        assert left == here.worker.pipeline.waiting > 20
        assert here.worker.ledger.frames.missing(here.worker.pipeline.waiting) == 0


async def test_unverified_and_rare_streams_do_not_make_the_worker_unready(tmp_path: Path) -> None:
    unverified = {"product": "coinm", "symbols": ["NOSUCH_PERP"], "streams": ["trade"]}
    rare = {"product": "usdm", "symbols": ["NOSUCH"], "streams": ["forceOrder"]}
    async with world(tmp_path, SPOT, unverified, rare) as here:
        await here.until_flowing()

        assert here.worker.ledger.frames.decoded > 0
        await here.stop()


async def test_1024_streams_start_within_ten_seconds_as_ten_messages_ask_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[bytes] = []
    answer = Session.answer

    def counting(session: Session, message: bytes) -> dict[str, Any]:
        requests.append(message)
        return answer(session, message)

    monkeypatch.setattr(Session, "answer", counting)
    symbols = [f"COIN{number}USDT" for number in range(255)] + ["BTCUSDT"]
    many = {"product": "spot", "symbols": symbols}
    streams = ["trade", "aggTrade", "bookTicker", "depth@100ms"]
    async with world(tmp_path, {**many, "streams": streams}) as here:
        await until(lambda: here.worker.shard.streams() == {"spot": (1024, 1024)})

        names = {name for group in subscribed(here, "spot") for name in group}
        assert len(names) == 1024
        assert len(requests) <= 10  # of 5 a second that a connection may send
        await here.until_flowing()
        await here.stop()


async def test_rows_of_the_other_product_go_to_its_topic_when_one_is_planned(
    tmp_path: Path,
) -> None:
    merged = {"product": "usdm", "streams": ["!ticker@arr"]}
    own = {"product": "coinm", "symbols": ["BTCUSD_PERP"], "streams": ["ticker"]}
    async with world(tmp_path, merged, own) as here:
        await here.until_flowing()
        await until(lambda: here.exchange.oracle.total > 100)
        await here.stop()

        records = here.worker.ledger.records
        assert records.acknowledged == here.exchange.oracle.total
        assert here.worker.ledger.filtered == 0
        tables = here.worker.shard.router.tables
        [routes] = [table[b"!ticker@arr"] for table in tables.values() if b"!ticker@arr" in table]
        assert routes.other_product is not None
        assert (routes.other_product.topic, routes.other_product.product) == (
            "binance.coinm.ticker",
            "coinm",
        )


async def test_rows_of_the_other_product_are_dropped_and_counted_when_none_is(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, {"product": "usdm", "streams": ["!ticker@arr"]}) as here:
        await here.until_flowing()
        await until(lambda: here.exchange.oracle.total > 100)
        await here.stop()

        sent = here.exchange.oracle.sent
        coinm = sum(len(ids) for (product, _, _), ids in sent.items() if product == "coinm")
        ledger = here.worker.ledger
        assert ledger.filtered == coinm > 0
        assert ledger.records.acknowledged == here.exchange.oracle.total - coinm


async def test_rows_of_the_other_product_are_kept_when_asked(tmp_path: Path) -> None:
    kept = {"product": "usdm", "streams": ["!ticker@arr"], "merged": "keep"}
    async with world(tmp_path, kept) as here:
        await here.until_flowing()
        await until(lambda: here.exchange.oracle.total > 100)
        await here.stop()

        assert here.worker.ledger.records.acknowledged == here.exchange.oracle.total
        assert list(here.worker.replanner.plan.topics) == ["binance.usdm.ticker"]


async def test_a_bug_that_ends_a_part_ends_the_run_once_all_that_was_read_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = asyncio.Event()

    async def keep_books(_self: object) -> None:
        await broken.wait()
        raise ZeroDivisionError("by no means")

    monkeypatch.setattr("connector.backfill.book_snapshots.BookSnapshots.run", keep_books)
    async with world(tmp_path) as here:
        await here.until_flowing()
        broken.set()
        with pytest.raises(Fatal, match="a bug ended GapFiller"):
            await here.running
        here.assert_balanced()
    assert "by no means" in capsys.readouterr().out


async def test_a_fenced_worker_is_not_ready_and_says_that_a_later_one_writes(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        here.worker.producer.fenced = True
        await until(lambda: not here.worker.shard.supervised[0].flowing)
        url = f"http://127.0.0.1:{here.worker.server.port}/readyz"
        async with aiohttp.ClientSession() as session, session.get(url) as ready:
            answer = ready.status, await ready.text()

    assert answer == (503, f"waiting for: writer ({RETIRED})\n")


async def test_a_second_signal_ends_the_run_at_once_and_what_is_left_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.worker.process.DRAIN_TIMEOUT_S", math.inf)
    async with world(tmp_path) as here:
        await here.until_flowing()
        monkeypatch.setattr(here.worker.producer, "room", lambda: 0)  # Kafka is full
        await until(lambda: here.worker.pipeline.waiting > 20)
        here.worker.stop()
        here.worker.stop()
        left = await in_time(here.running)

        assert left == here.worker.pipeline.waiting > 20


async def test_what_no_topic_has_counts_as_left_at_the_end(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        ledger = here.worker.ledger
        ledger.records.produced += 2
        ledger.records.failed += 1
        ledger.records.lost += 1
        ledger.checkpoints_lost += 1

        assert await here.stop() == 3
