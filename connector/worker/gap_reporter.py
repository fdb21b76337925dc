"""Logs what is missing, and what becomes of it: one line after the start, then one a minute."""

import asyncio

from connector.continuity.gap_account import GapAccount
from connector.telemetry import events

AFTER_START_S = 10.0  # by then most series had their first event, which shows what is missing
INTERVAL_S = 60.0


class GapReporter:
    """Reports the gaps of a worker.

    Args:
        account: Its gaps.
        goes_on: A writer before this one has stored something: the first line is logged though
            nothing is missing.
    """

    def __init__(self, account: GapAccount) -> None:
        self._account = account
        self.goes_on = False

    async def run(self) -> None:
        """Report until cancelled; what was not reported then is reported at once."""
        since = "restart" if self.goes_on else "start"
        try:
            await asyncio.sleep(AFTER_START_S)
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
