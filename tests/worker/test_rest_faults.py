"""A running worker whose exchange gives odd REST answers: whatever REST has is there, once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from connector.lab.faults import (
    ClockSkew,
    Fault,
    IdJump,
    MuteStream,
    RestBehind,
    RestBody,
    RestRows,
    RestUnsettled,
    Skip,
)
from examples.order_book import OrderBook
from tests.support.manual_backfill import answer
from tests.support.waiting import until
from tests.support.worker import World, world
from tests.worker.test_id_reset import BTC, stored, trades

pytestmark = pytest.mark.lab
TRADES = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["trade"]}
CANDLES = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["kline_1s", "trade"]}
BOOK = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["depth@100ms"]}
DEPTH = "btcusdt@depth@100ms"
PATH = "/api/v3/historicalTrades"
LONG_S = 600.0  # until the test ends


async def filled(here: World) -> None:
    """Wait until every gap is closed and nothing is left to be fetched."""
    gap_tracker, scheduler = here.worker.gap_tracker, here.worker.gap_filler.scheduler
    await until(lambda: not (gap_tracker.open_gaps or gap_tracker.requests or scheduler.waiting))


async def begin(here: World, *faults: Fault) -> None:
    """Let faults begin, and last."""
    for fault in faults:
        here.exchange.begin(fault)
    await asyncio.sleep(0)


async def lose(here: World, number: int) -> None:
    """Lose some trades, and wait until the worker has noticed."""
    made, gaps = here.exchange.oracle.made, here.worker.gap_tracker.gaps
    await here.until_flowing()
    await until(lambda: len(made.get(BTC, ())) > 20)
    await here.exchange.inflict(Skip(BTC[1], number, "spot"))
    await until(lambda: gaps["sequence"] > 0)


@pytest.mark.parametrize(
    "fault",
    [
        RestBody("cut", 2, PATH),
        RestBody("html", 2, PATH),
        RestBody("error", 2, PATH),
        RestBody("array", 2, PATH),
        RestBehind(1.0, LONG_S, PATH),
        RestRows(cap=7, seconds=LONG_S, path=PATH),
        RestRows(descending=True, seconds=LONG_S, path=PATH),
        RestRows(twice=3, seconds=LONG_S, path=PATH),
        RestRows(early=20, seconds=LONG_S, path=PATH),
        RestRows(cap=9, descending=True, twice=2, early=5, seconds=LONG_S, path=PATH),
    ],
    ids=str,
)
async def test_trades_are_fetched_once_whatever_form_the_answers_have(
    fault: Fault, tmp_path: Path
) -> None:
    async with world(tmp_path, TRADES, rate=200.0) as here:
        await begin(here, fault)
        await lose(here, 30)
        await filled(here)
        await here.stop()

        found = await trades(here)
        made = [int(number) for (number,) in here.exchange.oracle.made[BTC]]
        assert sorted(number for number, _ in found) == made
        fetched = [number for number, origin in found if origin == "backfill"]
        assert (len(fetched), fetched) == (30, sorted(fetched))


async def test_one_id_far_ahead_costs_and_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.backfill.latest_id.POLL_INTERVAL_S", 0.05)
    monkeypatch.setattr("connector.backfill.latest_id.RESET_PROOF_S", 0.1)
    async with world(tmp_path, TRADES) as here:
        made, resets = here.exchange.oracle.made, here.worker.gap_filler.latest_ids
        await here.until_flowing()
        await until(lambda: len(made.get(BTC, ())) > 20)
        await here.exchange.inflict(IdJump(BTC[1]))
        await until(lambda: resets.resets == 1)
        count = len(made[BTC])
        await until(lambda: len(made[BTC]) > count + 50)
        await filled(here)
        await here.stop()

        ids = [int(number) for (number,) in made[BTC]]
        found = sorted(number for number, _ in await trades(here))
        assert found[:-1] == ids
        assert found[-1] > ids[-1] + 1_000_000  # the one whose id was far ahead
        code, verdict = await asyncio.to_thread(answer, "verify", here.path)
        [series] = verdict["series"]
        assert (code, series["holes"], series["repeats"]) == (0, {"clear": 1}, 0)


async def closed_candles(here: World) -> dict[int, dict[str, Any]]:
    """Return the closing records of the candles by open time; each is there once."""
    found = [record for record in await stored(here, "kline") if record["is_closed"]]
    by_time = {round(record["open_time"].timestamp() * 1000): record for record in found}
    assert len(by_time) == len(found)
    return by_time


@pytest.mark.parametrize("skew_ms", [0, 600_000, -600_000, 7_200_000])
async def test_candles_are_fetched_when_they_are_final_by_the_exchange_s_clock(
    skew_ms: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.backfill.candle_finality.CANDLE_SETTLES_MS", 400)
    async with world(tmp_path, CANDLES, rate=100.0) as here:
        await begin(here, ClockSkew(skew_ms), RestUnsettled(0.3, LONG_S))
        await here.until_flowing()
        made, gap_tracker = here.exchange.oracle.made, here.worker.gap_tracker
        await until(lambda: here.published("btcusdt@kline_1s") > 0)
        muted = here.exchange.begin(MuteStream("btcusdt@kline_1s", LONG_S, everybody=True))
        opened = {opened for opened, _ in made["spot", "btcusdt@kline_1s", "BTCUSDT"]}
        await until(
            lambda: len({o for o, _ in made["spot", "btcusdt@kline_1s", "BTCUSDT"]} - opened) > 2
        )
        muted.cancel()
        await until(lambda: gap_tracker.recovered > 0)
        await filled(here)
        await here.stop()

        candles = await closed_candles(here)
        traded: dict[int, int] = {}
        for record in await stored(here, "trade"):
            second = round(record["trade_time"].timestamp() * 1000) // 1000 * 1000
            traded[second] = traded.get(second, 0) + 1
        fetched = [at for at, record in candles.items() if record["origin"] == "backfill"]
        assert len(fetched) >= 2
        assert {at: candles[at]["trade_count"] for at in fetched} == {
            at: traded[at] for at in fetched
        }


async def test_a_book_older_than_the_stream_is_asked_for_until_it_joins(tmp_path: Path) -> None:
    async with world(tmp_path, BOOK, rate=200.0) as here:
        books, asked = here.worker.gap_filler.books, here.exchange.rest.asked
        await until(lambda: books.published == 1)
        await begin(here, RestBehind(1.0, LONG_S, "/api/v3/depth"))
        count = here.published(DEPTH)
        await until(lambda: here.published(DEPTH) > count + 20)  # REST's book is older now
        await here.exchange.inflict(Skip(DEPTH, 1, "spot"))
        await until(lambda: books.published == 2)
        await filled(here)
        await here.stop()

        assert sum(call.path == "/api/v3/depth" for call in asked) > 2
        book = OrderBook()
        for record in await stored(here, "depth-diff"):
            book.apply(record)
        sent = here.market.book("spot", "BTCUSDT").sent[DEPTH]
        assert (book.in_sync, book.last_update_id) == (True, sent)


async def test_a_garbage_book_is_asked_for_again(tmp_path: Path) -> None:
    async with world(tmp_path, BOOK, rate=200.0) as here:
        await begin(here, RestBody("object", 2, "/api/v3/depth"))
        await until(lambda: here.worker.gap_filler.books.published == 1)
        await here.stop()

        snapshots = [r for r in await stored(here, "depth-diff") if r["origin"] == "snapshot"]
        assert len(snapshots) == 1
