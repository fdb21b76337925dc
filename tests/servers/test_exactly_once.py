"""The running worker killed, doubled and starved: once and in order for a read_committed reader."""

import asyncio
import signal
from collections import Counter
from pathlib import Path
from typing import Any

from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry, free_port
from tests.support.lab_client import all_read
from tests.support.servers import Running, config, connector, decoded, read_all
from tests.support.waiting import GIVE_UP_S, until

STREAMS = [
    {"product": "spot", "symbols": ["BTCUSDT", "ETHUSDT"], "streams": ["trade", "aggTrade"]},
    {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["aggTrade"]},
]
TOPICS = {
    "spot.trade": "trade_id",
    "spot.agg-trade": "agg_trade_id",
    "usdm.agg-trade": "agg_trade_id",
}
Read = dict[tuple[str, str, str], list[int]]


async def exchange_of(rate: float = 400.0) -> Exchange:
    exchange = Exchange(Market(11), rate=rate)
    await exchange.start()
    return exchange


def settings(
    exchange: Exchange, kafka: RealKafka, registry: RealRegistry, prefix: str
) -> dict[str, Any]:
    made = config(exchange, kafka.bootstrap_servers, registry.url, prefix)
    return made | {"subscriptions": STREAMS}


def read(kafka: RealKafka, registry: RealRegistry, prefix: str) -> Read:
    """Return the ids of every series in the order of the topic, as a read_committed reader."""
    found: Read = {}
    for topic, field in TOPICS.items():
        name = f"{prefix}.{topic}"
        messages = read_all(dict(kafka.client()), name)
        for record in decoded(registry.url, name, messages):
            series = record["product"], record["stream_name"], record["symbol"]
            found.setdefault(series, []).append(record[field])
    return found


def assert_once(exchange: Exchange, found: Read) -> None:
    """Every id made while the series was covered is there, and there once."""
    assert found.keys() == exchange.oracle.made.keys()
    for series, identities in exchange.oracle.made.items():
        ids = Counter(found[series])
        wanted = [identity[0] for identity in identities]
        covered = wanted[wanted.index(min(found[series])) :]
        assert [number for number, times in ids.items() if times > 1] == [], series
        assert [number for number in covered if number not in ids] == [], series


async def caught_up(running: Running, exchange: Exchange) -> None:
    """Wait until nothing is in flight, queued or being fetched."""
    exchange.pause()
    await all_read(exchange)
    loop = asyncio.get_running_loop()
    deadline, quiet, before = loop.time() + GIVE_UP_S, 0, -1
    while quiet < 8:
        status = await running.status()
        now = status["records"]["acknowledged"]
        idle = status["records"]["in_flight"] == 0 and status["gaps_open"] == 0 and now == before
        quiet, before = quiet + 1 if idle else 0, now
        assert loop.time() < deadline, status
        await asyncio.sleep(0.1)


async def test_a_worker_stopped_in_a_quiet_market_says_where_its_coverage_ends(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    exchange = await exchange_of()
    try:
        made = settings(exchange, kafka, registry, "quiet")
        async with connector(tmp_path, made | {"server": _server()}) as running:
            await running.until_ready()
            await until(lambda: exchange.oracle.total > 400)
            await caught_up(running, exchange)
            assert await running.stop() == 0, running.log.read_text()
        found = read(kafka, registry, "quiet")
        name = "quiet.markers"
        markers = decoded(registry.url, name, read_all(dict(kafka.client()), name))
        ends = {
            (marker["product"], marker["stream_name"], marker["symbol"]): marker["before_id"]
            for marker in markers
            if marker["state"] == "stopped"
        }
        assert ends == {series: ids[-1] for series, ids in found.items()}
    finally:
        await exchange.stop()


async def test_a_killed_worker_costs_nothing_and_repeats_nothing(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    exchange = await exchange_of()
    try:
        made = settings(exchange, kafka, registry, "killed")
        for number in range(3):
            seen = exchange.oracle.total
            async with connector(tmp_path, made | {"server": _server()}) as running:
                await running.until_ready()
                await until(lambda seen=seen: exchange.oracle.total > seen + 400)  # type: ignore[misc]
                if number < 2:
                    running.process.send_signal(signal.SIGKILL)
                    await running.process.wait()
                    continue
                await caught_up(running, exchange)
                assert await running.stop() == 0, running.log.read_text()
        assert_once(exchange, read(kafka, registry, "killed"))
    finally:
        await exchange.stop()


async def test_a_worker_killed_while_it_fills_gaps_repeats_nothing_of_them(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    exchange = await exchange_of(3_000.0)
    try:
        made = settings(exchange, kafka, registry, "filling")
        async with connector(tmp_path, made | {"server": _server()}) as running:
            await running.until_ready()
            seen = exchange.oracle.total
            await until(lambda: exchange.oracle.total > seen + 1_000)
            await _killed(running)
        made_by_then = _made(exchange)
        await until(lambda: _made(exchange) > made_by_then + 9_000)
        some = {"books": False, "weight_share": 0.01}  # two pages of trades a minute
        for _ in range(2):
            for meter in exchange.rest.meters.values():
                meter.used = 0  # else the second one waits for the next minute
            async with connector(tmp_path, made | {"server": _server(), "backfill": some}) as slow:
                await slow.until_ready()
                await _stored_some(slow, 800)
                await _killed(slow)
        async with connector(tmp_path, made | {"server": _server()}) as running:
            await running.until_ready()
            await caught_up(running, exchange)
            assert await running.stop() == 0, running.log.read_text()
        assert_once(exchange, read(kafka, registry, "filling"))
    finally:
        await exchange.stop()


def _made(exchange: Exchange) -> int:
    return sum(map(len, exchange.oracle.made.values()))


async def _killed(running: Running) -> None:
    running.process.send_signal(signal.SIGKILL)
    await running.process.wait()


async def _stored_some(running: Running, events: int) -> None:
    """Wait until so many events were fetched and stored, of gaps that are open still."""
    commits, deadline = -1, asyncio.get_running_loop().time() + GIVE_UP_S
    while True:
        status = await running.status()
        if status["recovered"] >= events and commits < 0:
            commits = status["commits"] + 1
        if 0 <= commits < status["commits"]:
            assert status["gaps_open"] > 0
            return
        assert asyncio.get_running_loop().time() < deadline, status
        await asyncio.sleep(0.02)


async def test_a_second_writer_takes_over_and_the_first_retires(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    exchange = await exchange_of()
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    try:
        made = settings(exchange, kafka, registry, "doubled")
        async with connector(first, made | {"server": _server()}) as old:
            await old.until_ready()
            seen = exchange.oracle.total
            await until(lambda: exchange.oracle.total > seen + 300)
            async with connector(second, made | {"server": _server()}) as new:
                await new.until_ready()
                await until(lambda: b'"fenced"' in old.log.read_bytes())
                await until(lambda: exchange.oracle.total > seen + 900)
                assert (await old.get("/livez"))[0] == 200
                assert (await old.get("/readyz"))[0] == 503
                await caught_up(new, exchange)
                assert await new.stop() == 0, new.log.read_text()
            assert await old.stop() == 0, old.log.read_text()
        assert_once(exchange, read(kafka, registry, "doubled"))
    finally:
        await exchange.stop()


def _server() -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": free_port()}
