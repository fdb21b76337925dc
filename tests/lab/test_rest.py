"""The lab's REST side, spoken to by a plain aiohttp client."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from connector.binance.exchange_info import read_exchange_info
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import parse
from connector.lab.market import Market
from connector.lab.rest import Rest, Route
from connector.lab.rest.exchange_info import delivery_ms
from connector.lab.rest.limits import PATIENCE, Meter

pytestmark = pytest.mark.lab
MINUTE = 1_795_000_020.0
INFO: dict[Product, str] = {
    "spot": "/api/v3/exchangeInfo",
    "usdm": "/fapi/v1/exchangeInfo",
    "coinm": "/dapi/v1/exchangeInfo",
    "options": "/eapi/v1/exchangeInfo",
}
TICKERS: dict[Product, str] = {
    "spot": "/api/v3/ticker/24hr",
    "usdm": "/fapi/v1/ticker/24hr",
    "coinm": "/dapi/v1/ticker/24hr",
    "options": "/eapi/v1/ticker",
}


async def echo(request: web.Request) -> web.Response:
    return web.json_response(dict(request.query))


@pytest.fixture
async def lab() -> AsyncIterator[Rest]:
    routes = [Route("/api/v3/echo", echo, lambda query: int(query["limit"]) // 10)]
    server = Rest(Market(3), routes)
    server.clock = lambda: MINUTE + 20
    await server.start()
    yield server
    await server.stop()


async def get(lab: Rest, path: str, **query: str) -> tuple[int, Any, dict[str, str]]:
    """Return status, decoded body and headers."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(lab.url + path, params=query) as answer,
    ):
        body = await answer.text()
        decoded = json.loads(body) if body.startswith(("{", "[")) else body
        return answer.status, decoded, dict(answer.headers)


@pytest.mark.parametrize(
    ("product", "key"),
    [("spot", "symbols"), ("usdm", "symbols"), ("coinm", "symbols"), ("options", "optionSymbols")],
)
async def test_exchange_info_has_limits_and_symbols_with_filters(
    lab: Rest, product: Product, key: str
) -> None:
    _, info, _ = await get(lab, INFO[product])

    weight = next(
        limit for limit in info["rateLimits"] if limit["rateLimitType"] == "REQUEST_WEIGHT"
    )
    limits = {"spot": 6000, "usdm": 2400, "coinm": 2400, "options": 400}
    assert (weight["interval"], weight["limit"]) == ("MINUTE", limits[product])
    assert all(symbol["filters"] for symbol in info[key])


async def test_permission_sets_can_be_left_out(lab: Rest) -> None:
    _, full, _ = await get(lab, INFO["spot"])
    _, lean, _ = await get(lab, INFO["spot"], showPermissionSets="false")

    assert len(full["symbols"][0]["permissionSets"][0]) > 100
    assert [symbol["permissionSets"] for symbol in lean["symbols"]] == [[]] * len(full["symbols"])


async def test_a_quarters_contract_and_an_option_end_at_eight_oclock() -> None:
    market = Market(1, {"usdm": ("BTCUSDT", "BTCUSDT_261225"), "options": ("BTC-261225-1-C",)})
    server = Rest(market)
    await server.start()
    try:
        listed = {
            product: read_exchange_info(
                product, json.dumps((await get(server, path))[1]).encode()
            ).listings
            for product, path in INFO.items()
            if product in ("usdm", "options")
        }
    finally:
        await server.stop()

    perpetual, quarter = listed["usdm"]
    assert (perpetual.contract_type, perpetual.expiry) == ("PERPETUAL", None)
    assert (quarter.contract_type, quarter.pair) == ("CURRENT_QUARTER", "BTCUSDT")
    assert quarter.expiry == listed["options"][0].expiry == delivery_ms("261225") == 1798185600000


@pytest.mark.parametrize(
    ("product", "path", "query", "weight"),
    [
        ("spot", INFO["spot"], {}, 20),
        ("usdm", INFO["usdm"], {}, 1),
        ("coinm", INFO["coinm"], {}, 1),
        ("options", INFO["options"], {}, 1),
        ("spot", TICKERS["spot"], {"type": "MINI"}, 80),
        ("spot", TICKERS["spot"], {"symbol": "BTCUSDT"}, 2),
        ("usdm", TICKERS["usdm"], {}, 40),
        ("coinm", TICKERS["coinm"], {"symbol": "BTCUSD_PERP"}, 1),
        ("options", TICKERS["options"], {}, 40),
        ("spot", "/api/v3/echo", {"limit": "500"}, 50),
    ],
)
async def test_calls_weigh_what_the_exchange_says(
    lab: Rest, product: Product, path: str, query: dict[str, str], weight: int
) -> None:
    _, _, headers = await get(lab, path, **query)

    assert headers["X-MBX-USED-WEIGHT-1M"] == str(weight)
    assert ("X-MBX-USED-WEIGHT" in headers) is (product == "spot")
    assert [(request.path, request.weight) for request in lab.asked] == [(path, weight)]


async def test_usdm_and_coinm_count_in_one_pool(lab: Rest) -> None:
    await get(lab, TICKERS["usdm"])
    _, _, headers = await get(lab, TICKERS["coinm"])

    assert headers["X-MBX-USED-WEIGHT-1M"] == "80"


@pytest.mark.parametrize("product", PRODUCTS)
async def test_a_ticker_of_a_symbol_that_is_not_listed_is_an_error(
    lab: Rest, product: Product
) -> None:
    status, body, _ = await get(lab, TICKERS[product], symbol="NOSUCH")

    assert (status, body) == (400, {"code": -1121, "msg": "Invalid symbol."})


async def test_over_the_limit_429_then_418_with_the_time_to_wait(lab: Rest) -> None:
    lab.meters["options"].limit = 1
    answers = [await get(lab, "/eapi/v1/time") for _ in range(PATIENCE + 3)]

    statuses = [status for status, _, _ in answers]
    assert statuses == [200, *[429] * PATIENCE, 418, 418]
    assert [headers.get("Retry-After") for _, _, headers in answers[1:]] == [
        *["40"] * PATIENCE, "120", "120",
    ]  # fmt: skip
    assert answers[1][1]["code"] == -1003
    assert f"IP banned until {int((MINUTE + 140) * 1000)}" in answers[-1][1]["msg"]


def test_the_next_minute_begins_with_nothing_used_and_a_ban_outlives_it() -> None:
    meter = Meter(limit=10, ban_s=300)
    first = [meter.count(10, MINUTE).status for _ in range(PATIENCE + 2)]

    assert first == [200, *[429] * PATIENCE, 418]
    assert [meter.count(1, MINUTE + after).status for after in (60, 299, 300)] == [418, 418, 200]
    assert meter.used == 1


async def test_refusals_can_be_ordered_and_taken_back(lab: Rest) -> None:
    lab.refuse(451, times=2)
    first = await get(lab, "/api/v3/time")
    lab.refuse(503, retry_after_s=3, times=5)
    second = await get(lab, "/fapi/v1/time")
    lab.refuse(503, times=0)
    third = await get(lab, "/fapi/v1/time")

    assert (first[0], first[1][:6]) == (451, "<html>")
    assert (second[0], second[2]["Retry-After"]) == (503, "3")
    assert third[0] == 200


async def test_symbols_come_and_go_in_exchange_info_tickers_and_news() -> None:
    market = Market(3)
    server = Rest(market)
    await server.start()
    market.list_symbol("usdm", "NEWUSDT")
    market.delist("usdm", "ETHUSDT")
    market.set_status("usdm", "SOLUSDT", "SETTLING")
    _, info, _ = await get(server, INFO["usdm"])
    _, tickers, _ = await get(server, TICKERS["usdm"])
    await server.stop()

    assert {symbol["symbol"]: symbol["status"] for symbol in info["symbols"]} == {
        "BTCUSDT": "TRADING",
        "SOLUSDT": "SETTLING",
        "NEWUSDT": "TRADING",
    }
    assert [ticker["symbol"] for ticker in tickers] == ["BTCUSDT", "SOLUSDT", "NEWUSDT"]
    assert market.news == [("usdm", "NEWUSDT"), ("usdm", "ETHUSDT"), ("usdm", "SOLUSDT")]


def test_streams_follow_what_is_listed() -> None:
    market = Market(3)
    new, gone = parse("spot", "newusdt@trade"), parse("spot", "btcusdt@trade")
    whole = parse("spot", "!miniTicker@arr")
    before = [market.serves(stream) for stream in (new, gone)]
    rows = len(market.next_events(whole, 1))

    market.list_symbol("spot", "NEWUSDT")
    market.delist("spot", "BTCUSDT")
    market.set_status("spot", "ETHUSDT", "BREAK")

    assert (before, [market.serves(stream) for stream in (new, gone)]) == (
        [False, True],
        [True, False],
    )
    assert market.next_events(gone, 1) == []
    assert rows == 5
    assert len(market.next_events(whole, 1)) == 4


def test_a_symbol_listed_again_goes_on_with_its_ids() -> None:
    market, stream = Market(3), parse("spot", "btcusdt@trade")
    first = market.next_events(stream, 1)[0].data["t"]
    market.delist("spot", "BTCUSDT")
    market.list_symbol("spot", "BTCUSDT")

    assert market.next_events(stream, 1)[0].data["t"] == first + 1


def test_volumes_are_seeded_and_can_be_set() -> None:
    first, second = Market(3), Market(3)
    first.set_volume("spot", "ETHUSDT", 5.0)

    assert first.volume("spot", "BTCUSDT") == second.volume("spot", "BTCUSDT") > 0
    assert first.volume("spot", "BTCUSDT") != Market(4).volume("spot", "BTCUSDT")
    assert first.volume("spot", "ETHUSDT") == 5.0
