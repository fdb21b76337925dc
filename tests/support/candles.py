"""A connector that misses trades while REST is held: candles before and after their backfill."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from aiohttp import web

from connector.lab.candles import Candle
from connector.lab.exchange import Exchange
from connector.lab.faults import Skip
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry
from connector.lab.rest import Call, Next
from tests.support.servers import Running, config, connector
from tests.support.waiting import until

SERIES = ("spot", "btcusdt@trade", "BTCUSDT")
INTERVAL = "1s"
LENGTH_MS = 1000
LOST = 400  # trades in a row: of some seconds
# Open, high, low, close, volume, value, number of trades.
Amounts = tuple[Decimal, Decimal, Decimal, Decimal, Decimal, Decimal, int]


@dataclass(slots=True)
class CandleStage:
    """The exchange and the connector.

    Attributes:
        prefix: Of the topics.
        released: Until it is set, REST answers nothing.
    """

    exchange: Exchange
    running: Running
    prefix: str
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self, call: Call, answer: Next) -> web.Response:
        """Answer once released."""
        await self.released.wait()
        return await answer(call)

    async def lose(self) -> None:
        """Let the connector miss trades; return when some have come after them."""
        await self.seen_more()
        await self.exchange.inflict(Skip(SERIES[1], LOST, "spot"))
        await self.seen_more()

    async def seen_more(self) -> None:
        """Return when some hundred more trades have been sent."""
        sent = self.exchange.oracle.sent
        enough = len(sent.get(SERIES, ())) + 300
        await until(lambda: len(sent.get(SERIES, ())) > enough)

    def truth(self) -> dict[int, Amounts]:
        """Return the exchange's own candles that had trades, by the time at which each opens."""
        series = self.exchange.market.instrument("spot", "BTCUSDT").tape.series(INTERVAL)
        return {each.opened: amounts(each) for each in series.traded(0)}


def amounts(candle: Candle) -> Amounts:
    """Return a candle of the lab as numbers."""
    first, high = Decimal(candle.open), Decimal(candle.high)
    low, last = Decimal(candle.low), Decimal(candle.close)
    return first, high, low, last, candle.volume, candle.value, candle.count


@contextlib.asynccontextmanager
async def candle_stage(
    folder: Path, kafka: RealKafka, registry: RealRegistry, prefix: str
) -> AsyncIterator[CandleStage]:
    """Run a connector that reads trades and candles of one second; REST is held."""
    exchange = Exchange(Market(8), rate=400.0)
    await exchange.start()
    settings = config(exchange, kafka.bootstrap_servers, registry.url, prefix)
    streams = ["trade", f"kline_{INTERVAL}"]
    settings["subscriptions"] = [{"product": "spot", "symbols": ["BTCUSDT"], "streams": streams}]
    try:
        async with connector(folder, settings) as running:
            stage = CandleStage(exchange, running, prefix)
            exchange.rest.interceptors.append(stage.hold)
            await running.until_ready()
            yield stage
            stage.released.set()
            assert await running.stop() == 0, running.log.read_text()
    finally:
        await exchange.stop()
