"""A worker that starts again goes on from what the one before has stored."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.config.load import load
from connector.kafka.checkpoint_store import CheckpointStore
from connector.lab.registry import Registry
from connector.worker.market import MarketWorker
from tests.support.waiting import in_time, until
from tests.support.worker import World, world

pytestmark = pytest.mark.lab
TRADES = {"product": "spot", "symbols": ["BTCUSDT", "ETHUSDT"], "streams": ["trade"]}


class NoSchemas:
    """A registry that has been emptied."""

    def text(self, schema_id: int) -> str:
        raise AssertionError(f"asked for schema {schema_id}")


def stored(here: World) -> CheckpointStore:
    servers = here.broker.bootstrap_servers
    return CheckpointStore({"bootstrap.servers": servers}, "binance", NoSchemas())


async def stopped(here: World) -> dict[str, int]:
    """Stop the worker; return the last trade of each series by what it published."""
    await here.until_flowing()
    await until(lambda: here.published("btcusdt@trade") > 20 and here.published("ethusdt@trade"))
    assert await here.stop() == 0
    return dict(_last_trades(here.worker))


def _last_trades(worker: MarketWorker) -> Iterator[tuple[str, int]]:
    for series in worker.gap_tracker._series.values():
        if series.stream.row.kind == "trade" and series.last_id is not None:
            yield series.name, series.last_id


async def test_the_next_worker_finds_exactly_what_was_stored_without_the_registry(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        last = await stopped(here)

        progress = await asyncio.to_thread(stored(here).progress)

        found = {name: record["last_id"] for name, record in progress.items() if "@trade" in name}
        assert found == last
        assert len(progress) == 4


async def test_series_that_left_the_config_meanwhile_are_settled_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        last = await stopped(here)
        emptied = Registry()
        await emptied.start()
        try:
            here.rewrite(TRADES, schema_registry={"url": emptied.url})
            second = MarketWorker(load(here.path))
            running = asyncio.create_task(second.run())
            here.exchange.resume()
            await until(lambda: len(dict(_last_trades(second))) == 2)
            second.stopping.set()
            assert await in_time(running) == 0
        finally:
            await emptied.stop()

        tickers = [
            (series.name, series.pending, series.open_gaps)
            for series in second.gap_tracker._series.values()
            if series.stream.row.kind == "book-ticker"
        ]
        assert sorted(tickers) == [
            ("spot/btcusdt@bookTicker/BTCUSDT", None, {}),
            ("spot/ethusdt@bookTicker/ETHUSDT", None, {}),
        ]
        assert not second.gap_tracker.unclaimed
        assert all(new >= last[name] for name, new in _last_trades(second))
