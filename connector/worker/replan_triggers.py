"""Why the plan has to be made again, and when: the file, a signal, the clock, news of the exchange.

Next along the way: worker/replanner.py (what is done about it).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from connector.config.reload import FileWatch, content_hash
from connector.telemetry import events

POLL_INTERVAL_S = 1.0  # between two looks at the file, the clock and the news
NEWS_GAP_S = 10.0  # between two questions because of news: these come in flocks

# names: those in the file are to be looked up, which changes no plan
Trigger = Literal["file", "signal", "refresh", "news", "names"]
ABOUT_FILE: frozenset[Trigger] = frozenset({"file", "signal"})


@dataclass(slots=True)
class ReplanTriggers:
    """What is to be done, and when.

    Attributes:
        news: Returns a number that grows when the exchange announces a listing.
        watch: The config file's content against the one that was dealt with.
    """

    news: Callable[[], int]
    watch: FileWatch
    _due: dict[Trigger, float] = field(default_factory=dict)
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)
    _news_seen: int = 0
    _news_from: float = 0.0
    _gone_told: bool = False

    @classmethod
    def of(cls, path: Path, news: Callable[[], int]) -> "ReplanTriggers":
        """Begin with the file as it is now."""
        return cls(news, FileWatch(path, content_hash(path)))

    def reread(self) -> None:
        """Read the file again now, changed or not (SIGHUP)."""
        self._due["signal"] = 0.0
        self._hurry.set()

    def later(self, reason: Trigger, wait_s: float) -> None:
        """Come back to something after so many seconds."""
        self._due[reason] = now() + wait_s

    def refresh(self, every_s: float | None) -> None:
        """See to it that the listings are asked for again; None: nothing needs them."""
        if every_s is None:
            self._due.pop("refresh", None)
        else:
            self._due.setdefault("refresh", now() + every_s)

    def asked(self) -> None:
        """Note that the listings are being asked for."""
        self._news_from = now() + NEWS_GAP_S

    async def due(self) -> list[Trigger]:
        """Wait a moment, then return what is due; it counts as dealt with."""
        try:
            async with asyncio.timeout(POLL_INTERVAL_S):
                await self._hurry.wait()
        except TimeoutError:
            pass
        self._hurry.clear()
        if await asyncio.to_thread(self.watch.changed):
            self._due["file"] = 0.0
        self._tell_of_the_file()
        news = self.news()
        if news > self._news_seen:
            self._due.setdefault("news", max(now(), self._news_from))
        self._news_seen = news
        due = [reason for reason, when in self._due.items() if when <= now()]
        for reason in due:
            del self._due[reason]
        return due

    def _tell_of_the_file(self) -> None:
        """Say once that the file is gone, and once that it is back."""
        if self.watch.gone != self._gone_told:
            self._gone_told = self.watch.gone
            tell = events.config_file_gone if self.watch.gone else events.config_file_back
            tell(file=str(self.watch.path))


def now() -> float:
    """Return monotonic seconds."""
    return asyncio.get_running_loop().time()
