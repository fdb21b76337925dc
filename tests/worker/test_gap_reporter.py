"""One line after the start, one a minute, and none where nothing happened."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from connector.continuity.gap import Gap
from connector.continuity.gap_account import GapAccount
from connector.worker.gap_reporter import AFTER_FLOW_S, FLOW_POLL_S, INTERVAL_S, GapReporter
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
    assert [each for each in waits if each != FLOW_POLL_S] == [
        AFTER_FLOW_S,
        *[INTERVAL_S] * len(before),
    ]
    return [dict(line) for line in logged]


async def _run(work: Awaitable[None]) -> None:
    await work


def reporter_of(account: GapAccount) -> GapReporter:
    """Return a reporter of a worker whose data flows."""
    return GapReporter(account, lambda: True)


def nothing() -> None:
    """Nothing is found."""


async def test_a_restart_that_missed_events_is_one_line_with_what_becomes_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = GapAccount()
    reporter = reporter_of(account)
    reporter.goes_on = True

    def find() -> None:
        account.found(ROW, GAP, "backfill.enabled is false")

    [line] = await lines(reporter, monkeypatch, find, nothing)

    assert (line["event"], line["since"], line["log_level"]) == ("gaps_found", "restart", "warning")
    assert (line["gaps"], line["missing"]) == (1, 100)
    assert line["by_kind"] == {"spot trade": "1 gap, 100 events"}
    assert line["becomes"] == {"backfill.enabled is false": 1}


async def test_a_restart_that_missed_nothing_is_said_and_a_first_start_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    restarted, first = (
        GapReporter(GapAccount(), lambda: True),
        GapReporter(GapAccount(), lambda: True),
    )
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

    found = await lines(reporter_of(account), monkeypatch, nothing, find, nothing, settle)

    assert [(line["since"], line["becomes"]) for line in found] == [
        ("minute", {"is being fetched": 1}),
        ("minute", {"filled": 1}),
    ]


async def test_what_was_not_reported_at_the_end_is_reported_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = GapAccount()
    account.found(ROW, GAP, None)

    [line] = await lines(reporter_of(account), monkeypatch)

    assert line["gaps"] == 1


async def test_the_first_line_waits_for_data(monkeypatch: pytest.MonkeyPatch) -> None:
    account, flows = GapAccount(), [False, False, True]
    reporter = GapReporter(account, lambda: flows.pop(0))
    reporter.goes_on = True
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if seconds == INTERVAL_S:
            raise asyncio.CancelledError

    monkeypatch.setattr("connector.worker.gap_reporter.asyncio.sleep", wait)
    with capture_logs() as logged, pytest.raises(asyncio.CancelledError):
        await reporter.run()

    assert waits == [FLOW_POLL_S, FLOW_POLL_S, AFTER_FLOW_S, INTERVAL_S]
    assert [line["since"] for line in logged] == ["restart"]
