"""Faults of REST and of listings, as a plain HTTP client meets them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from connector.binance.exchange_info import read_exchange_info
from connector.binance.stream_name import parse
from connector.lab.clock import Clock
from connector.lab.exchange import Exchange
from connector.lab.faults import (
    Fault,
    OddListing,
    Refuse,
    RestBehind,
    RestBody,
    RestCache,
    RestRows,
    RestSlow,
    RestUnsettled,
    SymbolStatus,
)
from connector.lab.market import Market
from tests.support.waiting import until

pytestmark = pytest.mark.lab

START_MS = 1_795_000_020_000  # a minute begins
TRADES, AGGREGATES, KLINES = "/api/v3/historicalTrades", "/api/v3/aggTrades", "/api/v3/klines"
DEPTH, INFO = "/api/v3/depth", "/fapi/v1/exchangeInfo"


class Lab(Exchange):
    """An exchange that makes events only when a test asks for them, on a clock that it moves."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self._fault: asyncio.Task[None] | None = None
        super().__init__(Market(5), rate=1.0, clock=Clock(lambda: self.now_ms / 1000))

    def make(self, name: str, events: int, step_ms: int = 100) -> list[dict[str, Any]]:
        """Make events of a stream of spot, the last one now."""
        made = []
        for _ in range(events):
            self.now_ms += step_ms
            made += self.market.next_events(parse("spot", name), self.now_ms)
        return [event.data for event in made]

    async def until_begun(self, fault: Fault) -> None:
        """Begin a fault of REST; return when it is in force and the one before is over."""
        if self._fault is not None:
            self._fault.cancel()
            await until(lambda: not self.rest.interceptors)
        self._fault = self.begin(fault)
        await until(lambda: self.rest.interceptors)

    async def until_well(self) -> None:
        """End the fault of REST."""
        assert self._fault is not None
        self._fault.cancel()
        await until(lambda: not self.rest.interceptors)

    async def get(self, path: str, **query: Any) -> tuple[int, str, str]:
        """Return status, content type and body."""
        url = self.rest.url + path
        async with aiohttp.ClientSession() as session, session.get(url, params=query) as answer:
            return answer.status, answer.content_type, await answer.text()

    async def rows(self, path: str, **query: Any) -> Any:
        """Return a decoded answer about BTCUSDT."""
        status, _, body = await self.get(path, symbol="BTCUSDT", **query)
        assert status == 200
        return json.loads(body)


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    exchange = Lab()
    await exchange.start()
    yield exchange
    await exchange.stop()


def ids(rows: list[Any], key: str = "id") -> list[int]:
    return [row[key] for row in rows]


# Answers that are none


@pytest.mark.parametrize(
    ("form", "content_type", "body"),
    [
        ("html", "text/html", "<html>"),
        ("error", "application/json", '{"code":-1000'),
        ("empty", "application/json", ""),
        ("array", "application/json", "[]"),
        ("object", "application/json", "{}"),
        ("unlisted", "application/json", '{"timezone"'),
    ],
)
async def test_an_answer_of_status_200_is_no_answer(
    lab: Lab, form: Any, content_type: str, body: str
) -> None:
    await lab.until_begun(RestBody(form, path=INFO))
    other = await lab.get("/fapi/v1/time")
    first = await lab.get(INFO)
    second = await lab.get(INFO)

    assert (first[0], first[1]) == (200, content_type)
    assert first[2].startswith(body)
    assert bool(first[2]) == bool(body)
    assert "serverTime" in json.loads(other[2])
    assert json.loads(second[2])["symbols"]


async def test_an_answer_is_cut_so_many_times(lab: Lab) -> None:
    await lab.until_begun(RestBody("cut", times=2, path="/api/v3/depth"))
    for _ in range(2):
        status, _, body = await lab.get(DEPTH, symbol="BTCUSDT")
        assert (status, body[:15]) == (200, '{"lastUpdateId"')
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
    assert await lab.rows(DEPTH)


async def test_an_answer_is_wrong_for_one_symbol_only(lab: Lab) -> None:
    lab.make("btcusdt@trade", 3)
    await lab.until_begun(RestBody("array", times=5, path=TRADES, symbol="BTCUSDT"))

    assert await lab.rows(TRADES) == []
    assert (await lab.get(TRADES, symbol="ETHUSDT"))[2] == "[]"  # there are none
    assert len(lab.rest.interceptors) == 1


@pytest.mark.parametrize("status", [202, 403, 451, 502])
async def test_a_path_is_refused_in_html(lab: Lab, status: int) -> None:
    await lab.inflict(Refuse(status, path=INFO))
    other = await lab.get("/fapi/v1/time")
    first = await lab.get(INFO)
    second = await lab.get(INFO)

    assert (other[0], second[0]) == (200, 200)
    assert (first[0], first[1], first[2][:6]) == (status, "text/html", "<html>")


async def test_answers_are_slow(lab: Lab) -> None:
    await lab.until_begun(RestSlow(delay=30.0, path=INFO))
    url = lab.rest.url + INFO
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(0.2)) as session:
        with pytest.raises(TimeoutError):
            await session.get(url)

    assert (await lab.get("/fapi/v1/time"))[0] == 200


# REST behind the stream


async def test_trades_and_aggregates_are_behind(lab: Lab) -> None:
    made = lab.make("btcusdt@trade", 100)
    newest = await lab.rows(TRADES, limit=1)
    await lab.until_begun(RestBehind(lag=2.0))
    behind = await lab.rows(TRADES, limit=1)
    aggregates = await lab.rows(AGGREGATES, limit=1)
    after = await lab.rows(TRADES, fromId=made[90]["t"])

    assert ids(newest) == [made[-1]["t"]]
    assert ids(behind) == [made[-21]["t"]]
    assert aggregates[0]["T"] == lab.now_ms - 2_000
    assert after == []


async def test_one_path_alone_is_behind(lab: Lab) -> None:
    made = lab.make("btcusdt@trade", 100)
    await lab.until_begun(RestBehind(lag=2.0, path=AGGREGATES))

    assert ids(await lab.rows(TRADES, limit=1)) == [made[-1]["t"]]
    assert (await lab.rows(AGGREGATES, limit=1))[0]["T"] == lab.now_ms - 2_000


async def test_candles_are_behind(lab: Lab) -> None:
    trades = lab.make("btcusdt@trade", 100, step_ms=1_000)  # 100 s
    whole = await lab.rows(KLINES, interval="1m")
    await lab.until_begun(RestBehind(lag=50.0))
    behind = await lab.rows(KLINES, interval="1m")

    assert [row[0] for row in whole] == [START_MS, START_MS + 60_000]
    assert [row[0] for row in behind] == [START_MS]
    seen = [trade for trade in trades if trade["T"] <= lab.now_ms - 50_000]
    assert (behind[0][8], behind[0][4]) == (len(seen), seen[-1]["p"])
    assert whole[0][8] > behind[0][8]


async def test_a_book_is_behind(lab: Lab) -> None:
    lab.make("btcusdt@depth@100ms", 1)
    old = await lab.rows(DEPTH)
    await lab.until_begun(RestBehind(lag=5.0))
    lab.make("btcusdt@depth@100ms", 20)
    behind = await lab.rows(DEPTH)
    await lab.until_well()
    newest = await lab.rows(DEPTH)

    assert behind == old
    assert newest["lastUpdateId"] > old["lastUpdateId"]


async def test_a_book_is_cached(lab: Lab) -> None:
    await lab.until_begun(RestCache(age=5.0, path=DEPTH))
    lab.make("btcusdt@depth@100ms", 1)
    first = await lab.rows(DEPTH, limit=100)
    lab.make("btcusdt@depth@100ms", 20)  # 2 s
    again = await lab.rows(DEPTH, limit=100)
    other = await lab.rows(DEPTH, limit=50)
    lab.make("btcusdt@depth@100ms", 31)
    later = await lab.rows(DEPTH, limit=100)

    assert again == first
    assert other["lastUpdateId"] > first["lastUpdateId"]
    assert later["lastUpdateId"] > other["lastUpdateId"]


# Rows


async def test_pages_are_short_whatever_the_limit(lab: Lab) -> None:
    made = lab.make("btcusdt@trade", 50)
    await lab.until_begun(RestRows(cap=10))

    assert ids(await lab.rows(TRADES, fromId=made[5]["t"], limit=40)) == [
        trade["t"] for trade in made[5:15]
    ]
    assert ids(await lab.rows(TRADES, limit=40)) == [trade["t"] for trade in made[-10:]]
    assert await lab.rows(TRADES, fromId=made[-1]["t"] + 1) == []


async def test_rows_are_descending_doubled_and_begin_early(lab: Lab) -> None:
    made = [trade["t"] for trade in lab.make("btcusdt@trade", 50)]
    await lab.until_begun(RestRows(descending=True, path=TRADES))
    descending = ids(await lab.rows(TRADES, fromId=made[10], limit=5))
    await lab.until_begun(RestRows(twice=3))
    doubled = ids(await lab.rows(TRADES, fromId=made[10], limit=6))
    await lab.until_begun(RestRows(early=4))
    early = ids(await lab.rows(TRADES, fromId=made[10], limit=6))

    assert descending == made[10:15][::-1]
    assert doubled == [*made[10:13], made[12], *made[13:16], made[15]]
    assert early == made[6:12]


async def test_pages_of_candles_begin_early(lab: Lab) -> None:
    lab.make("btcusdt@trade", 300, step_ms=1_000)
    await lab.until_begun(RestRows(early=2))
    rows = await lab.rows(KLINES, interval="1m", startTime=START_MS + 180_000, limit=3)

    assert [row[0] for row in rows] == [START_MS + n * 60_000 for n in (1, 2, 3)]


async def test_a_candle_is_not_final_soon_after_its_close(lab: Lab) -> None:
    lab.make("btcusdt@trade", 119, step_ms=500)
    lab.now_ms = START_MS + 60_500
    await lab.until_begun(RestUnsettled(within=1.5))
    [unsettled, _] = await lab.rows(KLINES, interval="1m")
    lab.now_ms += 2_000
    [final, _] = await lab.rows(KLINES, interval="1m")

    assert (final[8], unsettled[8]) == (119, 118)
    assert float(unsettled[5]) < float(final[5])
    assert unsettled[:5] == final[:5]


# Listings


async def listed(lab: Lab) -> dict[str, str]:
    _, _, body = await lab.get(INFO)
    return {row["symbol"]: row["status"] for row in json.loads(body)["symbols"]}


@pytest.mark.parametrize("status", ["BREAK", "HALT", "SETTLING"])
async def test_a_status_changes_and_returns(lab: Lab, status: str) -> None:
    stream = parse("usdm", "ethusdt@aggTrade")
    fault = lab.begin(SymbolStatus("usdm", "ETHUSDT", status, 60.0))
    await until(lambda: lab.market.news)
    during = await listed(lab)
    served = lab.market.serves(stream)
    fault.cancel()
    await until(lambda: lab.market.serves(stream))

    assert (during["ETHUSDT"], during["BTCUSDT"], served) == (status, "TRADING", False)
    assert (await listed(lab))["ETHUSDT"] == "TRADING"


async def test_a_symbol_is_gone_and_returns_with_its_ids(lab: Lab) -> None:
    stream = parse("usdm", "ethusdt@aggTrade")
    [before] = lab.market.next_events(stream, lab.now_ms)
    fault = lab.begin(SymbolStatus("usdm", "ETHUSDT", "gone", 60.0))
    await until(lambda: not lab.market.serves(stream))
    during = await listed(lab)
    fault.cancel()
    await until(lambda: lab.market.serves(stream))
    [after] = lab.market.next_events(stream, lab.now_ms)

    assert "ETHUSDT" not in during
    assert (await listed(lab))["ETHUSDT"] == "TRADING"
    assert after.data["a"] == before.data["a"] + 1


async def test_one_odd_row_is_listed(lab: Lab) -> None:
    odd = lab.begin(OddListing())
    await until(lambda: lab.market.odd_keys)
    _, _, body = await lab.get(INFO)
    odd.cancel()
    await until(lambda: not lab.market.odd_keys)

    rows = {row["symbol"]: row["contractType"] for row in json.loads(body)["symbols"]}
    assert rows == {
        "BTCUSDT": "PERPETUAL",
        "ETHUSDT": "PERPETUAL",
        "SOLUSDT": "PERPETUAL",
        "NEWUSDT": None,
    }
    _, _, later = await lab.get(INFO)
    assert [listing.symbol for listing in read_exchange_info("usdm", later.encode()).listings] == [
        "BTCUSDT",
        "ETHUSDT",
        "SOLUSDT",
    ]


async def test_a_row_of_a_listed_symbol_gets_another_value(lab: Lab) -> None:
    lab.begin(OddListing("spot", "ETHUSDT", "baseAsset", "5"))
    await until(lambda: lab.market.odd_keys)
    _, _, body = await lab.get("/api/v3/exchangeInfo")

    assets = {row["symbol"]: row["baseAsset"] for row in json.loads(body)["symbols"]}
    assert (assets["ETHUSDT"], assets["BTCUSDT"]) == (5, "BTC")
