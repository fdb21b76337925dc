"""The steps of a start that wait for others: each has a name, log lines and a part of readiness."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from connector.errors import Retry, Unserved
from connector.telemetry import events

REPORT_AFTER_S = 5.0  # until the first line about a step that has no answer
REPORT_INTERVAL_S = 30.0  # between two lines with the same cause
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long a step is tried again.

    Attributes:
        first_s: Seconds after the first attempt that failed; doubled after each.
        longest_s: Most seconds between two attempts, where the other side names no time.
        give_up_s: Seconds after which an attempt that fails is the last one; None: never.
    """

    first_s: float
    longest_s: float
    give_up_s: float | None = None


class StartSteps:
    """The steps of a start; one is under way at a time.

    `servers`: name of a step -> address of what it waits for.
    """

    def __init__(self, servers: Mapping[str, str]) -> None:
        self._servers = servers
        self._over: set[str] = set()
        self._name = ""  # of the step under way; "": none is
        self._began, self._cause = 0.0, ""
        self._reported: float | None = None  # monotonic seconds of the last line about it

    @property
    def names(self) -> Collection[str]:
        """The steps of this start, in their order."""
        return self._servers.keys()

    def is_over(self, name: str) -> bool:
        """Return whether a step is done."""
        return name in self._over

    def wait_of(self, name: str) -> str | None:
        """Return for how long a step has waited, and why; None if it is not under way."""
        if name != self._name:
            return None
        return f"{time.monotonic() - self._began:.0f} s: {self._cause or self._no_answer}"

    @property
    def _no_answer(self) -> str:
        return f"no answer yet from {self._servers[self._name]}"

    async def run(
        self,
        name: str,
        work: Awaitable[_Result],
        cause: Callable[[], str | None] = lambda: None,
    ) -> _Result:
        """Return what the work returns; log when it takes long. Raises what the work raises.

        `cause`: returns why it has no answer, None where that is not known.
        """
        self._name, self._began, self._cause, self._reported = name, time.monotonic(), "", None
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait((task,), timeout=REPORT_AFTER_S))[0]:
                self._report(cause() or self._cause)
            result = task.result()
        finally:
            task.cancel()
        self._over.add(name)
        self._name = ""
        return result

    async def retry(
        self, name: str, attempt: Callable[[], Awaitable[_Result]], policy: RetryPolicy
    ) -> _Result:
        """Return what an attempt returns; attempts that raise Retry are made again.

        Raises:
            Unserved: at once. Retry: the last attempt, once the policy is at its end. Whatever
                else an attempt raises.
        """
        return await self.run(name, self._attempts(attempt, policy))

    async def _attempts(
        self, attempt: Callable[[], Awaitable[_Result]], policy: RetryPolicy
    ) -> _Result:
        delay_s, began = policy.first_s, time.monotonic()
        while True:
            try:
                return await attempt()
            except Unserved:
                raise
            except Retry as error:
                waited_s = time.monotonic() - began
                if policy.give_up_s is not None and waited_s >= policy.give_up_s:
                    raise
                self._report(str(error))
                await asyncio.sleep(max(delay_s, error.after_s or 0.0))
            delay_s = min(policy.longest_s, 2 * delay_s)

    def _report(self, cause: str) -> None:
        """Log the cause if it is new, and else now and then."""
        now, last = time.monotonic(), self._reported
        if cause == self._cause and last is not None and now - last < REPORT_INTERVAL_S:
            return
        self._cause, self._reported = cause, now
        events.start_waits(self._name, now - self._began, cause or self._no_answer)
