"""A name that the exchange refuses in a request costs that stream, not its connection."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connector.binance.ws_messages import Answer
from connector.errors import Retry
from connector.feed.rejections import RejectedStreams
from connector.feed.supervisor import Supervisor
from connector.lab.faults import Drop, RefuseStream, ServerShutdown
from connector.transport.ws_requests import SubscriptionRejected
from tests.support.waiting import GIVE_UP_S, until
from tests.support.worker import World, world

pytestmark = pytest.mark.lab

SIX: dict[str, Any] = {
    "product": "spot",
    "symbols": ["BTCUSDT", "ETHUSDT"],
    "streams": ["trade", "aggTrade", "bookTicker"],
}
REFUSED = "ethusdt@aggTrade"
TEXT = "Invalid request: invalid stream name"


def supervisor(here: World) -> Supervisor:
    [supervisor] = here.worker.shard.supervised
    return supervisor


def refusal(name: str = REFUSED) -> SubscriptionRejected:
    return SubscriptionRejected(1, [name], Answer(1, code=2))


async def page(here: World, path: str) -> str:
    base = f"http://127.0.0.1:{here.worker.server.port}"
    async with aiohttp.ClientSession() as session, session.get(base + path) as answer:
        return await answer.text()


async def until_more(here: World, name: str) -> None:
    before = here.published(name)
    await until(lambda: here.published(name) > before)


async def test_one_refused_name_is_left_out_and_all_others_flow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world(tmp_path, SIX) as here:
        here.exchange.begin(RefuseStream(REFUSED))
        await here.until_flowing()
        others = [name for name in supervisor(here).wanted() if name != REFUSED]
        for name in others:
            await until_more(here, name)
        status = json.loads(await page(here, "/status"))
        metrics = await page(here, "/metrics")
        routes = here.worker.shard.router.routes()
        feeds = {route.stream.name: len(route.feeds) for route in routes}
        kept = supervisor(here)
        await here.stop()

        assert (kept.connects_ok, kept.connects_failed, kept.disconnects) == (1, 0, 0)
        assert feeds == dict.fromkeys(others, 1) | {REFUSED: 0}
        [connection] = status["connections"].values()
        assert connection["subscribed"] == 5
        assert connection["refused"] == {REFUSED: f"2 {TEXT}"}
        assert 'bkc_streams_refused{product="spot"} 1.0' in metrics
        assert 'bkc_streams_active{product="spot"} 5.0' in metrics
    logged = capsys.readouterr().out.splitlines()
    [event] = [line for line in logged if "subscription_refused" in line]
    assert "code=2 connection=spot-1 cure='take it out of the subscriptions" in event
    assert f"stream={REFUSED} text='{TEXT}'" in event


async def test_a_refused_name_is_subscribed_again_on_the_next_connection_and_not_before(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, SIX, topics=["binance.spot.mini-ticker"]) as here:
        fault = here.exchange.begin(RefuseStream(REFUSED))
        await here.until_flowing()
        fault.cancel()
        here.rewrite({**SIX, "streams": [*SIX["streams"], "miniTicker"]})
        await until(lambda: here.published("btcusdt@miniTicker") > 0)
        assert list(supervisor(here).refused) == [REFUSED]
        await here.exchange.inflict(Drop("spot"))
        await until(lambda: here.published(REFUSED) > 0)

        assert supervisor(here).refused == {}
        await here.stop()


async def test_a_refused_name_that_a_plan_drops_and_adds_again_is_subscribed_anew(
    tmp_path: Path,
) -> None:
    without = {**SIX, "streams": ["trade", "bookTicker"]}
    async with world(tmp_path, SIX) as here:
        fault = here.exchange.begin(RefuseStream(REFUSED))
        await here.until_flowing()
        here.rewrite(without)
        await until(lambda: supervisor(here).refused == {})
        fault.cancel()
        here.rewrite(SIX)
        await until(lambda: here.published(REFUSED) > 0)

        assert supervisor(here).connects_ok == 1
        await here.stop()


async def test_a_refused_name_among_those_a_plan_adds_does_not_hold_up_the_others(
    tmp_path: Path,
) -> None:
    fewer = {**SIX, "streams": ["trade", "bookTicker"]}
    async with world(tmp_path, fewer, topics=["binance.spot.agg-trade"]) as here:
        await here.until_flowing()
        here.exchange.begin(RefuseStream(REFUSED))
        here.rewrite(SIX)
        await until(lambda: here.published("btcusdt@aggTrade") > 0)
        await until(lambda: list(supervisor(here).refused) == [REFUSED])

        assert here.worker.server.failing() == []
        assert supervisor(here).connects_ok == 1
        await here.stop()


async def test_a_name_refused_to_the_replacement_misses_something_and_nothing_else_does(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, SIX, backfill={"enabled": False}) as here:
        await here.until_flowing()
        await until_more(here, REFUSED)
        here.exchange.begin(RefuseStream(REFUSED))
        here.exchange.begin(ServerShutdown(GIVE_UP_S, "spot"))
        await until(lambda: supervisor(here).handovers >= 1)
        for name in supervisor(here).held:
            await until_more(here, name)

        routes = here.worker.shard.router.routes()
        every = [series for route in routes for series in route.all_series()]
        pending = [series.pending for series in every if series.pending]
        assert [gap.reason for gap in pending] == ["server_shutdown"]
        assert here.worker.pipeline.gap_tracker.gaps == {}
        assert list(supervisor(here).refused) == [REFUSED]
        await here.stop()


async def test_when_every_name_is_refused_none_is_left_out_and_the_connection_is_tried_again(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, SIX) as here:
        names = [f"{coin}@{kind}" for coin in ("btcusdt", "ethusdt") for kind in SIX["streams"]]
        faults = [here.exchange.begin(RefuseStream(name)) for name in names]
        await until(lambda: here.worker.shard.supervised)
        await until(lambda: supervisor(here).connects_failed >= 1)
        assert supervisor(here).refused == {}
        assert here.worker.server.failing() == ["data"]
        for fault in faults:
            fault.cancel()
        await here.until_flowing()

        assert set(supervisor(here).held) == set(names)
        await here.stop()


async def test_a_refusal_that_is_about_the_exchange_leaves_out_no_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world(tmp_path, SIX) as here:
        here.exchange.delivery.refused[REFUSED] = (-1003, "Too many requests.")
        await until(lambda: here.worker.shard.supervised)
        await until(lambda: supervisor(here).connects_failed >= 1)
        here.exchange.delivery.refused.clear()
        await here.until_flowing()

        assert len(supervisor(here).held) == 6
        await here.stop()
    log = capsys.readouterr().out
    assert "refused: -1003 Too many requests. (btcusdt@trade ...)" in log
    assert "subscription_refused" not in log


async def test_a_silent_name_refused_when_it_is_subscribed_again_is_held_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.liveness.activity.first_data_deadline", lambda _period: 0.5)
    # So that a pause of the process is a small part of that: twice this.
    monkeypatch.setattr("connector.feed.liveness.activity_monitor.POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr("connector.feed.liveness.monitor.POLL_INTERVAL_S", 0.02)
    name = "!bookTicker"
    subscription = {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["bookTicker", name]}
    async with world(tmp_path, subscription) as here:
        here.exchange.muted.add(name)
        await until(lambda: here.worker.shard.supervised)
        await until(lambda: name in supervisor(here).held)
        here.exchange.begin(RefuseStream(name))
        await until(lambda: list(supervisor(here).refused) == [name])

        assert list(supervisor(here).held) == ["btcusdt@bookTicker"]
        assert supervisor(here).disconnects == 0
        await here.stop()


def test_ten_refused_names_are_left_out_and_the_eleventh_is_trouble() -> None:
    rejected = RejectedStreams()
    for number in range(10):
        rejected.reject(str(number), refusal(), 400)
    assert len(rejected.take_new()) == 10

    with pytest.raises(Retry, match="11 of 411 streams refused, the last one: request 1 refused"):
        rejected.reject("10", refusal(), 400)
    assert rejected.answers == {}
    assert rejected.take_new() == []


@pytest.mark.parametrize(("others", "trouble"), [(0, True), (1, False), (400, False)])
def test_a_refused_name_is_trouble_when_nothing_else_was_taken(others: int, trouble: bool) -> None:
    rejected = RejectedStreams()
    try:
        rejected.reject(REFUSED, refusal(), others)
    except Retry:
        assert trouble
    else:
        assert not trouble


def test_a_refused_name_is_reported_once() -> None:
    rejected = RejectedStreams()
    rejected.reject(REFUSED, refusal(), 5)

    assert rejected.take_new() == [(REFUSED, Answer(1, code=2))]
    assert rejected.take_new() == []


def test_a_refused_name_that_is_not_wanted_any_more_is_forgotten() -> None:
    rejected = RejectedStreams()
    rejected.reject(REFUSED, refusal(), 5)

    rejected.forget_unless({"btcusdt@trade": None})

    assert rejected.answers == {}
