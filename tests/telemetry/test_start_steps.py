"""The steps of a start: what is logged, shown and given up."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from connector.errors import Refused, Retry, Unserved
from connector.telemetry.start_steps import RetryPolicy, StartSteps

AT_ONCE = RetryPolicy(0.0, 0.0)


def failing(*errors: Exception) -> Callable[[], Any]:
    """Return an attempt that raises the errors in turn, and then returns its number."""
    left = list(errors)

    async def attempt() -> int:
        if left:
            raise left.pop(0)
        return len(errors) + 1

    return attempt


async def test_a_step_is_over_once_its_work_is_done() -> None:
    steps = StartSteps({"topics": "server:1"})
    assert not steps.is_over("topics")

    assert await steps.run("topics", asyncio.sleep(0, 7)) == 7

    assert steps.is_over("topics")
    assert steps.wait_of("topics") is None


async def test_an_attempt_is_made_again_until_it_succeeds_and_each_cause_is_logged_once() -> None:
    steps = StartSteps({"registry": "server:1"})
    attempt = failing(Retry("away"), Retry("away"), Retry("a page"))

    with capture_logs() as logs:
        assert await steps.retry("registry", attempt, AT_ONCE) == 4

    lines = [(line["event"], line["step"], line["cause"]) for line in logs]
    assert lines == [("start_waits", "registry", cause) for cause in ("away", "a page")]


async def test_work_without_an_answer_is_logged_and_shown_with_what_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connector.telemetry.start_steps.REPORT_AFTER_S", 0.01)
    steps, asked, done = StartSteps({"coordinator": "server:1"}), asyncio.Event(), asyncio.Event()

    def cause() -> str:
        asked.set()
        return "no transaction log"

    with capture_logs() as logs:
        running = asyncio.create_task(steps.run("coordinator", done.wait(), cause))
        await asked.wait()
        await asyncio.sleep(0)
        assert steps.wait_of("coordinator") == "0 s: no transaction log"
        assert steps.wait_of("topics") is None
        done.set()
        await running

    assert [line["cause"] for line in logs] == ["no transaction log"]


async def test_work_of_which_nothing_is_known_is_logged_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connector.telemetry.start_steps.REPORT_AFTER_S", 0.0)
    steps, done = StartSteps({"topics": "server:1"}), asyncio.Event()

    with capture_logs() as logs:
        running = asyncio.create_task(steps.run("topics", done.wait()))
        while not logs:
            await asyncio.sleep(0)
        assert steps.wait_of("topics") == "0 s: no answer yet from server:1"
        done.set()
        await running

    assert [line["cause"] for line in logs] == ["no answer yet from server:1"]


async def test_a_server_that_does_not_answer_is_given_up_after_a_time() -> None:
    steps = StartSteps({"topics": "server:1"})

    with pytest.raises(Retry, match="away"):
        await steps.retry("topics", failing(Retry("away")), RetryPolicy(0.0, 0.0, give_up_s=0.0))

    assert not steps.is_over("topics")


@pytest.mark.parametrize("error", [Unserved("not here"), Refused("wrong")])
async def test_what_waiting_does_not_change_is_raised_at_once(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        await StartSteps({"exchange_info": "server:1"}).retry(
            "exchange_info", failing(error), AT_ONCE
        )


async def test_a_step_that_is_cancelled_ends_its_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = asyncio.create_task(StartSteps({"topics": "server:1"}).run("topics", work()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert ended.is_set()
