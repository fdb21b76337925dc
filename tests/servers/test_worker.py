"""The running connector against a real broker and a real registry."""

from pathlib import Path
from typing import Any

import yaml

from connector.binance.stream_name import parse
from connector.codec.schema import load
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry
from connector.lab.registry import Registry
from tests.support import avro_oracle
from tests.support.servers import config, connector, decoded, finish, read_all
from tests.support.waiting import in_time, until

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
