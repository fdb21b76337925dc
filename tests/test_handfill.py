"""`bkc backfill` against the lab's exchange and the embedded broker: only what is missing."""

import asyncio
from pathlib import Path

import pytest

from tests.handfill_parts import BTC, TRADES, answer, backfill, lose, lost, made
from tests.handfill_parts import spans as spans_of
from tests.waiting import until
from tests.worker_parts import World, world

pytestmark = pytest.mark.lab
OFF = {"enabled": False}


async def after_a_fault(here: World, number: int = 7) -> tuple[int, int]:
    """Lose some trades in the middle; return the first and the last id."""
    sent = here.exchange.oracle.sent
    await here.until_flowing()
    await until(lambda: len(sent.get(BTC, ())) > 50)
    await lose(here.exchange, number)
    before = len(sent[BTC])
    await until(lambda: len(sent[BTC]) > before + 50)
    ids = lost(here.exchange)
    assert ids == list(range(ids[0], ids[0] + number))
    return ids[0], ids[-1]


async def test_exactly_the_hole_is_filled_beside_the_running_worker(tmp_path: Path) -> None:
    async with world(tmp_path, TRADES, backfill=OFF) as here:
        first, last = await after_a_fault(here)
        begin = str(made(here.exchange)[0])

        code, report = await asyncio.to_thread(backfill, here.path, "--from-id", begin)

        assert spans_of(report) == [(first, last, 7, "filled")]
        assert (code, report["good"], report["left"]) == (0, True, 0)
        code, again = await asyncio.to_thread(backfill, here.path, "--from-id", begin)
        assert (code, again["gaps"]) == (0, [])
        await here.stop()
        code, verdict = await asyncio.to_thread(answer, "verify", here.path)
        [btc] = [one for one in verdict["series"] if one["symbol"] == "BTCUSDT"]
        assert (code, btc["records"], btc["backfilled"]) == (0, len(made(here.exchange)), 7)
        assert (btc["holes"], btc["repeats"]) == ({}, 0)
        assert btc["gaps"] == {"unfillable": 1, "filled": 1}
