"""The candles of the Flink job, which runs all along: held back by a gap, then filled.

The windows are of a second, to see many of them. The job writes to a topic, which is read here.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from confluent_kafka import Consumer

from connector.lab.real_kafka import RealKafka, RealRegistry
from tests.engines import candles, flink
from tests.engines.candles import Candles, Seen, having
from tests.support.candles import candle_stage

PREFIX = "flink"  # the shipped one is that of the test of Spark
TABLES = tuple(f"docs/topics/flink/{kind}.sql" for kind in ("trade", "marker", "progress"))
PARTS = tuple(
    f"examples/flink/{part}.sql" for part in ("window_status", "candles", "candles_to_kafka")
)
CHANGES = {
    "TO MINUTE": "TO SECOND",
    "'1' MINUTE": "'1' SECOND",
    "'topic' = 'binance.": f"'topic' = '{PREFIX}.",
}
GIVE_UP_S = 300.0  # the engine takes half a minute to start


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(
    tmp_path_factory: pytest.TempPathFactory, kafka: RealKafka, registry: RealRegistry
) -> Seen:
    folder = tmp_path_factory.mktemp("candles-flink")
    await kafka.create([f"{PREFIX}.candles"], 1)
    async with (
        candle_stage(folder, kafka, registry, PREFIX, rate=100.0) as stage,
        followed(folder / "flink", kafka, registry) as reader,
    ):
        await reader.until(lambda: having(reader.candles, "whole"))
        await stage.lose()
        await reader.until(lambda: having(reader.candles, "filling"))
        before = dict(reader.candles)
        held = having(before, "filling")[-1]
        stage.released.set()
        await reader.until(lambda: reader.is_whole_behind(held))
    return Seen(before, dict(reader.candles), stage.truth())


class SinkReader:
    """Reads the topic that Flink writes to.

    Attributes:
        candles: The newest state of each candle.
    """

    def __init__(self, kafka: RealKafka, process: asyncio.subprocess.Process, log: Path) -> None:
        own = {"group.id": "candles", "auto.offset.reset": "earliest"}
        self._consumer = Consumer({**kafka.client(), **own})
        self._consumer.subscribe([f"{PREFIX}.candles"])
        self._process, self._log = process, log
        self.candles: Candles = {}

    def is_whole_behind(self, start: int) -> bool:
        """Say whether two candles after a time are whole, and none is held back."""
        later = [at for at in having(self.candles, "whole") if at > start]
        return len(later) > 1 and not having(self.candles, "filling")

    async def until(self, fact: Callable[[], object]) -> None:
        """Read until a fact holds."""
        deadline = asyncio.get_running_loop().time() + GIVE_UP_S
        while not fact():
            assert asyncio.get_running_loop().time() < deadline, self._failure()
            assert self._process.returncode is None, self._failure()
            await asyncio.to_thread(self._take)

    def _take(self) -> None:
        for message in self._consumer.consume(1000, 0.5):
            assert message.error() is None, message.error()
            key = json.loads(message.key() or b"")
            start = flink.millis(key["window_start"])
            if message.value() is None:
                self.candles.pop(start, None)
            else:
                self.candles[start] = json.loads(message.value() or b"", parse_float=Decimal)

    def _failure(self) -> str:
        return f"{self.candles}\n{self._log.read_text()[-6000:]}"

    def close(self) -> None:
        self._consumer.close()


@contextlib.asynccontextmanager
async def followed(
    home: Path, kafka: RealKafka, registry: RealRegistry
) -> AsyncIterator[SinkReader]:
    """Run the shipped statements as a job that never ends; its windows are of a second."""
    script = flink.shipped(kafka.bootstrap_servers, registry.url, *TABLES, *PARTS)
    for shipped, own in CHANGES.items():
        assert shipped in script
        script = script.replace(shipped, own)
    words = flink.command(script, home, "streaming")
    log = home / "log"
    with log.open("w") as out:
        process = await asyncio.create_subprocess_exec(
            *words, env=flink.environment(home), cwd=home, stdout=out, stderr=out
        )
    reader = SinkReader(kafka, process, log)
    try:
        yield reader
    finally:
        reader.close()
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_candles_are_held_back_while_their_trades_are_missing(seen: Seen) -> None:
    candles.assert_held_back(seen)


async def test_whole_candles_equal_those_of_the_exchange(seen: Seen) -> None:
    candles.assert_equal_to_the_exchange(seen)


async def test_the_mean_price_is_that_of_the_exchange(seen: Seen) -> None:
    candles.assert_mean_prices(seen)


async def test_the_candle_in_which_reading_began_is_cut(seen: Seen) -> None:
    candles.assert_first_is_cut(seen)
