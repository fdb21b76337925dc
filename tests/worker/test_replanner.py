"""A changed file becomes the plan that runs; names that are not listed are warned of."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connector.binance.exchange_info import Universe
from connector.binance.products import Product
from connector.config.load import Loaded, content_hash
from connector.config.plan import plan_of
from connector.config.reload import FileWatch
from connector.errors import Fatal, Retry
from connector.planning.model import Plan
from connector.worker.replan_triggers import ReplanTriggers
from connector.worker.replanner import Replanner
from tests.support.config import GOOD, Looks, loaded, write
from tests.support.plan import universe
from tests.support.waiting import until

WARNING = "BTCUSTD is not listed: "


@dataclass
class Exchange:
    """An exchange that does not answer so many times, and then does.

    Attributes:
        on_asked: Called with each question.
    """

    away: int
    times: int = 0
    on_asked: Callable[[], object] = lambda: None

    async def universe(
        self, products: Collection[Product], with_volumes: Collection[Product]
    ) -> Universe:
        self.times += 1
        self.on_asked()
        assert (set(products), tuple(with_volumes)) == ({"spot"}, ())
        if self.times <= self.away:
            raise Retry("nobody there")
        return universe("spot", "BTCUSDT")


@dataclass
class Around:
    """What else a replanner works on; notes which streams are applied."""

    applied: list[list[str]] = field(default_factory=list)
    lacking: str = ""  # the right that a new topic needs

    async def provision(self, plan: Plan) -> Mapping[str, int]:
        if self.lacking:
            raise Fatal(f"Kafka: no {self.lacking}")
        return dict.fromkeys(plan.topics, 1)

    def apply(self, plan: Plan, ids: Mapping[str, int]) -> None:
        assert ids.keys() == plan.topics.keys()
        self.applied.append([planned.stream.name for planned in plan.streams])

    def add_listings(self, symbols: Collection[tuple[Product, str]]) -> None:
        assert not symbols


def replanner_of(file: Loaded, exchange: Exchange, around: Around) -> Replanner:
    """Return a replanner whose file alone makes a plan, with that plan running."""
    triggers = ReplanTriggers(FileWatch(Path(file.places.file), file.hash), lambda: 0)
    plan = plan_of(file)
    replanner = Replanner(
        file,
        plan,
        triggers,
        exchange.universe,
        around.provision,
        around.apply,
        around.add_listings,
    )
    replanner.begin(plan)
    return replanner


@contextlib.asynccontextmanager
async def running(replanner: Replanner) -> AsyncIterator[None]:
    task = asyncio.create_task(replanner.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Log:
    """What has been logged so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys, self._text = capsys, ""

    @property
    def text(self) -> str:
        self._text += self._capsys.readouterr().out
        return self._text

    @property
    def warnings(self) -> int:
        return self.text.count(WARNING)


def misspelt(folder: Path, exchange: Exchange) -> Replanner:
    """Return a replanner whose file has a name that the exchange does not list."""
    return replanner_of(loaded(folder, GOOD.replace("BTCUSDT", "BTCUSTD")), exchange, Around())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.worker.replan_triggers.POLL_INTERVAL_S", 0.01)
    monkeypatch.setattr("connector.worker.listings.RETRY_DELAY_S", 0.05)
    monkeypatch.setattr("connector.worker.listings.LOOK_UP_INTERVAL_S", 0.05)


async def test_a_name_that_is_not_listed_is_warned_of_again_and_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log(capsys)
    async with running(misspelt(tmp_path, Exchange(away=0))):
        await until(lambda: log.warnings >= 2)

    assert "connector.yaml:8: subscriptions[0].symbols: " in log.text
    assert "did you mean BTCUSDT?" in log.text


async def test_an_exchange_that_does_not_answer_is_asked_again_without_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.worker.listings.LOOK_UP_INTERVAL_S", 3600.0)
    log, warned = Log(capsys), list[int]()
    exchange = Exchange(away=2, on_asked=lambda: warned.append(log.warnings))
    async with running(misspelt(tmp_path, exchange)):
        await until(lambda: log.warnings >= 1)
        await Looks(monkeypatch).until_more()

    assert (warned, log.warnings) == ([0, 0, 0], 1)  # the third question is answered


async def test_a_changed_file_is_applied_with_the_hash_of_what_was_read(tmp_path: Path) -> None:
    exchange, around = Exchange(away=0), Around()
    replanner = replanner_of(loaded(tmp_path, GOOD), exchange, around)
    before = replanner.loaded.hash
    async with running(replanner):
        new = GOOD.replace("[trade]", "[trade, bookTicker]")
        write(tmp_path, new)
        await until(lambda: bool(replanner.changes))

    assert replanner.changes == {"applied": 1}
    assert around.applied == [["btcusdt@trade", "btcusdt@bookTicker"]]
    assert (before, replanner.loaded.hash) == (
        content_hash(GOOD.encode()),
        content_hash(new.encode()),
    )


async def test_a_file_that_is_refused_leaves_the_plan_and_is_not_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, around = Exchange(away=0), Around()
    replanner = replanner_of(loaded(tmp_path, GOOD), exchange, around)
    async with running(replanner):
        write(tmp_path, GOOD.replace("[trade]", "[trades]"))
        await until(lambda: bool(replanner.changes))
        await Looks(monkeypatch).until_more()

    assert replanner.changes == {"refused": 1}
    assert around.applied == []
    assert replanner.loaded.hash == content_hash(GOOD.encode())
    assert "connector.yaml:9: subscriptions[0].streams[0]: " in capsys.readouterr().out


async def test_a_change_for_which_rights_are_missing_is_refused_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exchange, around = Exchange(away=0), Around(lacking="CREATE on binance.spot.book-ticker")
    replanner = replanner_of(loaded(tmp_path, GOOD), exchange, around)
    async with running(replanner):
        write(tmp_path, GOOD.replace("[trade]", "[trade, bookTicker]"))
        await until(lambda: bool(replanner.changes))

    assert replanner.changes == {"refused": 1}
    assert around.applied == []
    assert "no CREATE on binance.spot.book-ticker" in capsys.readouterr().out
