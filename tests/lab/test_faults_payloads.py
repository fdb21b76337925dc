"""Faults of messages' contents and repeats, as a client of the lab meets them."""

import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from websockets.asyncio.client import connect

from connector.binance.products import Product
from connector.lab.exchange import Exchange
from connector.lab.faults import Duplicate, IdJump, Skip, Wrapper
from connector.lab.market import Market
from tests.support.lab_client import client
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.lab

TRADE = "btcusdt@trade"


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    lab = Exchange(Market(5), rate=400.0)
    await lab.start()
    yield lab
    await lab.stop()


async def frames(exchange: Exchange, path: str, count: int) -> list[str]:
    """Return the next frames of a connection as they are."""
    async with connect(exchange.bases["spot"].streams[0] + path) as socket:
        return [str(await in_time(socket.recv())) for _ in range(count)]


@pytest.mark.parametrize(
    ("form", "begin", "end"),
    [
        ("extra-key", '{"stream":"btcusdt@trade","data":{"e"', '},"source":"lab"}'),
        ("newline", '{"stream":"btcusdt@trade","data":{"e"', "}}\n"),
        ("order", '{"data":{"e"', ',"stream":"btcusdt@trade"}'),
        ("spaces", '{ "stream" : "btcusdt@trade" , "data" : {"e"', "} }"),
    ],
)
async def test_a_frame_has_another_wrapper(
    exchange: Exchange, form: Any, begin: str, end: str
) -> None:
    exchange.begin(Wrapper(form, every=2))
    await until(lambda: exchange.delivery.wraps)
    got = await frames(exchange, f"/stream?streams={TRADE}", 10)

    changed = [frame for frame in got if frame.startswith(begin) and frame.endswith(end)]
    usual = [frame for frame in got if frame not in changed]
    assert (len(changed), len(usual)) == (5, 5)
    assert all(frame.startswith('{"stream":"btcusdt@trade","data":{') for frame in usual)
    for frame in got:
        assert json.loads(frame)["stream"] == TRADE
        assert json.loads(frame)["data"]["e"] == "trade"


async def test_a_raw_frame_gets_the_newline_only(exchange: Exchange) -> None:
    exchange.begin(Wrapper("newline"))
    exchange.begin(Wrapper("order"))
    await until(lambda: len(exchange.delivery.wraps) == 2)
    [frame] = await frames(exchange, f"/ws/{TRADE}", 1)

    assert frame.startswith('{"e":"trade"')
    assert frame.endswith("}\n")


@pytest.mark.parametrize(
    ("product", "route", "name", "key", "symbol"),
    [
        ("spot", "", TRADE, "t", "BTCUSDT"),
        ("usdm", "/market", "btcusdt@aggTrade", "a", "BTCUSDT"),
        ("spot", "", "btcusdt@depth@100ms", "u", "BTCUSDT"),
        ("spot", "", "btcusdt@bookTicker", "u", "BTCUSDT"),
    ],
)
@pytest.mark.parametrize("ahead", [50_000_000, 2**62])
async def test_one_id_is_far_ahead(
    exchange: Exchange, product: Product, route: str, name: str, key: str, symbol: str, ahead: int
) -> None:
    async with client(exchange, [name], product, route) as here:
        await until(lambda: here.count(name) > 5)
        await exchange.inflict(IdJump(name, ahead))
        seen = here.count(name)
        await until(lambda: here.count(name) > seen + 5)

    ids = here.ids(name, key)
    [jump] = [index for index, number in enumerate(ids) if number >= ahead + ids[0]]
    assert ids[jump - 1] < ids[jump] - ahead < ids[jump + 1]
    [(lost, *_)] = exchange.oracle.withheld((product, name, symbol))[:1]
    first = here.data[name][jump].get("U", ids[jump])
    assert lost == first - ahead


async def test_one_id_of_usdm_is_skipped(exchange: Exchange) -> None:
    """The public stream of trades of USD-M: a single id never comes, REST has it."""
    async with client(exchange, [TRADE], "usdm", "/public") as here:
        await until(lambda: here.count(TRADE) > 5)
        await exchange.inflict(Skip(TRADE, 1, "usdm"))
        seen = here.count(TRADE)
        await until(lambda: here.count(TRADE) > seen + 5)

    ids = here.ids(TRADE)
    [missing] = set(range(ids[0], ids[-1])) - set(ids)
    assert exchange.oracle.withheld(("usdm", TRADE, "BTCUSDT"))[0] == (missing,)


async def test_messages_are_repeated_later(exchange: Exchange) -> None:
    """Mark prices with the same E again."""
    name = "btcusdt@markPrice@1s"
    async with client(exchange, [name], "usdm", "/market") as here:
        await until(lambda: here.count(name) > 5)
        newest = here.data[name][-1]["E"] + 200
        await exchange.inflict(Duplicate(name, 2, after=0.2))
        await until(lambda: steps_back(here.data[name]) and here.data[name][-1]["E"] > newest)
        times = [data["E"] for data in here.data[name]]

    [back] = steps_back(here.data[name])  # both copies come one after the other, behind newer ones
    repeated = times[back + 1 : back + 3]
    first = times.index(repeated[0])
    assert times[first : first + 2] == repeated
    assert first + 2 < back


def steps_back(events: list[dict[str, Any]]) -> list[int]:
    """Return after which events an older one comes."""
    times = [event["E"] for event in events]
    return [index for index, (before, after) in enumerate(pairwise(times)) if after < before]
