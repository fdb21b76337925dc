"""`bkc backfill` on a real broker and registry: a hole that nobody filled, beside its writer."""

import asyncio
import functools
import signal
import sys
import time
from pathlib import Path

import pytest

from connector.binance.stream_name import parse
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry
from connector.lab.rest import Rest as LabRest
from tests.support.manual_backfill import (
    BTC,
    answer,
    away_after,
    backfill,
    lose,
    lost,
    made,
    spans,
)
from tests.support.servers import config, connector, decoded, finish, read_all
from tests.support.verify import Topics
from tests.support.waiting import in_time, until


@pytest.mark.parametrize("delivery", ["exactly_once", "idempotent"])
async def test_exactly_the_hole_is_filled_and_verify_says_all_is_well(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry, delivery: str
) -> None:
    exchange = Exchange(Market(8), rate=800.0)
    await exchange.start()
    prefix = f"by-hand.{delivery}"
    settings = config(exchange, kafka.bootstrap_servers, registry.url, prefix)
    settings |= {"delivery": delivery, "backfill": {"enabled": False}}
    path = tmp_path / "connector.yaml"
    try:
        async with connector(tmp_path, settings) as running:
            await running.until_ready()
            sent = exchange.oracle.sent
            await until(lambda: len(sent.get(BTC, ())) > 200)
            await lose(exchange, 40)
            more = len(sent[BTC]) + 200
            await until(lambda: len(sent[BTC]) > more)
            hole = lost(exchange)
            await running.until_stored(exchange.oracle.total)

            first = str(made(exchange)[0])
            code, report = await asyncio.to_thread(backfill, path, "--from-id", first)

            assert (code, spans(report)) == (0, [(hole[0], hole[-1], 40, "filled")])
            still = len(sent[BTC]) + 100
            await until(lambda: len(sent[BTC]) > still)  # the worker was not fenced: it goes on
            await finish(exchange, running)
        code, verdict = await asyncio.to_thread(answer, "verify", path)
        topic = f"{prefix}.spot.trade"
        messages = read_all(dict(kafka.client()), topic)
    finally:
        await exchange.stop()

    assert (code, verdict["good"]) == (0, True)
    [series] = [entry for entry in verdict["series"] if entry["stream_name"] == BTC[1]]
    assert (series["holes"], series["backfilled"]) == ({}, 40)
    records = [
        record for record in decoded(registry.url, topic, messages) if record["symbol"] == BTC[2]
    ]
    fetched = [record for record in records if record["origin"] == "backfill"]
    assert [record["trade_id"] for record in fetched] == hole
    assert sorted(record["trade_id"] for record in records) == made(exchange)
    keys = {key: partition for partition, _, key, _, _ in messages}
    assert {partition for partition, _, key, _, _ in messages if key == b"BTCUSDT"} == {
        keys[b"BTCUSDT"]
    }


async def test_a_topic_is_read_from_the_time_of_the_span_on(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    market, topics = Market(8), Topics(kafka.bootstrap_servers, registry.url, "part-by-hand")
    rest = LabRest(market)
    await rest.start()
    topic = "part-by-hand.spot.agg-trade"
    await kafka.create([topic], 1)
    stream = parse("spot", "btcusdt@aggTrade")
    begin = time.time_ns() // 1_000_000 - 3_600_000
    events = [market.next_events(stream, begin + 10_000 * n)[0] for n in range(300)]

    def write() -> None:
        # Whoever reads it finds that it is no record: it stands before the span.
        topics.producer.produce(topic, b"text", b"BTCUSDT", timestamp=begin - 1)
        for number, event in enumerate(events):
            if not (50 <= number < 60 or 200 <= number < 205):
                topics.event("spot", stream.name, "BTCUSDT", event.data, at=event.data["T"])
        topics.flush()

    await asyncio.to_thread(write)
    rule = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["aggTrade"]}
    bases = {"spot": {"streams": "ws://127.0.0.1:9", "rest": rest.url}}
    path = topics.file(tmp_path, exchange=bases, subscriptions=[rule])
    asked = ("--product", "spot", "--stream", stream.name)
    ids = [event.identity[0] for event in events]
    try:
        first = await asyncio.to_thread(
            answer, "backfill", path, *asked, "--from-id", str(ids[20]), "--to-id", str(ids[100])
        )
        times = ("--from", str(events[30].data["T"]), "--to", str(events[250].data["T"]))
        second = await asyncio.to_thread(answer, "backfill", path, *asked, *times)
        third = await asyncio.to_thread(answer, "backfill", path, *asked, *times)
    finally:
        await rest.stop()

    assert (first[0], spans(first[1])) == (0, [(ids[50], ids[59], 10, "filled")])
    assert (second[0], spans(second[1])) == (0, [(ids[200], ids[204], 5, "filled")])
    assert (third[0], third[1]["gaps"], third[1]["present"]) == (0, [], 220)


async def test_ctrl_c_stores_what_was_fetched_and_the_next_run_does_the_rest(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    market, topics = Market(8), Topics(kafka.bootstrap_servers, registry.url, "stopped-by-hand")
    rest = LabRest(market)
    await rest.start()
    begin = time.time_ns() // 1_000_000 - 40_000
    stream = parse("spot", BTC[1])
    ids = [market.next_events(stream, begin + 10 * n)[0].identity[0] for n in range(4_000)]
    bases = {"spot": {"streams": "ws://127.0.0.1:9", "rest": rest.url}}
    path = topics.file(tmp_path, exchange=bases)
    asked = ("--from-id", str(ids[0]), "--to-id", str(ids[-1]))
    away_after(3, rest)  # when the first id was, and two pages
    words = ("backfill", "-c", str(path), "--product", "spot", "--stream", BTC[1], *asked)
    try:
        # A suite in the background of a shell ignores Ctrl-C, and hands that down.
        heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "connector", *words, preexec_fn=heed
        )
        await until(lambda: len(rest.asked) > 3)
        topic = "stopped-by-hand.spot.trade"
        conf = dict(kafka.client())
        await until(lambda: len(read_all(conf, topic)) >= 1_000)
        process.send_signal(signal.SIGINT)
        assert await in_time(process.wait()) not in (0, 1, 2, 3)
        rest.interceptors.clear()
        rest.refuse(503, None, 0)
        before = [
            record["trade_id"] for record in decoded(registry.url, topic, read_all(conf, topic))
        ]

        code, report = await asyncio.to_thread(backfill, path, *asked)
        read = decoded(registry.url, topic, read_all(conf, topic))
        markers = decoded(
            registry.url,
            "stopped-by-hand.markers",
            read_all(conf, "stopped-by-hand.markers"),
        )
    finally:
        await rest.stop()

    assert (code, report["present"]) == (0, len(before))
    assert [record["trade_id"] for record in read] == ids
    states = {marker["gap_id"]: marker["state"] for marker in markers}
    assert sorted(states.values()) == ["filled", "filled"]
