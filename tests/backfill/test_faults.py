"""Whatever the lab's exchange made and never sent is fetched again, to the id."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from connector.backfill.pages import Span
from connector.backfill.scheduler import BackfillScheduler
from connector.binance.products import Product
from connector.binance.stream_name import Stream, parse
from connector.lab.clock import Clock
from connector.lab.exchange import Exchange
from connector.lab.faults import Mute, Skip
from connector.lab.market import Market
from connector.transport.rest import RestClient
from tests.support.backfill import KeptJob, gap_around, series_of
from tests.support.lab_client import client
from tests.support.waiting import GIVE_UP_S, in_time, until

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
    lab = Exchange(market, rate=100.0)  # at most a second's at once: REST keeps 500 of options
    await lab.start()
    yield lab
    await lab.stop()


async def filled(exchange: Exchange, stream: Stream, spans: list[Span]) -> list[KeptJob]:
    """Fill gaps of a stream; return their jobs, once all are closed."""
    symbol = stream.parameters["symbol"].upper()
    jobs = [
        KeptJob(series_of(stream, symbol), gap_around(stream, span, after_ms=2**60))
        for span in spans
    ]
    rest = RestClient(exchange.bases, api_key="k" * 64)
    await rest.start()
    scheduler = BackfillScheduler(rest, weight_share=1.0)
    running = asyncio.create_task(scheduler.run())
    try:
        for job in jobs:
            scheduler.add(job)
        await in_time(scheduler.idle())
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await rest.close()
    return jobs


def missing(ids: list[int], step: int = 1) -> list[Span]:
    """Return what lies between ids, or between open times."""
    return [
        Span(before + step, after - step)
        for before, after in pairwise(ids)
        if after > before + step
    ]


@pytest.mark.parametrize(("product", "name", "route", "key"), SERIES)
async def test_what_a_fault_withheld_is_fetched_to_the_id(
    market: Market, exchange: Exchange, product: Product, name: str, route: str, key: str
) -> None:
    stream = parse(product, name)
    series = (product, name, stream.parameters["symbol"].upper())
    async with client(exchange, [name], product, route) as here:
        await until(lambda: here.count(name) > 20)
        mute = exchange.begin(Mute(GIVE_UP_S))
        await until(lambda: len(exchange.oracle.withheld(series)) > 20)
        mute.cancel()
        await exchange.inflict(Skip(name, 3))
        count = here.count(name)
        await until(lambda: here.count(name) > count + 20)
        ids = here.ids(name, key)
    exchange.pause()

    jobs = await filled(exchange, stream, missing(ids))

    last = ids[-1]
    lost = [number for (number,) in exchange.oracle.withheld(series) if number < last]
    known = market.history.known(product, stream.row.kind, series[2], 0)
    listed = {event.id for event in known}
    assert len(lost) > 20
    fetched = sorted(number for job in jobs for number in job.ids)
    assert fetched == [number for number in lost if number in listed]
    assert {job.state for job in jobs} == {"filled"}


async def test_candles_that_closed_unseen_are_fetched(market: Market) -> None:
    name, stream = "btcusdt@kline_1s", parse("spot", "btcusdt@kline_1s")
    ticks = itertools.count(time.time() - 3_600, 0.05)  # a candle closes with every 20th event
    exchange = Exchange(market, rate=400.0, clock=Clock(lambda: next(ticks)))
    withheld = partial(exchange.oracle.withheld, ("spot", name, "BTCUSDT"))

    def closed(data: dict[str, Any]) -> bool:
        return bool(data["k"]["x"])

    await exchange.start()
    async with client(exchange, [name]) as here:
        await until(lambda: any(map(closed, here.data.get(name, []))))
        mute = exchange.begin(Mute(GIVE_UP_S))
        await until(lambda: len(withheld()) > 80)
        mute.cancel()
        last = withheld()[-1][0]
        await until(lambda: any(data["k"]["t"] > last for data in filter(closed, here.data[name])))
        opened = [data["k"]["t"] for data in here.data[name] if closed(data)]
    exchange.pause()
    [span] = missing(opened, 1_000)

    [job] = await filled(exchange, stream, [span])
    await exchange.stop()

    assert job.ids == list(range(span.first, span.last + 1, 1_000))
    assert job.state == "filled"
