"""A connector that misses trades while REST is held: candles before and after their backfill."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
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
from examples.python.candles import Candle as ShownCandle
from examples.python.candles import Candles, Status, Topics, Window, follow
from tests.support.servers import Running, config, connector
from tests.support.waiting import in_time, until

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
    folder: Path, kafka: RealKafka, registry: RealRegistry, prefix: str, rate: float = 400.0
) -> AsyncIterator[CandleStage]:
    """Run a connector that reads trades and candles of one second; REST is held.

    `rate`: events a second, half of them trades.
    """
    exchange = Exchange(Market(8), rate=rate)
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


class CandleReader:
    """The example's program, as a task that can wait for what it shows.

    Attributes:
        seen: What it has shown last of each candle.
    """

    def __init__(self, kafka: RealKafka, registry: RealRegistry, prefix: str) -> None:
        names = [f"{prefix}.{name}" for name in ("spot.trade", "markers", "progress")]
        self._topics = Topics(kafka.bootstrap_servers, registry.url, names)
        self._shown = follow(self._topics, Candles(LENGTH_MS))
        self.seen: dict[Window, tuple[ShownCandle, Status]] = {}

    def having(self, status: Status) -> list[Window]:
        """Return the candles with a status, in the order in which they were shown."""
        return [window for window, (_, own) in self.seen.items() if own == status]

    async def until(self, fact: Callable[[], object]) -> None:
        """Read until a fact holds."""
        while not fact():
            window, candle, status = await in_time(asyncio.to_thread(next, self._shown))
            self.seen[window] = candle, status

    async def until_whole_behind(self, window: Window) -> None:
        """Read until two candles after this one are whole."""
        await self.until(lambda: len([each for each in self.having("whole") if each > window]) > 1)

    def close(self) -> None:
        """Leave."""
        self._topics.close()
