"""What the connections of a worker share: pipeline, accounts, and the exchange's budgets."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from connector.binance.products import LIMITS
from connector.continuity.marker import GapReason
from connector.continuity.series import Series
from connector.feed.pipeline import Pipeline
from connector.planning.model import ConnectionPlan
from connector.rate_limit import SlidingWindow
from connector.telemetry.ledger import Ledger

MAX_HANDOVERS = 2  # at the same time
FOR_DOUBTS = 0.1  # of the attempts to connect: the rest is for what is known to be lost


@dataclass(slots=True)
class SessionContext:
    """What the supervisors of a worker share.

    Attributes:
        pipeline: Takes the frames.
        ledger: The accounts.
        proxy: URL of an HTTP proxy that every connection goes through; a secret may be in it.
        share: Our part of what an IP address may do, above 0 and up to 1.
        life_s: Seconds after which the exchange cuts any connection.
        closing: Why a bundle is given up: plan_changed, at the end restart.
        watch: Have REST asked about a series that is silent everywhere; told when it goes on.
    """

    pipeline: Pipeline
    ledger: Ledger
    proxy: str | None = None
    share: float = 1.0
    life_s: float = 86_400.0
    closing: GapReason = "plan_changed"
    watch: Callable[[Series, Callable[[], None]], None] = lambda _series, _tell: None
    _windows: dict[str, SlidingWindow] = field(default_factory=dict)
    _doubts: dict[str, SlidingWindow] = field(default_factory=dict)
    _turns: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    _away_until: dict[str, float] = field(default_factory=dict)  # host -> monotonic seconds

    async def acquire(self, bundle: ConnectionPlan) -> None:
        """Wait for the budget of connection attempts: counted per address of the exchange.

        And until the end of the time that the exchange told anyone of us to stay away.
        """
        loop, window = asyncio.get_running_loop(), self._window(self._windows, bundle, self.share)
        while wait := max(window.wait(loop.time()), self._away(bundle)):
            await asyncio.sleep(wait)
        window.take(loop.time())

    async def acquire_handover(self, bundle: ConnectionPlan) -> None:
        """Wait for one of the turns to replace a connection: never all of a host's at once.

        Nobody holds one while the host keeps us away.
        """
        while wait := self._away(bundle):
            await asyncio.sleep(wait)
        await self.handover_slots(bundle).acquire()

    def handover_slots(self, bundle: ConnectionPlan) -> asyncio.Semaphore:
        """Return the turns of a bundle's host: who has one releases it."""
        return self._turns.setdefault(_host(bundle), asyncio.Semaphore(MAX_HANDOVERS))

    def ban(self, bundle: ConnectionPlan, seconds: float) -> None:
        """Have nobody connect to a bundle's host for so long: a ban is the address's (429, 418)."""
        until = asyncio.get_running_loop().time() + seconds
        host = _host(bundle)
        self._away_until[host] = max(until, self._away_until.get(host, 0.0))

    def _away(self, bundle: ConnectionPlan) -> float:
        until = self._away_until.get(_host(bundle), 0.0)
        return max(0.0, until - asyncio.get_running_loop().time())

    def try_acquire_probe(self, bundle: ConnectionPlan) -> bool:
        """Say whether a connection may be opened for a doubt alone, and count it if so."""
        window = self._window(self._doubts, bundle, self.share * FOR_DOUBTS)
        now = asyncio.get_running_loop().time()
        if window.wait(now) or self._away(bundle):
            return False
        window.take(now)
        return True

    @staticmethod
    def _window(
        windows: dict[str, SlidingWindow], bundle: ConnectionPlan, share: float
    ) -> SlidingWindow:
        limits = LIMITS[bundle.product]
        most = max(1, int(limits.connects * share))
        return windows.setdefault(_host(bundle), SlidingWindow(most, limits.connects_window_s))

    @staticmethod
    def now_ms() -> int:
        """Return our clock, epoch milliseconds."""
        return time.time_ns() // 1_000_000


def _host(bundle: ConnectionPlan) -> str:
    return bundle.endpoint.split("/")[2]
