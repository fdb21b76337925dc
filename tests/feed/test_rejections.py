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
from connector.lab.faults import Drop, RefuseStream
from connector.transport.websocket import SubscriptionRejected
from tests.support.waiting import until
from tests.support.worker import World, world

pytestmark = pytest.mark.lab

SIX: dict[str, Any] = {
    "product": "spot",
    "symbols": ["BTCUSDT", "ETHUSDT"],
    "streams": ["trade", "aggTrade", "bookTicker"],
}
REFUSED = "ethusdt@aggTrade"
WORDS = "Invalid request: invalid stream name"


def supervisor(here: World) -> Supervisor:
    [one] = here.worker.shard.supervised
    return one


def refused(name: str = REFUSED) -> SubscriptionRejected:
    return SubscriptionRejected(f"request 1 refused: 2 {WORDS} ({name})", Answer(1, code=2))


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
        legs = {route.stream.name: len(route.feeds) for route in routes}
        one = supervisor(here)
        await here.stop()

        assert (one.connects_ok, one.connects_failed, one.disconnects) == (1, 0, 0)
        assert legs == dict.fromkeys(others, 1) | {REFUSED: 0}
        [connection] = status["connections"].values()
        assert connection["subscribed"] == 5
        assert connection["refused"] == {REFUSED: f"2 {WORDS}"}
        assert 'bkc_streams_refused{product="spot"} 1.0' in metrics
        assert 'bkc_streams_active{product="spot"} 5.0' in metrics
    [said] = [line for line in capsys.readouterr().out.splitlines() if "_refused" in line]
    assert "code=2 connection=spot-1 cure='take it out of the subscriptions" in said
    assert f"stream={REFUSED} text='{WORDS}'" in said


async def test_a_refused_name_is_asked_for_again_on_the_next_connection_and_not_before(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, SIX, topics=["binance.spot.mini-ticker"]) as here:
        refusal = here.exchange.begin(RefuseStream(REFUSED))
        await here.until_flowing()
        refusal.cancel()
        here.rewrite({**SIX, "streams": [*SIX["streams"], "miniTicker"]})
        await until(lambda: here.published("btcusdt@miniTicker") > 0)
        assert list(supervisor(here).refused) == [REFUSED]
        await here.exchange.inflict(Drop("spot"))
        await until(lambda: here.published(REFUSED) > 0)

        assert supervisor(here).refused == {}
        await here.stop()


async def test_a_refused_name_that_a_plan_drops_and_takes_up_again_is_asked_for_anew(
    tmp_path: Path,
) -> None:
    without = {**SIX, "streams": ["trade", "bookTicker"]}
    async with world(tmp_path, SIX) as here:
        refusal = here.exchange.begin(RefuseStream(REFUSED))
        await here.until_flowing()
        here.rewrite(without)
        await until(lambda: supervisor(here).refused == {})
        refusal.cancel()
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
        await here.exchange.server_shutdown("spot", after_s=5.0)
        await until(lambda: supervisor(here).handovers == 1)
        for name in supervisor(here).held:
            await until_more(here, name)

        routes = here.worker.shard.router.routes()
        blind = [one.pending for route in routes for one in route.all_series() if one.pending]
        assert [gap.reason for gap in blind] == ["server_shutdown"]
        assert here.worker.pipeline.continuity.gaps == {}
        assert list(supervisor(here).refused) == [REFUSED]
        await here.stop()


async def test_when_every_name_is_refused_none_is_left_out_and_the_connection_is_tried_again(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, SIX) as here:
        names = [f"{coin}@{kind}" for coin in ("btcusdt", "ethusdt") for kind in SIX["streams"]]
        refusals = [here.exchange.begin(RefuseStream(name)) for name in names]
        await until(lambda: here.worker.shard.supervised)
        await until(lambda: supervisor(here).connects_failed == 1)
        assert supervisor(here).refused == {}
        assert here.worker.server.failing() == ["data"]
        for one in refusals:
            one.cancel()
        await here.until_flowing()

        assert set(supervisor(here).held) == set(names)
        await here.stop()


async def test_a_refusal_that_is_about_the_exchange_leaves_out_no_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world(tmp_path, SIX) as here:
        here.exchange.wire.refused[REFUSED] = (-1003, "Too many requests.")
        await until(lambda: here.worker.shard.supervised)
        await until(lambda: supervisor(here).connects_failed == 1)
        here.exchange.wire.refused.clear()
        await here.until_flowing()

        assert len(supervisor(here).held) == 6
        await here.stop()
    said = capsys.readouterr().out
    assert "refused: -1003 Too many requests. (btcusdt@trade ...)" in said
    assert "subscription_refused" not in said


async def test_a_silent_name_refused_when_it_is_asked_for_again_is_held_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "connector.feed.liveness.first_data.first_data_deadline", lambda _period: 0.5
    )
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
    refusals = RejectedStreams()
    for number in range(10):
        refusals.reject(str(number), refused(), 400)
    assert len(refusals.take_new()) == 10

    with pytest.raises(Retry, match="11 of 411 streams refused, the last one: request 1 refused"):
        refusals.reject("10", refused(), 400)
    assert refusals.answers == {}
    assert refusals.take_new() == []


@pytest.mark.parametrize(("others", "trouble"), [(0, True), (1, False), (400, False)])
def test_a_refused_name_is_trouble_when_nothing_else_was_taken(others: int, trouble: bool) -> None:
    refusals = RejectedStreams()
    try:
        refusals.reject(REFUSED, refused(), others)
    except Retry:
        assert trouble
    else:
        assert not trouble


def test_what_is_said_of_a_refused_name_is_said_once() -> None:
    refusals = RejectedStreams()
    refusals.reject(REFUSED, refused(), 5)

    assert refusals.take_new() == [(REFUSED, Answer(1, code=2))]
    assert refusals.take_new() == []


def test_a_refused_name_that_is_not_wanted_any_more_is_forgotten() -> None:
    refusals = RejectedStreams()
    refusals.reject(REFUSED, refused(), 5)

    refusals.forget_unless({"btcusdt@trade": None})

    assert refusals.answers == {}
