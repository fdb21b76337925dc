"""A running worker warns of names that are not listed, and not when nobody can tell."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connector.binance.exchange_info import Universe
from connector.binance.products import Product
from connector.errors import Retry
from connector.worker.market import plan_of
from connector.worker.replanner import Hands, Replanner
from tests.support.config import GOOD, loaded
from tests.support.plan import universe
from tests.support.waiting import until

WARNING = "BTCUSTD is not listed: its streams would be acknowledged and silent"


@dataclass
class Asked:
    """An exchange that does not answer so many times, and then does."""

    away: int
    times: int = 0

    async def universe(
        self, products: Collection[Product], with_volumes: Collection[Product]
    ) -> Universe:
        self.times += 1
        assert (set(products), tuple(with_volumes)) == ({"spot"}, ())
        if self.times <= self.away:
            raise Retry("nobody there")
        return universe("spot", "BTCUSDT")


async def warned(folder: Path, exchange: Asked, times: int) -> None:
    """Run a replanner until the exchange was asked so many times, and a moment longer."""
    file = loaded(folder, GOOD.replace("BTCUSDT", "BTCUSTD"))

    async def nothing(_: Any) -> dict[str, int]:
        return {}

    hands = Hands(exchange, nothing, lambda *_: None, lambda: 0, lambda _: None)
    replanner = Replanner(file, hands, plan_of(file))
    await replanner.start()
    running = asyncio.create_task(replanner.run())
    await until(lambda: exchange.times == times)
    await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.worker.replan_triggers.POLL_INTERVAL_S", 0.01)
    monkeypatch.setattr("connector.worker.replanner.NAMES_RETRY_S", 0.05)
    monkeypatch.setattr("connector.worker.replanner.NAMES_S", 0.05)


async def test_a_name_that_is_not_listed_is_warned_of_again_and_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await warned(tmp_path, Asked(away=0), times=3)

    said = capsys.readouterr().out
    assert said.count(WARNING) >= 2
    assert "connector.yaml:8: subscriptions[0].symbols: " in said
    assert "did you mean BTCUSDT?" in said


async def test_an_exchange_that_does_not_answer_is_asked_again_without_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await warned(tmp_path, Asked(away=9), times=3)
    without = capsys.readouterr().out
    monkeypatch.setattr("connector.worker.replanner.NAMES_S", 3600.0)
    await warned(tmp_path, Asked(away=2), times=3)

    assert (without.count(WARNING), capsys.readouterr().out.count(WARNING)) == (0, 1)
