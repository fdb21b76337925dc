"""A running worker whose plan changes: who stays is not disturbed, and what goes wrong changes
nothing.
"""

import asyncio
import functools
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connector.binance.products import Product
from connector.binance.stream_name import parse
from connector.codec.schema import load
from connector.kafka.tail_consumer import TailConsumer
from connector.lab.faults import Drop, RestBody
from connector.lab.http_proxy import Proxy
from connector.lab.market import Market
from connector.planning.model import ConnectionPlan
from connector.transport.connect_limiter import ConnectLimiter
from tests.support.avro_oracle import read_avro
from tests.support.config import Looks
from tests.support.manual_backfill import answer
from tests.support.waiting import until
from tests.support.worker import SPOT, World, world

pytestmark = pytest.mark.lab

ALL = {"product": "spot", "symbols": "all", "streams": ["trade"]}
TRADES = ("binance.spot.trade",)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.worker.replan_triggers.POLL_INTERVAL_S", 0.1)
    monkeypatch.setattr("connector.worker.replanner.RETRY_DELAY_S", 0.5)
    monkeypatch.setattr("connector.feed.shard.TIDY_INTERVAL_S", 0.05)


def subscribed(here: World, host: str = "spot") -> set[str]:
    """Return what a host's connections are subscribed to, as the exchange sees it."""
    return {name for session in here.exchange._sessions[host] for name in session.subscribed}


def _are_subscribed(here: World, count: int) -> bool:
    return len(subscribed(here)) == count


def changes(here: World) -> dict[str, int]:
    return dict(here.worker.replanner.changes)


class Outcomes(Counter[str]):
    """Changes of the plan by outcome, and the outcomes in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.in_order: list[str] = []

    def __setitem__(self, outcome: str, number: int) -> None:
        self.in_order.append(outcome)
        super().__setitem__(outcome, number)


def balanced(here: World) -> None:
    """Everything sent is in Kafka, once; nothing was put aside."""
    ledger = here.worker.ledger
    assert ledger.dead_letters == Counter()
    assert ledger.records.acknowledged == here.exchange.oracle.total


@pytest.mark.parametrize("number", [1, 2])
async def test_a_stream_is_read_where_it_was_until_its_new_connection_brings_it(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {**SPOT, "connections": number}
    async with world(tmp_path, kinds, rate=400.0, backfill={"enabled": False}) as here:
        await here.until_flowing()
        await until(lambda: here.published("btcusdt@trade") > 50)
        acquire, open_ = ConnectLimiter.acquire, asyncio.Event()

        async def late(limiter: ConnectLimiter, plan: ConnectionPlan) -> None:
            await open_.wait()  # the budget of attempts, or an exchange that is slow
            await acquire(limiter, plan)

        monkeypatch.setattr(ConnectLimiter, "acquire", late)
        old = {supervisor.plan.name for supervisor in here.worker.shard.supervised}
        here.rewrite({**kinds, "time_unit": "us"})
        await until(lambda: changes(here) == {"applied": 1})
        count = here.published("btcusdt@trade")
        await until(lambda: here.published("btcusdt@trade") > count + 100)
        open_.set()
        names = here.worker.shard.supervised
        await until(
            lambda: not old & {supervisor.plan.name for supervisor in here.worker.shard.supervised}
        )
        await here.stop()

        assert len(names) == 2 * number
        assert here.worker.gap_tracker.gaps == {}


TOPICS_OF = {"": ("elsewhere", "trade"), "markers": ("binance.markers", "marker")}


async def stored(here: World, kind: str, field: str) -> dict[str, list[Any]]:
    """Return the ids in a topic by symbol, in the order they lie there; once nothing writes."""
    topic, schema = TOPICS_OF.get(kind, (f"binance.spot.{kind}", kind))
    reader = TailConsumer(here.broker.bootstrap_servers, [topic])
    await reader.start()
    found: dict[str, list[Any]] = {}
    while await reader.lag():
        for read in await reader.batch():
            record = read_avro(load(schema), read.value)
            found.setdefault(record["symbol"], []).append(record[field])
    await reader.stop()
    return found


async def test_100_streams_more_disturb_none_of_1000(tmp_path: Path) -> None:
    old = [f"COIN{number}USDT" for number in range(500)]
    new = [f"NEW{number}USDT" for number in range(50)]
    wanted = {"product": "spot", "symbols": old, "streams": ["trade", "aggTrade"]}
    market = Market(9, {"spot": (*old, *new)})
    async with world(tmp_path, wanted, rate=3000.0, market=market) as here:
        await here.until_flowing()
        await until(lambda: here.published("coin499usdt@aggTrade") > 0)
        here.rewrite({**wanted, "symbols": [*old, *new]})
        await until(lambda: here.worker.shard.streams() == {"spot": (1100, 1100)})
        await until(lambda: len(here.exchange.oracle.sent) == 1100)
        left = await here.stop()
        trades = await stored(here, "trade", "trade_id")
        aggregates = await stored(here, "agg-trade", "agg_trade_id")

        sent = here.exchange.oracle.sent
        assert left == 0
        for (_, stream, symbol), identities in sent.items():
            ids = (trades if stream.endswith("@trade") else aggregates)[symbol]
            assert [(trade_id,) for trade_id in ids] == identities
        assert [supervisor.disconnects for supervisor in here.worker.shard.supervised] == [0, 0, 0]
        balanced(here)


async def test_a_listing_appears_in_its_topic_within_one_refresh(tmp_path: Path) -> None:
    async with world(tmp_path, ALL, topics=TRADES, refresh="1s") as here:
        await here.until_flowing()
        assert len(subscribed(here)) == 5
        here.worker.replanner.changes = outcomes = Outcomes()
        here.market.list_symbol("spot", "NEWUSDT")
        await until(lambda: here.published("newusdt@trade") > 0)
        await here.stop()

        # The listings may have been read just before, in answer to a request that was under way.
        assert "applied" in outcomes.in_order[:2]
        assert set(await stored(here, "trade", "trade_id")) == {*here.market.symbols["spot"]}
        balanced(here)


async def test_a_listing_is_fetched_from_its_first_trade(tmp_path: Path) -> None:
    async with world(tmp_path, ALL, topics=TRADES, refresh="1s") as here:
        await here.until_flowing()
        stream, now = parse("spot", "newusdt@trade"), time.time_ns() // 1_000_000
        here.market.list_symbol("spot", "NEWUSDT")
        before = [here.market.next_events(stream, now)[0].identity[0] for _ in range(30)]
        await until(lambda: here.published("newusdt@trade") > 5)
        await until(lambda: here.worker.gap_tracker.recovered >= 30)
        await until(lambda: here.worker.gap_tracker.open_gaps == 0)
        await here.stop()
        found = (await stored(here, "trade", "trade_id"))["NEWUSDT"]

        assert here.worker.gap_tracker.recovered == 30
        assert sorted(found)[:30] == before
        assert len(set(found)) == len(found)


async def test_an_announced_listing_does_not_wait_for_the_refresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.worker.replan_triggers.ANNOUNCED_INTERVAL_S", 0.2)
    subscription = {"product": "usdm", "symbols": "all", "streams": ["aggTrade"]}
    news = {"product": "usdm", "streams": ["!contractInfo"]}
    topics = ("binance.usdm.agg-trade",)
    async with world(tmp_path, subscription, news, topics=topics, refresh="1h") as here:
        await here.until_flowing()
        here.market.list_symbol("usdm", "NEWUSDT")
        await until(lambda: here.published("newusdt@aggTrade") > 0)
        await here.stop()

        assert here.worker.ledger.dead_letters == Counter()


async def test_a_delisted_symbol_is_unsubscribed_and_its_way_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.shard.HANDOVER_GRACE_S", 0.2)
    async with world(tmp_path, ALL, topics=TRADES, refresh="1s") as here:
        await here.until_flowing()
        await until(lambda: here.published("solusdt@trade") > 0)
        here.market.delist("spot", "SOLUSDT")
        await until(lambda: "solusdt@trade" not in subscribed(here))
        routing, series = here.worker.shard.router, here.worker.gap_tracker._series
        await until(lambda: len(list(routing.routes())) == 4)
        assert "spot/solusdt@trade/SOLUSDT" in series  # should it be listed again
        monkeypatch.setattr("connector.continuity.series_registry.KEEP_LEFT_MS", 0)
        await until(lambda: "spot/solusdt@trade/SOLUSDT" not in series)
        await here.stop()

        published, _ = routing.published()["spot", "trade"]
        assert published == here.worker.ledger.records.acknowledged  # what is gone still counts
        balanced(here)


async def test_a_file_that_is_gone_is_told_once_and_its_plan_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        here.path.unlink()
        await until(lambda: here.worker.replanner.triggers.watch.gone)
        await Looks(monkeypatch).until_more()
        log_text = capsys.readouterr().out
        here.rewrite()
        await until(lambda: not here.worker.replanner.triggers.watch.gone)
        await until(lambda: "config_file_back" in capsys.readouterr().out)
        await here.stop()

        assert (log_text.count("config_file_gone"), changes(here)) == (1, {})
        balanced(here)


async def test_a_bad_file_is_refused_and_the_old_plan_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        before = here.worker.replanner.loaded.hash
        here.rewrite({**SPOT, "streams": ["trade", "bookTiker"]})
        await until(lambda: changes(here) == {"refused": 1})
        count = here.worker.ledger.records.acknowledged
        await until(lambda: here.worker.ledger.records.acknowledged > count + 100)

        assert here.worker.replanner.loaded.hash == before
        assert not here.worker.server.failing()
        assert "config_refused" in (log_text := capsys.readouterr().out)
        assert "connector.yaml:" in log_text
        here.rewrite({**SPOT, "streams": ["trade"]})
        await until(lambda: changes(here) == {"refused": 1, "applied": 1})
        await until(lambda: subscribed(here) == {"btcusdt@trade", "ethusdt@trade"})
        await here.stop()
        balanced(here)


async def test_a_signal_reads_the_file_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.worker.replan_triggers.POLL_INTERVAL_S", 3600.0)
    async with world(tmp_path) as here:
        await here.until_flowing()
        here.rewrite({**SPOT, "symbols": ["BTCUSDT", "ETHUSDT", "BNBUSDT"]})
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: here.published("bnbusdt@trade") > 0)
        await here.stop()

        assert changes(here) == {"applied": 1}
        balanced(here)


async def test_streams_given_up_under_load_leave_no_dead_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.shard.HANDOVER_GRACE_S", 0.3)
    coins = [f"COIN{number}USDT" for number in range(100)]
    wanted = {"product": "spot", "symbols": coins, "streams": ["trade", "bookTicker"]}
    market, off = Market(9, {"spot": coins}), {"enabled": False}
    async with world(tmp_path, wanted, rate=4000.0, market=market, backfill=off) as here:
        await here.until_flowing()
        for count in (80, 100, 10):
            here.rewrite({**wanted, "symbols": coins[:count]})
            await until(functools.partial(_are_subscribed, here, 2 * count))
        await until(lambda: len(list(here.worker.shard.router.routes())) == 20)
        await here.stop()

        balanced(here)


async def test_what_waits_for_kafka_outlives_its_subscription(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.shard.HANDOVER_GRACE_S", 0.0)
    async with world(tmp_path) as here:
        await here.until_flowing()
        with monkeypatch.context() as full:
            full.setattr(here.worker.producer, "room", lambda: 0)  # Kafka is full
            await until(lambda: here.worker.pipeline.waiting > 50)
            here.rewrite({**SPOT, "symbols": ["BTCUSDT"], "streams": ["trade"]})
            await until(lambda: subscribed(here) == {"btcusdt@trade"})
            waiting = here.worker.pipeline.waiting
            await until(lambda: here.worker.pipeline.waiting > waiting + 50)  # much tidying later
        await until(lambda: len(list(here.worker.shard.router.routes())) == 1)
        await here.stop()

        assert waiting > 50
        balanced(here)


async def test_another_topic_takes_over_without_a_new_subscription(tmp_path: Path) -> None:
    async with world(tmp_path, {**SPOT, "streams": ["trade"]}, topics=("elsewhere",)) as here:
        await here.until_flowing()
        here.rewrite({**SPOT, "streams": ["trade"], "topic": "elsewhere"})
        await until(lambda: changes(here) == {"applied": 1})
        count = here.worker.ledger.records.acknowledged
        await until(lambda: here.worker.ledger.records.acknowledged > count + 100)
        await here.exchange.inflict(Drop("spot"))
        await until(lambda: here.worker.shard.supervised[0].disconnects >= 1)
        await here.until_flowing()
        await until(lambda: here.worker.gap_tracker.open_gaps == 0)
        left = await here.stop()

        assert left == 0
        old, new = await stored(here, "trade", "trade_id"), await stored(here, "", "trade_id")
        for (_, _, symbol), identities in here.exchange.oracle.made.items():
            ids = old[symbol] + sorted(new[symbol])  # what was fetched lies behind
            assert [(trade_id,) for trade_id in ids] == identities[-len(ids) :]
        marker_states = await stored(here, "markers", "state")
        began = {symbol: states[:3] for symbol, states in marker_states.items()}
        moved = ["started", "stopped", "started"]
        assert began == {"BTCUSDT": moved, "ETHUSDT": moved}
        for topic in ("elsewhere", "binance.spot.trade"):
            code, verdict = await asyncio.to_thread(answer, "verify", here.path, "--topic", topic)
            assert (code, [entry["holes"] for entry in verdict["series"]]) == (0, [{}, {}])


async def test_a_change_of_connections_costs_and_repeats_nothing(tmp_path: Path) -> None:
    kinds = {**SPOT, "streams": ["trade", "aggTrade", "bookTicker", "miniTicker", "depth@100ms"]}
    async with world(tmp_path, kinds, rate=800.0, backfill={"enabled": False}) as here:
        await here.until_flowing()
        for number in (2, 1):
            here.rewrite({**kinds, "connections": number})
            await until(lambda number=number: here.exchange.connections("spot") == number)  # type: ignore[misc]
            await until(lambda number=number: len(here.worker.shard.supervised) == number)  # type: ignore[misc]
            count = here.worker.ledger.records.acknowledged
            await until(lambda count=count: here.worker.ledger.records.acknowledged > count + 300)  # type: ignore[misc]
        await here.stop()
        trades = await stored(here, "trade", "trade_id")
        states = await stored(here, "markers", "state")

        assert here.worker.gap_tracker.gaps == {}
        assert {state for several in states.values() for state in several} == {"started", "stopped"}
        for symbol, ids in trades.items():
            series = "spot", f"{symbol.lower()}@trade", symbol
            made = [trade_id for (trade_id,) in here.exchange.oracle.made[series]]
            assert ids == made[-len(ids) :]


async def test_a_connection_that_breaks_during_a_change_comes_back_with_what_is_wanted(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        await here.exchange.drop("spot")
        here.rewrite({**SPOT, "symbols": ["ETHUSDT", "BNBUSDT"]})
        wanted = {f"{s}@{k}" for s in ("ethusdt", "bnbusdt") for k in ("trade", "bookTicker")}
        await until(lambda: subscribed(here) == wanted)
        await until(lambda: here.published("bnbusdt@trade") > 0)
        await here.stop()

        assert here.worker.ledger.dead_letters == Counter()


async def test_a_product_begins_and_ends_while_another_goes_on(tmp_path: Path) -> None:
    usdm = {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["aggTrade"]}
    async with world(tmp_path, topics=("binance.usdm.agg-trade",)) as here:
        await here.until_flowing()
        here.rewrite(SPOT, usdm)
        await until(lambda: here.published("btcusdt@aggTrade") > 0)
        assert here.worker.shard.streams() == {"spot": (4, 4), "usdm": (1, 1)}
        here.rewrite(SPOT)
        await until(lambda: here.exchange.connections("usdm") == 0)
        await here.stop()

        assert here.worker.shard.streams() == {"spot": (4, 0)}
        assert here.worker.ledger.dead_letters == Counter()


async def test_what_needs_a_restart_is_named_and_the_rest_is_done(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        kafka = {**here.config["kafka"], "client_id": "other"}
        here.rewrite({**SPOT, "streams": ["trade"]}, kafka=kafka, hold="1MiB")
        await until(lambda: changes(here) == {"applied": 1})

        assert here.worker.replanner.restart_needed == ("hold", "kafka.client_id")
        assert here.worker.replanner.loaded.settings.kafka.client_id == "bkc"
        await until(lambda: subscribed(here) == {"btcusdt@trade", "ethusdt@trade"})
        await here.stop()
        balanced(here)


async def test_a_start_waits_for_what_is_listed(tmp_path: Path) -> None:
    async with world(tmp_path, ALL, topics=TRADES) as here:
        here.exchange.rest.refuse(503, times=1_000)
        await until(lambda: here.exchange.rest.asked)
        assert "exchange_info" in here.worker.server.failing()
        here.exchange.rest.refuse(503, times=0)
        await here.until_flowing()
        await here.stop()

        balanced(here)


async def test_an_exchange_that_lists_no_symbol_keeps_the_plan_and_is_asked_again(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, ALL, topics=TRADES, refresh="1s") as here:
        await here.until_flowing()
        before = subscribed(here)
        nothing = here.exchange.begin(RestBody("unlisted", 1_000_000, "/api/v3/exchangeInfo"))
        await until(lambda: changes(here).get("failed", 0) > 0)
        assert subscribed(here) == before
        nothing.cancel()
        here.market.list_symbol("spot", "NEWUSDT")
        await until(lambda: here.published("newusdt@trade") > 0)
        await here.stop()


async def test_a_refresh_that_fails_keeps_the_plan_and_is_tried_again(tmp_path: Path) -> None:
    async with world(tmp_path, ALL, topics=TRADES, refresh="1s") as here:
        await here.until_flowing()
        here.exchange.rest.refuse(503, times=1)
        await until(lambda: changes(here).get("failed", 0) > 0)
        assert len(subscribed(here)) == 5
        here.market.list_symbol("spot", "NEWUSDT")
        await until(lambda: here.published("newusdt@trade") > 0)
        await here.stop()
        balanced(here)


async def test_a_changed_file_is_carried_out_though_nobody_says_what_is_listed(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, ALL, topics=TRADES, refresh="1h") as here:
        await here.until_flowing()
        here.exchange.rest.refuse(503, times=1)
        here.rewrite({**ALL, "symbols": ["B*"]})
        await until(lambda: subscribed(here) == {"btcusdt@trade", "bnbusdt@trade"})
        await here.stop()
        balanced(here)


async def test_a_market_that_lists_little_keeps_its_streams_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coins = [f"COIN{number}USDT" for number in range(20)]
    market = Market(9, {"spot": coins})

    def each(change: Callable[[Product, str], None]) -> None:
        for coin in coins[:15]:
            change("spot", coin)

    async with world(tmp_path, ALL, market=market, topics=TRADES, refresh="1s") as here:
        await here.until_flowing()
        each(market.delist)
        await until(lambda: changes(here).get("failed", 0) > 0)
        assert len(subscribed(here)) == 20
        each(market.list_symbol)
        await until(lambda: changes(here).get("unchanged", 0) > 0)

        monkeypatch.setattr("connector.worker.replanner.MASS_END_DELAY_S", 1.0)
        failed = changes(here)["failed"]
        each(market.delist)  # the first time is forgotten: the while begins anew
        await until(lambda: changes(here)["failed"] > failed)
        assert len(subscribed(here)) == 20
        await until(lambda: len(subscribed(here)) == 5)
        await here.stop()
        balanced(here)


async def test_the_plan_and_its_changes_are_shown(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        here.rewrite({**SPOT, "streams": ["trade"]})
        await until(lambda: changes(here) == {"applied": 1})
        await until(lambda: here.worker.shard.streams() == {"spot": (2, 2)})
        base = f"http://127.0.0.1:{here.worker.server.port}"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{base}/metrics") as page:
                lines = (await page.text()).splitlines()
            async with session.get(f"{base}/status") as state:
                status = await state.json()
        await here.stop()

        assert status["plan"] == {"spot-1": ["btcusdt@trade", "ethusdt@trade"]}
        assert status["config"]["hash"] == here.worker.replanner.loaded.hash
        for line in (
            f'bkc_config_info{{hash="{here.worker.replanner.loaded.hash}"}} 1.0',
            'bkc_plan_changes_total{outcome="applied"} 1.0',
            'bkc_plan_changes_total{outcome="refused"} 0.0',
            'bkc_streams_desired{product="spot"} 2.0',
            'bkc_streams_active{product="spot"} 2.0',
            'bkc_rest_weight_used{pool="futures"} 0.0',
            'bkc_rest_banned_until_timestamp_seconds{pool="futures"} 0.0',
        ):
            assert line in lines


async def test_microseconds_have_connections_of_their_own_and_begin_live(tmp_path: Path) -> None:
    fine = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["trade"], "time_unit": "us"}
    coarse = {"product": "spot", "symbols": ["ETHUSDT"], "streams": ["trade"]}
    async with world(tmp_path, {**coarse, "symbols": ["BTCUSDT", "ETHUSDT"]}) as here:
        await here.until_flowing()
        here.rewrite(fine, coarse)
        await until(lambda: changes(here) == {"applied": 1})
        await until(lambda: here.worker.shard.streams() == {"spot": (2, 2)})
        count = here.published("btcusdt@trade")
        await until(lambda: here.published("btcusdt@trade") > count + 20)
        await here.stop()

        times = await stored(here, "trade", "event_time_us")
        assert set(times["ETHUSDT"]) == {None}
        known = [time for time in times["BTCUSDT"] if time is not None]
        # First milliseconds; while both connections deliver it, those of the faster; at last
        # microseconds.
        assert times["BTCUSDT"][0] is None
        assert None not in times["BTCUSDT"][-20:]
        assert {time // 1000 % 1000 == time % 1000 for time in known} == {True}
        assert here.worker.ledger.dead_letters == Counter()


LOGINS = ("bkc:open-sesame", "bkc:p@ss/w:rd %")


@pytest.mark.parametrize("login", [None, *LOGINS])
async def test_everything_goes_through_the_proxy(
    login: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy = Proxy(login)
    await proxy.start()
    (tmp_path / "login").write_text(f"{login}\n")
    path = None if login is None else str(tmp_path / "login")
    async with world(tmp_path, ALL, topics=TRADES, proxy=proxy.url, proxy_login_file=path) as here:
        await here.until_flowing()
        await until(lambda: here.worker.ledger.records.acknowledged > 20)
        await here.stop()

        bases = here.exchange.bases["spot"]
        assert set(proxy.seen) == {bases.rest.split("/")[2], bases.streams[0].split("/")[2]}
        balanced(here)
    await proxy.stop()
    log_text = capsys.readouterr().out
    assert login is None or login.partition(":")[2] not in log_text


async def test_a_proxy_that_fails_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy = Proxy()
    await proxy.start()
    proxy.broken = True
    async with world(tmp_path, proxy=proxy.url) as here:
        await until(
            lambda: any(supervisor.connects_failed for supervisor in here.worker.shard.supervised)
        )
        proxy.broken = False
        await here.until_flowing()
        await here.stop()

    assert f"through the proxy {proxy.url.removeprefix('http://')}" in capsys.readouterr().out
    await proxy.stop()
