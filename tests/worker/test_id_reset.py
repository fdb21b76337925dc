"""A running worker whose exchange counts from 1 again: REST confirms it, nothing is left out."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from connector.codec.schema import load
from connector.kafka.tail_consumer import TailConsumer
from examples.order_book import OrderBook
from tests.support.avro_oracle import read_avro
from tests.support.manual_backfill import TRADES, answer
from tests.support.waiting import until
from tests.support.worker import World, world

pytestmark = pytest.mark.lab
BTC = ("spot", "btcusdt@trade", "BTCUSDT")


async def stored(here: World, kind: str) -> list[dict[str, Any]]:
    """Return the records of spot's topic of a kind, in the order written."""
    reader = TailConsumer(here.broker.bootstrap_servers, [f"binance.spot.{kind}"])
    await reader.start()
    found = []
    while await reader.lag():
        found += [read_avro(load(kind), read.value) for read in await reader.batch()]
    await reader.stop()
    return found


async def trades(here: World) -> list[tuple[int, str]]:
    """Return id and origin of each trade of BTCUSDT in the topic, in the order written."""
    found = await stored(here, "trade")
    return [(event["trade_id"], event["origin"]) for event in found if event["symbol"] == "BTCUSDT"]


@pytest.mark.parametrize("connections", [1, 2])
async def test_every_trade_of_the_new_count_is_there_once(
    connections: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.backfill.latest_id.POLL_INTERVAL_S", 0.05)
    monkeypatch.setattr("connector.backfill.latest_id.RESET_PROOF_S", 0.1)
    async with world(tmp_path, {**TRADES, "connections": connections}) as here:
        made = here.exchange.oracle.made
        await here.until_flowing()
        await until(lambda: len(made.get(BTC, ())) > 100)
        here.market.begin_anew("spot", "BTCUSDT")
        before = len(made[BTC])
        await until(lambda: here.worker.gap_filler.latest_ids.resets >= 1)
        gap_tracker = here.worker.gap_tracker
        await until(lambda: gap_tracker.recovered > 0 and gap_tracker.open_gaps == 0)
        flown = len(made[BTC])
        await until(lambda: len(made[BTC]) > flown + 50)
        await here.stop()

        ids = [int(number) for (number,) in made[BTC]]
        assert ids[before] == 1
        found = await trades(here)
        assert sorted(number for number, _ in found) == sorted(ids)
        again = [number for number, origin in found if origin == "backfill"]
        assert again == list(range(1, len(again) + 1))
        assert len(again) > 0
        code, verdict = await asyncio.to_thread(answer, "verify", here.path)
        [btc] = [entry for entry in verdict["series"] if entry["symbol"] == "BTCUSDT"]
        assert (code, btc["records"], btc["backfilled"]) == (0, len(ids), len(again))
        assert (btc["holes"], btc["repeats"]) == ({}, 0)


async def test_books_and_book_tickers_of_the_new_count_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.backfill.latest_id.POLL_INTERVAL_S", 0.05)
    monkeypatch.setattr("connector.backfill.latest_id.RESET_PROOF_S", 0.1)
    streams = {**TRADES, "streams": ["depth@100ms", "bookTicker"], "symbols": ["BTCUSDT"]}
    async with world(tmp_path, streams) as here:
        await here.until_flowing()
        await until(lambda: here.published("btcusdt@depth@100ms") > 50)
        here.market.begin_anew("spot", "BTCUSDT")
        await until(lambda: here.worker.gap_filler.latest_ids.resets >= 2)
        names = ("btcusdt@depth@100ms", "btcusdt@bookTicker")
        before = [here.published(name) for name in names]
        await until(
            lambda: all(here.published(n) > b + 20 for n, b in zip(names, before, strict=True))
        )
        await until(lambda: here.worker.gap_filler.books.published >= 2)
        await until(lambda: here.worker.gap_filler.scheduler.waiting == 0)
        await here.stop()

        assert here.worker.gap_filler.books.published >= 2  # one of each count
        assert here.worker.gap_tracker.gaps["ids_reset"] == 2
        book = OrderBook()
        for record in await stored(here, "depth-diff"):
            book.apply(record)
        true = here.market.book("spot", "BTCUSDT")
        assert (book.in_sync, book.last_update_id) == (True, true.sent["btcusdt@depth@100ms"])
