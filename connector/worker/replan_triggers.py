"""When the plan is made again: the config file, SIGHUP, the clock, or an announced listing."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from connector.config.reload import FileWatch
from connector.telemetry import events

POLL_INTERVAL_S = 1.0  # between two reads of the file
ANNOUNCED_INTERVAL_S = 10.0  # at least, between two requests for listings: they come in flocks

# file, signal: the config file is read again. refresh, news: the exchange is asked what it lists.
# names: the symbols that the file names are looked up; the plan stays as it is.
Trigger = Literal["file", "signal", "refresh", "news", "names"]
ABOUT_FILE: frozenset[Trigger] = frozenset({"file", "signal"})


@dataclass(slots=True)
class ReplanTriggers:
    """What is due, and when.

    Attributes:
        watch: The config file.
        announcements: Returns how often the exchange has announced new listings so far.
    """

    watch: FileWatch
    announcements: Callable[[], int]
    _due: dict[Trigger, float] = field(default_factory=dict)  # -> monotonic seconds
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _announced: int = 0  # announcements seen
    _ask_from: float = 0.0  # no request because of an announcement before
    _reported_gone: bool = False

    def reread(self) -> None:
        """Have the config file read again now, changed or not (SIGHUP)."""
        self._due["signal"] = 0.0
        self._wake.set()

    def later(self, trigger: Trigger, wait_s: float) -> None:
        """Let a trigger be due in so many seconds."""
        self._due[trigger] = now() + wait_s

    def refresh(self, every_s: float | None) -> None:
        """Schedule the next request for listings, if none is; None: no plan needs them."""
        if every_s is None:
            self._due.pop("refresh", None)
        else:
            self._due.setdefault("refresh", now() + every_s)

    def asked(self) -> None:
        """Note that the listings are being asked for."""
        self._ask_from = now() + ANNOUNCED_INTERVAL_S

    async def due(self) -> list[Trigger]:
        """Wait a poll interval or for SIGHUP, read the file, and return what is due, once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_INTERVAL_S):
                await self._wake.wait()
        self._wake.clear()
        if await asyncio.to_thread(self.watch.changed):
            self._due["file"] = 0.0
        if self.watch.gone != self._reported_gone:
            self._reported_gone = self.watch.gone
            report = events.config_file_gone if self.watch.gone else events.config_file_back
            report(file=str(self.watch.path))
        announced = self.announcements()
        if announced > self._announced:
            self._due.setdefault("news", max(now(), self._ask_from))
        self._announced = announced
        due = [trigger for trigger, when in self._due.items() if when <= now()]
        for trigger in due:
            del self._due[trigger]
        return due


def now() -> float:
    """Return monotonic seconds of the event loop."""
    return asyncio.get_running_loop().time()
