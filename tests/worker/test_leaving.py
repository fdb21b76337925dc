"""Symbols that pause, or leave the plan and return: nothing is missing that REST has."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.binance.stream_name import parse
from connector.lab.market import Market
from tests.support.waiting import until
from tests.support.worker import World, world
from tests.worker.test_replan import ALL, TRADES, changes, stored, subscribed

pytestmark = pytest.mark.lab

SOL, NAME = "SOLUSDT", "solusdt@trade"
BOTH = {"product": "spot", "symbols": ["BTCUSDT", SOL], "streams": ["trade"]}
ONE = {**BOTH, "symbols": ["BTCUSDT"]}
TOP = {"product": "spot", "symbols": {"top": 1}, "streams": ["trade"]}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.worker.replan_triggers.POLL_INTERVAL_S", 0.1)
    monkeypatch.setattr("connector.feed.shard.TIDY_INTERVAL_S", 0.05)
    monkeypatch.setattr("connector.feed.shard.HANDOVER_GRACE_S", 0.1)


async def until_planned(here: World, outcome: str) -> None:
    before = changes(here).get(outcome, 0)
    await until(lambda: changes(here).get(outcome, 0) > before)


async def until_more(here: World, name: str = NAME, more: int = 10) -> None:
    before = here.published(name)
    await until(lambda: here.published(name) >= before + more)


async def ids_of_sol(here: World) -> list[int]:
    """Stop once all gaps are closed; return the ids of SOLUSDT in its topic, sorted."""
    await until(lambda: here.worker.gap_tracker.open_gaps == 0)
    await here.stop()
    return sorted((await stored(here, "trade", "trade_id"))[SOL])


async def test_a_symbol_that_pauses_stays_subscribed_and_misses_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, ALL, topics=TRADES, refresh="1s") as here:
        await here.until_flowing()
        await until_more(here)
        here.market.set_status("spot", SOL, "BREAK")
        await until_planned(here, "unchanged")
        await until_planned(here, "unchanged")  # of listings asked for after the change
        here.market.set_status("spot", SOL, "TRADING")
        await until_more(here)
        ids = await ids_of_sol(here)

        assert [(number,) for number in ids] == here.exchange.oracle.made["spot", NAME, SOL]
        assert "applied" not in changes(here)
        assert here.worker.gap_tracker.gaps == {}


Step = Callable[[World], None]
DEPARTURES: dict[str, tuple[dict[str, Any], Step, Step]] = {  # subscription, leave, return
    "file": (BOTH, lambda here: here.rewrite(ONE), lambda here: here.rewrite(BOTH)),
    "listing": (
        ALL,
        lambda here: here.market.delist("spot", SOL),
        lambda here: here.market.list_symbol("spot", SOL),
    ),
    "top": (
        TOP,
        lambda here: here.market.set_volume("spot", "ETHUSDT", 1e13),
        lambda here: here.market.set_volume("spot", SOL, 1e14),
    ),
}


@pytest.mark.parametrize("departure", DEPARTURES)
async def test_what_a_symbol_missed_while_it_was_not_read_is_a_gap_that_is_filled(
    departure: str, tmp_path: Path
) -> None:
    subscription, leave, come_back = DEPARTURES[departure]
    market, stream = Market(9), parse("spot", NAME)
    market.set_volume("spot", SOL, 1e12)
    async with world(tmp_path, subscription, topics=TRADES, refresh="1s", market=market) as here:
        await here.until_flowing()
        await until_more(here)
        leave(here)
        await until(lambda: NAME not in subscribed(here))
        come_back(here)
        now_ms = time.time_ns() // 1_000_000
        missed = [market.next_events(stream, now_ms)[0].identity[0] for _ in range(30)]
        await until_more(here)
        ids = await ids_of_sol(here)

        assert here.worker.gap_tracker.gaps == {"plan_changed": 1}
        assert ids == list(range(ids[0], ids[-1] + 1))
        assert set(missed) <= set(ids)
