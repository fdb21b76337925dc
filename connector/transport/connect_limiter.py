"""Connection attempts, handovers and bans, per host of the exchange.

Binance counts connection attempts by IP address, and bans an address (429, 418), not a connection.
So all supervisors of a worker share one limiter.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from connector.binance.products import LIMITS, Product, host_of
from connector.rate_limit import SlidingWindow

MAX_CONCURRENT_HANDOVERS = 2  # of one host: never all connections at once
PROBE_SHARE = 0.1  # of the attempts: the rest is for streams that certainly have no connection


class ConnectTarget(Protocol):
    """What a connection is opened to: a `ConnectionPlan`, or the stream of an account."""

    @property
    def product(self) -> Product:
        """The product, which sets the limits."""
        ...

    @property
    def endpoint(self) -> str:
        """URL of the host, with or without a path."""
        ...


@dataclass(slots=True)
class _Host:
    """Limits of one host.

    Attributes:
        attempts: Connection attempts.
        probes: Those of them that are made for a suspicion.
        handovers: A slot for each handover at the same time.
        banned_until: Monotonic seconds; 0.0: never banned.
    """

    attempts: SlidingWindow
    probes: SlidingWindow
    handovers: asyncio.Semaphore
    banned_until: float = 0.0

    def ban_left(self, now: float) -> float:
        """Return the seconds until the ban ends; 0.0: there is none."""
        return max(0.0, self.banned_until - now)


class ConnectLimiter:
    """Limits how often the connections of a worker are opened and replaced.

    Args:
        share: Our part of what an IP address may do, above 0 and up to 1.
    """

    def __init__(self, share: float = 1.0) -> None:
        self._share = share
        self._hosts: dict[str, _Host] = {}

    async def acquire(self, target: ConnectTarget) -> None:
        """Wait until a connection may be opened: the host's ban is over, an attempt is left."""
        host, loop = self._host(target), asyncio.get_running_loop()
        while wait := max(host.attempts.wait(loop.time()), host.ban_left(loop.time())):
            await asyncio.sleep(wait)
        host.attempts.take(loop.time())

    def try_acquire_probe(self, target: ConnectTarget) -> bool:
        """Return whether a probe connection may be opened now, and count it if so."""
        host, now = self._host(target), asyncio.get_running_loop().time()
        if host.probes.wait(now) or host.ban_left(now):
            return False
        host.probes.take(now)
        return True

    async def acquire_handover(self, target: ConnectTarget) -> None:
        """Wait for one of the host's handover slots. None is taken while the host bans us."""
        host, loop = self._host(target), asyncio.get_running_loop()
        while wait := host.ban_left(loop.time()):
            await asyncio.sleep(wait)
        await host.handovers.acquire()

    def handover_slots(self, target: ConnectTarget) -> asyncio.Semaphore:
        """Return the host's handover slots: whoever acquired one releases it."""
        return self._host(target).handovers

    def ban(self, target: ConnectTarget, seconds: float) -> None:
        """Open no connection to the host for this long; a longer ban that runs stays."""
        host = self._host(target)
        host.banned_until = max(host.banned_until, asyncio.get_running_loop().time() + seconds)

    def _host(self, target: ConnectTarget) -> _Host:
        name = host_of(target.endpoint)
        if name not in self._hosts:
            limits = LIMITS[target.product]
            attempts, probes = (
                SlidingWindow(max(1, int(limits.connects * share)), limits.connects_window_s)
                for share in (self._share, self._share * PROBE_SHARE)
            )
            self._hosts[name] = _Host(attempts, probes, asyncio.Semaphore(MAX_CONCURRENT_HANDOVERS))
        return self._hosts[name]
