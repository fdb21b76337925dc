"""The request weight one IP address may use: a budget and a queue for each pool of products."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping

from connector.binance.exchange_info import RateLimit
from connector.binance.products import Product
from connector.errors import Retry
from connector.rate_limit import WeightBudget
from connector.telemetry import events

POLL_INTERVAL_S = 1.0  # while waiting for weight: an answer may correct the count meanwhile
ONE_MINUTE_S, FIVE_MINUTES_S = 60.0, 300.0


class WeightPool:
    """The weight one IP address may use, of one or two products together.

    Args:
        name: `spot`, `futures` or `options`.
        limit: Weight in a minute, until exchangeInfo says otherwise.
        share: Part of the limits this program may use.
        raw_limit: Calls of any weight in five minutes, where there is such a limit.
        clock: Epoch seconds.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        share: float = 1.0,
        raw_limit: int | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._clock = clock
        self._weight = WeightBudget(limit, ONE_MINUTE_S, share)
        self._calls = None if raw_limit is None else WeightBudget(raw_limit, FIVE_MINUTES_S, share)
        self._limits: dict[Product, int] = {}
        self._in_flight = 0
        # A queue for each share: a call that waits for a small share holds up none of a larger one.
        self._queues: defaultdict[float, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def used(self) -> int:
        """Weight the address has used in the running minute, by the exchange's last count."""
        return self._weight.used(self._clock())

    @property
    def limit(self) -> int:
        """Weight this program may use in a minute: its share of the exchange's limit."""
        return self._weight.allowed

    @property
    def banned_until(self) -> float:
        """Epoch seconds until which no call goes out; 0 when calls may go out."""
        until = self._weight.banned_until
        return until if until > self._clock() else 0.0

    def seconds_until_free(self, part: float) -> float:
        """Return the seconds until so large a part of a minute's weight is free."""
        return self._weight.wait(int(part * self._weight.allowed), self._clock())

    def set_limits(self, product: Product, limits: Collection[RateLimit]) -> None:
        """Take a product's limits from its exchangeInfo; of two products the lower one counts."""
        calls = self._calls
        for limit in limits:
            if limit.kind == "REQUEST_WEIGHT" and limit.seconds == self._weight.seconds:
                self._limits[product] = limit.limit
                self._weight.limit = min(self._limits.values())
            elif limit.kind == "RAW_REQUESTS" and calls and limit.seconds == calls.seconds:
                calls.limit = limit.limit

    async def admit(self, weight: int, share: float = 1.0) -> None:
        """Wait until a call may go out, and count it. Calls of one share go in order.

        `share`: part of `limit` that must hold the call and all others of this minute; what is
        beyond it is kept for calls of a larger share.

        Raises:
            Retry: the exchange has banned the address; after_s says for how long.
        """
        async with self._queues[share]:
            logged = False
            while (wait_s := self._wait_s(weight, share)) > 0.0:
                if not logged and self._wait_s(weight) > POLL_INTERVAL_S:
                    logged = True
                    events.rest_waits(self.name, self.used, self.limit, wait_s)
                await asyncio.sleep(min(wait_s, POLL_INTERVAL_S))
            now = self._clock()
            self._weight.take(weight, now)
            if self._calls is not None:
                self._calls.take(1, now)

    def _wait_s(self, weight: int, share: float = 1.0) -> float:
        now = self._clock()
        ban_s = self._weight.banned_until - now
        if ban_s > 0.0:
            raise Retry(f"the exchange refuses calls ({self.name}) for {ban_s:.1f} s more", ban_s)
        calls_s = 0.0 if self._calls is None else self._calls.wait(1, now)
        return max(calls_s, self._weight.wait(weight, now, share))

    @contextlib.contextmanager
    def in_flight(self, weight: int) -> Iterator[None]:
        """Count a call as in flight until its answer has come."""
        self._in_flight += weight
        try:
            yield
        finally:
            self._in_flight -= weight

    def on_headers(self, headers: Mapping[str, str], weight: int) -> None:
        """Take over the used weight from the answer to a call of this weight, still in flight."""
        used = headers.get("X-MBX-USED-WEIGHT-1M") or headers.get("X-MBX-USED-WEIGHT", "")
        if used.isdecimal():
            self.on_used(int(used), weight)

    def on_used(self, used: int, weight: int) -> None:
        """Take over the used weight of this minute, as `on_headers` does."""
        self._weight.set_used(used, self._clock(), self._in_flight - weight)

    def ban(self, status: int, seconds: float) -> None:
        """Let no call out for so long: the exchange answered with this status (429, 418, 403)."""
        self._weight.ban(self._clock() + seconds)
        events.rest_refused(self.name, status, seconds)
