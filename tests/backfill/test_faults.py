"""Whatever the lab's exchange made and never sent is fetched again, to the id."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from connector.backfill.job import BackfillJob, BackfillResult, Gap
from connector.backfill.pages import Span
from connector.backfill.scheduler import BackfillScheduler, BookSnapshotJob
from connector.binance.products import Product
from connector.binance.stream_name import Stream, parse
from connector.codec.rest_rows import RestEvent
from connector.lab.exchange import Exchange
from connector.lab.faults import Mute, Skip
from connector.lab.market import Market
from connector.transport.rest import RestClient
from tests.support.lab_client import client
from tests.support.waiting import until

pytestmark = pytest.mark.lab
SERIES: list[tuple[Product, str, str, str]] = [
    ("spot", "btcusdt@trade", "", "t"),
    ("spot", "btcusdt@aggTrade", "", "a"),
    ("spot", "btcusdt@blockTrade", "", "t"),
    ("usdm", "btcusdt@aggTrade", "/market", "a"),
    ("usdm", "btcusdt@trade", "/public", "t"),
    ("coinm", "btcusd_perp@aggTrade", "", "a"),
    ("options", "btc-261225-100000-c@optionTrade", "/public", "t"),
]


@pytest.fixture
def market() -> Market:
    return Market(5)


@pytest.fixture
async def exchange(market: Market) -> AsyncIterator[Exchange]:
    lab = Exchange(market, rate=400.0)
    await lab.start()
    yield lab
    await lab.stop()


async def fetched(exchange: Exchange, gaps: list[Gap]) -> tuple[list[int], list[BackfillResult]]:
    """Fill gaps; return the ids that came, and what became of the gaps."""
    found: list[int] = []
    outcomes: list[BackfillResult] = []

    async def deliver(_owner: BackfillJob | BookSnapshotJob, some: list[RestEvent]) -> None:
        found.extend(one.first for one in some)

    async def settle(outcome: BackfillResult) -> None:
        outcomes.append(outcome)

    rest = RestClient(exchange.bases, api_key="k" * 64)
    await rest.start()
    backfill = BackfillScheduler(rest, deliver, settle, weight_share=1.0)
    running = asyncio.create_task(backfill.run())
    try:
        for gap in gaps:
            backfill.add(gap)
        async with asyncio.timeout(10):
            await backfill.idle()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await rest.close()
    return found, outcomes


def gaps_of(stream: Stream, ids: list[int]) -> list[Gap]:
    """Return the holes between ids, as a tracker finds them."""
    symbol = stream.parameters["symbol"].upper()
    return [
        Gap(f"{before}", stream, symbol, Span(before + 1, after - 1), 0, 2**60)
        for before, after in pairwise(ids)
        if after > before + 1
    ]


@pytest.mark.parametrize(("product", "name", "route", "key"), SERIES)
async def test_what_a_fault_withheld_is_fetched_to_the_id(
    market: Market, exchange: Exchange, product: Product, name: str, route: str, key: str
) -> None:
    stream = parse(product, name)
    series = (product, name, stream.parameters["symbol"].upper())
    async with client(exchange, [name], product, route) as here:
        await until(lambda: here.count(name) > 20)
        await exchange.inflict(Mute(0.3))
        await exchange.inflict(Skip(name, 3))
        count = here.count(name)
        await until(lambda: here.count(name) > count + 20)
        ids = here.ids(name, key)
    exchange.pause()

    found, outcomes = await fetched(exchange, gaps_of(stream, ids))

    last = ids[-1]
    lost = [one for (one,) in exchange.oracle.withheld(series) if one < last]
    listed = {one.id for one in market.history.known(product, stream.row.kind, series[2], 0)}
    assert len(lost) > 20
    assert sorted(found) == [one for one in lost if one in listed]
    assert {one.state for one in outcomes} == {"filled"}


async def test_candles_that_closed_unseen_are_fetched(exchange: Exchange) -> None:
    name, stream = "btcusdt@kline_1s", parse("spot", "btcusdt@kline_1s")

    def closed(data: dict[str, Any]) -> bool:
        return bool(data["k"]["x"])

    async with client(exchange, [name]) as here:
        await until(lambda: any(map(closed, here.data.get(name, []))))
        await exchange.inflict(Mute(3.0))
        count = here.count(name)
        await until(lambda: any(map(closed, here.data[name][count:])))
        opened = [data["k"]["t"] for data in here.data[name] if closed(data)]
    exchange.pause()
    missing = [
        (before + 1_000, after - 1_000)
        for before, after in pairwise(opened)
        if after > before + 1_000
    ]

    gaps = [Gap("g", stream, "BTCUSDT", Span(*span), 0, 2**60) for span in missing]
    found, outcomes = await fetched(exchange, gaps)

    [(first, last)] = missing
    assert found == list(range(first, last + 1, 1_000))
    assert [one.state for one in outcomes] == ["filled"]
