"""The running connector against a real broker and a real registry."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka.admin import AdminClient

from connector.binance.stream_name import parse
from connector.codec.schema import load, own_topics
from connector.config.sections import KafkaSettings, TopicSettings
from connector.kafka import topic_admin
from connector.kafka.topic_settings import topic_roles
from connector.kafka.trouble import UNANSWERED
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry
from connector.lab.registry import Registry
from tests.support import avro_oracle
from tests.support.servers import Running, config, connector, decoded, finish, read_all
from tests.support.waiting import GIVE_UP_S, in_time, until

FILLED_BY_US = ("receive_time", "receive_time_us", "origin", "gap_id", "extra")


async def started(rate: float, seed: int = 5) -> Exchange:
    exchange = Exchange(Market(seed), rate=rate)
    exchange.oracle.keep_payloads = True
    await exchange.start()
    return exchange


def assert_topics_hold_what_was_sent(
    exchange: Exchange, prefix: str, conf: dict[str, Any], registry_url: str
) -> None:
    """Compare every record, in order, with what the oracle makes of the payload sent."""
    topics = {
        (product, parse(product, name).row.kind)  # type: ignore[arg-type]
        for product, name, _ in exchange.oracle.sent
    }
    found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for product, kind in topics:
        topic = f"{prefix}.{product}.{kind}"
        messages = read_all(conf, topic)
        for message, record in zip(messages, decoded(registry_url, topic, messages), strict=True):
            assert message[2] == record["symbol"].encode()
            series = (record["product"], record["stream_name"], record["symbol"])
            found.setdefault(series, []).append(record)
    assert found.keys() == exchange.oracle.payloads.keys()
    for series, payloads in exchange.oracle.payloads.items():
        product, name, symbol = series
        schema = load(parse(product, name).row.kind)  # type: ignore[arg-type]
        head = {"symbol": symbol, "product": product, "stream_name": name}
        for record, data in zip(found[series], payloads, strict=True):
            ours = {key: record[key] for key in FILLED_BY_US}
            assert ours["origin"] == "live"
            assert record == avro_oracle.expected(schema, data, head | ours)


async def test_records_read_back_equal_what_was_sent_in_order(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    exchange = await started(rate=1500.0)
    try:
        settings = config(exchange, kafka.bootstrap_servers, registry.url, "equal")
        async with connector(tmp_path, settings) as running:
            await running.until_ready()
            await until(lambda: exchange.oracle.total > 3000)
            await finish(exchange, running)
        assert_topics_hold_what_was_sent(exchange, "equal", kafka.client(), registry.url)
    finally:
        await exchange.stop()


async def test_a_broker_that_stops_and_comes_back_costs_nothing(
    tmp_path: Path, spare: RealKafka, registry: RealRegistry
) -> None:
    exchange = await started(rate=800.0, seed=6)
    try:
        settings = config(exchange, spare.bootstrap_servers, registry.url, "stopped")
        async with connector(tmp_path, settings) as running:
            await running.until_ready()
            await until(lambda: exchange.oracle.total > 800)
            await spare.pause()
            away = exchange.oracle.total
            await until(lambda: exchange.oracle.total > away + 1500)
            assert (await running.get("/livez"))[0] == 200
            await spare.start()
            back = exchange.oracle.total
            await until(lambda: exchange.oracle.total > back + 800)
            await finish(exchange, running)
        assert_topics_hold_what_was_sent(exchange, "stopped", spare.client(), registry.url)
    finally:
        await exchange.stop()


async def test_the_registry_away_at_the_start_is_waited_for_before_binance_is_touched(
    tmp_path: Path, kafka: RealKafka
) -> None:
    exchange = await started(rate=200.0)
    away = Registry()
    await away.start()
    away.available = False
    try:
        settings = config(exchange, kafka.bootstrap_servers, away.url, "waiting")
        async with connector(tmp_path, settings) as running:
            await until(lambda: b"start_waits" in running.log.read_bytes())
            code, text = await running.get("/readyz")
            assert (code, "schema_registry" in text) == (503, True)
            assert exchange.connects_seen == 0

            away.available = True
            await running.until_ready()
            assert await running.stop() == 0
    finally:
        await exchange.stop()
        await away.stop()


async def test_missing_topics_that_may_not_be_created_end_the_start_and_are_all_named(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    exchange = await started(rate=200.0)
    try:
        settings = config(exchange, kafka.bootstrap_servers, registry.url, "absent")
        settings["topics"]["create"] = False
        async with connector(tmp_path, settings) as running:
            code = await in_time(running.process.wait())
    finally:
        await exchange.stop()

    text = running.log.read_text()
    names = ("spot.trade", "spot.depth-diff", "spot.book-ticker", "usdm.agg-trade", "usdm.kline")
    assert code == 2
    assert [name for name in names if f"absent.{name}" not in text] == []
    assert "absent.dead-letter" in text
    assert "topics.create: true" in text
    assert exchange.connects_seen == 0


async def test_a_change_makes_the_topics_and_schemas_it_needs(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    exchange = await started(rate=500.0)
    try:
        settings = config(exchange, kafka.bootstrap_servers, registry.url, "changing")
        usdm = settings["subscriptions"].pop()
        async with connector(tmp_path, settings) as running:
            await running.until_ready()
            settings["subscriptions"].append(usdm)
            (tmp_path / "new.yaml").write_text(yaml.safe_dump(settings))
            (tmp_path / "new.yaml").rename(tmp_path / "connector.yaml")
            series = ("usdm", "btcusdt@aggTrade", "BTCUSDT")
            await until(lambda: len(exchange.oracle.sent.get(series, ())) > 20)
            await finish(exchange, running)
        conf = {"bootstrap.servers": kafka.bootstrap_servers}
        assert_topics_hold_what_was_sent(exchange, "changing", conf, registry.url)
    finally:
        await exchange.stop()


def delete_topic(kafka: RealKafka, name: str) -> None:
    admin = AdminClient(kafka.client())
    admin.delete_topics([name])[name].result()


@pytest.mark.parametrize("delivery", ["exactly_once", "idempotent"])
async def test_a_deleted_topic_is_made_again_and_nothing_read_meanwhile_is_lost(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry, delivery: str
) -> None:
    exchange = await started(rate=300.0)
    prefix = f"remade-{delivery}"
    try:
        settings = config(exchange, kafka.bootstrap_servers, registry.url, prefix)
        settings["delivery"] = delivery
        async with connector(tmp_path, settings) as running:
            await running.until_ready()
            await running.until_stored(300)
            delete_topic(kafka, f"{prefix}.spot.trade")
            await until(lambda: b"kafka_trouble" in running.log.read_bytes())
            await until(lambda: running.log.read_bytes().count(b"topics_created") == 2)
            await running.until_ready()
            await finish(exchange, running)
    finally:
        await exchange.stop()


# With transactions, what had been sent to the topic counts as failed; else librdkafka holds it.
@pytest.mark.parametrize(("delivery", "end"), [("exactly_once", 1), ("idempotent", 0)])
async def test_while_a_topic_may_not_be_made_again_the_others_flow_and_its_gap_is_filled_later(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry, delivery: str, end: int
) -> None:
    exchange = await started(rate=300.0)
    prefix = f"unmade-{delivery}"
    try:
        settings = config(exchange, kafka.bootstrap_servers, registry.url, prefix)
        settings["delivery"] = delivery
        spot = ("spot.trade", "spot.depth-diff", "spot.book-ticker")
        data = [f"{prefix}.{name}" for name in (*spot, "usdm.agg-trade", "usdm.kline")]
        roles = topic_roles(data, own_topics(prefix), f"{prefix}.dead-letter")
        at = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
        await topic_admin.restore(at, TopicSettings(), roles)
        settings["topics"]["create"] = False
        async with connector(tmp_path, settings) as running:
            await running.until_ready()
            await running.until_stored(300)
            delete_topic(kafka, f"{prefix}.spot.trade")
            await until(lambda: b"topics_missing" in running.log.read_bytes())
            before = (await running.status())["records"]["acknowledged"]
            await running.until_stored(before + 300)
            code, text = await running.get("/readyz")
            assert (code, f"{prefix}.spot.trade" in text) == (503, True)

            await kafka.create([f"{prefix}.spot.trade"], TopicSettings().partitions)
            await running.until_ready()
            await until_no_gap_is_open(running)
            assert await running.stop() == end
    finally:
        await exchange.stop()
    marked = decoded(
        registry.url, f"{prefix}.markers", read_all(dict(kafka.client()), f"{prefix}.markers")
    )
    states = {(m["symbol"], m["state"]) for m in marked if m["reason"] == "delivery"}
    symbols = ("BTCUSDT", "ETHUSDT")
    assert states == {(symbol, state) for symbol in symbols for state in ("opened", "filled")}


async def until_no_gap_is_open(running: Running) -> None:
    """Return once a trade of each symbol has ended its gap, and REST has filled it."""
    deadline = time.monotonic() + GIVE_UP_S
    while (status := await running.status())["gaps_open"]:
        assert time.monotonic() < deadline, status
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("delivery", ["exactly_once", "idempotent"])
async def test_before_a_broker_that_hangs_it_is_not_ready_and_a_second_signal_ends_it(
    tmp_path: Path, spare: RealKafka, registry: RealRegistry, delivery: str
) -> None:
    exchange = await started(rate=300.0)
    try:
        settings = config(exchange, spare.bootstrap_servers, registry.url, f"hung-{delivery}")
        settings["delivery"] = delivery
        async with connector(tmp_path, settings) as running:
            await running.until_ready()
            await running.until_stored(100)
            spare.freeze()
            await until(lambda: b"kafka_trouble" in running.log.read_bytes())
            code, text = await running.get("/readyz")
            assert (code, UNANSWERED in text) == (503, True)
            assert (await running.status())["kafka_trouble"] == UNANSWERED

            running.process.terminate()
            await until(lambda: b"stopping" in running.log.read_bytes())
            assert await running.stop() == 1
    finally:
        spare.thaw()
        await exchange.stop()
    [end] = [json.loads(line) for line in running.log.open() if '"stopped"' in line]
    assert (end["left"] > 0, "stop_hurried" in running.log.read_text()) == (True, True)
