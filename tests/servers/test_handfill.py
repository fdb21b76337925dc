"""`bkc backfill` on a real broker and registry: a hole that nobody filled, beside its writer."""

import asyncio
from pathlib import Path

import pytest

from connector.codec.schema import load
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.servers import RealKafka, RealRegistry
from tests import oracle
from tests.handfill_parts import BTC, answer, backfill, lose, lost, made, spans
from tests.servers.parts import config, connector, decoded, read_all
from tests.waiting import until


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

            first = str(made(exchange)[0])
            code, report = await asyncio.to_thread(backfill, path, "--from-id", first)

            assert (code, spans(report)) == (0, [(hole[0], hole[-1], 40, "filled")])
            still = len(sent[BTC]) + 100
            await until(lambda: len(sent[BTC]) > still)  # the worker was not fenced: it goes on
            exchange.pause()
            await until(lambda: _stored(kafka, prefix) == len(made(exchange)), 30)
            assert await running.stop() == 0, running.log.read_text()
        code, verdict = await asyncio.to_thread(answer, "verify", path)
        topic = f"{prefix}.spot.trade"
        messages = read_all(dict(kafka.client()), topic)
    finally:
        await exchange.stop()

    assert (code, verdict["good"]) == (0, True)
    [series] = [one for one in verdict["series"] if one["stream_name"] == BTC[1]]
    assert (series["holes"], series["backfilled"]) == ({}, 40)
    records = [one for one in decoded(registry.url, topic, messages) if one["symbol"] == BTC[2]]
    fetched = [one for one in records if one["origin"] == "backfill"]
    assert [one["trade_id"] for one in fetched] == hole
    assert sorted(one["trade_id"] for one in records) == made(exchange)
    keys = {key: partition for partition, _, key, _, _ in messages}
    assert {partition for partition, _, key, _, _ in messages if key == b"BTCUSDT"} == {
        keys[b"BTCUSDT"]
    }


def _stored(kafka: RealKafka, prefix: str) -> int:
    """Count the trades of BTCUSDT in the topic."""
    messages = read_all(dict(kafka.client()), f"{prefix}.spot.trade")
    schema = load("trade")
    records = (oracle.read_avro(schema, value) for *_, value, _ in messages)
    return sum(record["symbol"] == BTC[2] for record in records)
