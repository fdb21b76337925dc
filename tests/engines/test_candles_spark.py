"""The candles of the Spark job: held back by a gap, then filled from the job's checkpoint.

The windows are of a second, to see many of them.
"""

import asyncio
import contextlib
import json
import subprocess
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from connector.lab.real_kafka import RealKafka, RealRegistry
from tests.engines import candles, spark
from tests.engines.candles import Candles, Seen
from tests.support.candles import LENGTH_MS, CandleReader, candle_stage

ROOT = spark.HERE.parent.parent
EXAMPLES = ROOT / "examples"
MODULES = (ROOT / "docs/topics/binance_topics.py", EXAMPLES / "spark/window_status.py")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("candles-spark")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(folder: Path, kafka: RealKafka, registry: RealRegistry) -> Seen:
    async with candle_stage(folder, kafka, registry, "binance", rate=100.0) as stage:
        with contextlib.closing(CandleReader(kafka, registry, "binance")) as reader:
            await stage.lose()
            await reader.until(lambda: reader.having("filling"))
            held = reader.having("filling")
            before = await shown(folder, kafka, registry)
            stage.released.set()
            await reader.until_whole_behind(held[-1])
            after = await shown(folder, kafka, registry)
    return Seen(before, after, stage.truth())


async def shown(folder: Path, kafka: RealKafka, registry: RealRegistry) -> Candles:
    """Return the candles that the job shows of what is there now."""
    printed = await asyncio.to_thread(
        spark.run_job,
        EXAMPLES / "spark/candles.py",
        MODULES,
        *("--brokers", kafka.bootstrap_servers, "--registry", registry.url),
        *("--length", f"{LENGTH_MS} milliseconds", "--folder", str(folder / "written"), "--once"),
    )
    (folder / "printed").write_text(printed)
    lines = [line for line in printed.splitlines() if line.startswith("{")]
    rows = (json.loads(line, parse_float=Decimal) for line in lines)
    return {_millis(row["window_start"]): row for row in rows}


def _millis(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


async def test_candles_are_held_back_while_their_trades_are_missing(seen: Seen) -> None:
    candles.assert_held_back(seen)


async def test_whole_candles_equal_those_of_the_exchange(seen: Seen) -> None:
    candles.assert_equal_to_the_exchange(seen)


async def test_the_mean_price_is_that_of_the_exchange(seen: Seen) -> None:
    candles.assert_mean_prices(seen)


async def test_the_candle_in_which_reading_began_is_cut(seen: Seen) -> None:
    candles.assert_first_is_cut(seen)


async def test_duckdb_reads_what_spark_has_written(seen: Seen, folder: Path) -> None:
    program = str(EXAMPLES / "python/candles_parquet.py")
    words = (str(spark.python()), program, "--folder", str(folder / "written"))
    done = await asyncio.to_thread(
        subprocess.run, (*words, "--seconds", "86400"), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    trades = [int(line.split(" trades,")[0].split()[-1]) for line in done.stdout.splitlines()]
    assert sum(trades) >= sum(candle["trade_count"] for candle in seen.after.values()) > 0
