"""One line after the start, one a minute, and none where nothing happened."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from connector.continuity.gap import Gap
from connector.continuity.gap_account import GapAccount
from connector.worker.gap_reporter import AFTER_START_S, INTERVAL_S, GapReporter
from tests.support.continuity import Line

ROW = Line("btcusdt@trade").routes[b"btcusdt@trade"].stream.row
GAP = Gap("00ff", "restart", 20, None, 121, None, missing=100)


async def lines(
    reporter: GapReporter, monkeypatch: pytest.MonkeyPatch, *before: Callable[[], object]
) -> list[dict[str, Any]]:
    """Return what is logged, one thing happening before the end of each wait."""
    waits, todo = [], list(before)

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if not todo:
            raise asyncio.CancelledError
        todo.pop(0)()

    monkeypatch.setattr("connector.worker.gap_reporter.asyncio.sleep", wait)
    with capture_logs() as logged, pytest.raises(asyncio.CancelledError):
        await _run(reporter.run())
    assert waits == [AFTER_START_S, *[INTERVAL_S] * len(before)]
    return [dict(line) for line in logged]


async def _run(work: Awaitable[None]) -> None:
    await work


def nothing() -> None:
    """Nothing is found."""


async def test_a_restart_that_missed_events_is_one_line_with_what_becomes_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = GapAccount()
    reporter = GapReporter(account)
    reporter.goes_on = True

    def find() -> None:
        account.found(ROW, GAP, "backfill.enabled is false")

    [line] = await lines(reporter, monkeypatch, find, nothing)

    assert (line["event"], line["since"], line["log_level"]) == ("gaps_found", "restart", "warning")
    assert (line["gaps"], line["missing"]) == (1, 100)
    assert line["by_kind"] == {"spot trade": "1 gaps, 100 events"}
    assert line["becomes"] == {"backfill.enabled is false": 1}


async def test_a_restart_that_missed_nothing_is_said_and_a_first_start_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    restarted, first = GapReporter(GapAccount()), GapReporter(GapAccount())
    restarted.goes_on = True

    [line] = await lines(restarted, monkeypatch, nothing, nothing)

    assert (line["gaps"], line["log_level"]) == (0, "info")
    assert await lines(first, monkeypatch, nothing, nothing) == []


async def test_what_happens_later_is_one_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    account = GapAccount()

    def find() -> None:
        account.found(ROW, GAP, None)

    def settle() -> None:
        account.settled(ROW, GAP, "filled", "")

    found = await lines(GapReporter(account), monkeypatch, nothing, find, nothing, settle)

    assert [(line["since"], line["becomes"]) for line in found] == [
        ("minute", {"is being fetched": 1}),
        ("minute", {"filled": 1}),
    ]


async def test_what_was_not_reported_at_the_end_is_reported_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = GapAccount()
    account.found(ROW, GAP, None)

    [line] = await lines(GapReporter(account), monkeypatch)

    assert line["gaps"] == 1
