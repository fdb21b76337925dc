"""Logs what is missing, and what becomes of it: one line after the start, then one a minute."""

import asyncio
from collections.abc import Callable

from connector.continuity.gap_account import GapAccount
from connector.telemetry import events

FLOW_POLL_S, MAX_FLOW_POLLS = 1.0, 60  # how long data is waited for
AFTER_FLOW_S = 10.0  # by then most series had their first event, which shows what is missing
INTERVAL_S = 60.0


class GapReporter:
    """Reports the gaps of a worker.

    Args:
        account: Its gaps.
        flows: Says whether data flows on all connections.

    Attributes:
        goes_on: A writer before this one has stored something: the first line is logged though
            nothing is missing. Set it before `run`.
    """

    def __init__(self, account: GapAccount, flows: Callable[[], bool]) -> None:
        self._account, self._flows = account, flows
        self.goes_on = False

    async def run(self) -> None:
        """Report until cancelled; what was not reported then is reported at once."""
        since = "restart" if self.goes_on else "start"
        try:
            for _ in range(MAX_FLOW_POLLS):
                if self._flows():
                    break
                await asyncio.sleep(FLOW_POLL_S)
            await asyncio.sleep(AFTER_FLOW_S)
            self._report(since, always=self.goes_on)
            while True:
                since = "minute"
                await asyncio.sleep(INTERVAL_S)
                self._report(since)
        finally:
            self._report(since)

    def _report(self, since: str, *, always: bool = False) -> None:
        report = self._account.report()
        if always or not report.is_empty:
            events.gaps_found(since, report)
