"""What the subscriptions of one worker share: the way to the exchange, its limits, the clock."""

import asyncio
import random
import ssl
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.account.source import FeedTimings
from connector.backoff import Backoff
from connector.binance.products import Bases, Product
from connector.errors import Retry
from connector.transport.connect_limiter import ConnectLimiter
from connector.transport.signed_rest import SignedRest


@dataclass(frozen=True, slots=True)
class FeedContext:
    """What every subscription needs.

    Attributes:
        bases: Where each product is served.
        rest: Makes listenKeys and tokens, and says what has changed.
        limiter: Limits connection attempts.
        proxy: URL of an HTTP proxy, may hold a user name and password.
        tls: Context of wss://; None: the system's authorities.
    """

    bases: Mapping[Product, Bases]
    rest: SignedRest
    limiter: ConnectLimiter = field(default_factory=ConnectLimiter)
    proxy: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    timings: FeedTimings = FeedTimings()  # noqa: RUF009 - frozen

    def life_s(self) -> float:
        """Return after how long a connection is replaced: not all of them at one time."""
        return self.timings.life_s * random.uniform(0.9, 1.0)  # noqa: S311 - no secret

    def delay_s(self, backoff: Backoff, good_since: float | None, error: Retry | None) -> float:
        """Return the seconds until the next attempt.

        Args:
            backoff: Of the attempts.
            good_since: Monotonic seconds since which the one that ended delivered; None: never.
            error: Why the last attempt failed; None: it did not.
        """
        now = asyncio.get_running_loop().time()
        delay_s = backoff.delay(now, good_since, random.random())  # noqa: S311 - no secret
        named_s = 0.0 if error is None else error.after_s or 0.0
        return max(named_s, min(delay_s, self.timings.retry_s))


async def unless(event: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do a piece of work, but leave it when the event is set. Raises what the work raises."""
    doing, waiting = asyncio.ensure_future(work), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({doing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
    finally:
        for task in (doing, waiting):
            task.cancel()
        await asyncio.gather(doing, waiting, return_exceptions=True)
