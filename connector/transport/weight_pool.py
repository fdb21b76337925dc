"""The weight an IP address may use on REST: one budget and one queue for each pool of products."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping

from connector.binance.exchange_info import RateLimit
from connector.binance.products import Product
from connector.errors import Retry
from connector.rate_limit import WeightBudget
from connector.telemetry import events

LOOK_AGAIN_S = 1.0  # while waiting for weight: an answer under way may correct the count


class WeightPool:
    """The weight one IP address may use, of one or two products together.

    Args:
        name: `spot`, `futures` or `options`.
        limit: Weight in a minute, until exchangeInfo says otherwise.
        share: The part of the limits we may use.
        raw_limit: Calls of any weight in five minutes, where there is such a limit.
        clock: Seconds since 1970.
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
        self._weight = WeightBudget(limit, 60.0, share)
        self._raw = None if raw_limit is None else WeightBudget(raw_limit, 300.0, share)
        self._limits: dict[Product, int] = {}
        self._in_flight = 0
        self._turn = asyncio.Lock()

    @property
    def used(self) -> int:
        """Weight the address has used in the running minute, as far as the exchange has told."""
        return self._weight.used(self._clock())

    @property
    def limit(self) -> int:
        """Weight we may use in a minute: the exchange's limit times our share."""
        return self._weight.allowed

    @property
    def banned_until(self) -> float:
        """Until when no call goes out, in seconds since 1970; 0 when calls may go out."""
        until = self._weight.away_until
        return until if until > self._clock() else 0.0

    def learn(self, product: Product, limits: Collection[RateLimit]) -> None:
        """Take over a product's limits from its exchangeInfo; of two products the lower counts."""
        for one in limits:
            if one.kind == "REQUEST_WEIGHT" and one.seconds == self._weight.seconds:
                self._limits[product] = one.limit
                self._weight.limit = min(self._limits.values())
            elif one.kind == "RAW_REQUESTS" and self._raw and one.seconds == self._raw.seconds:
                self._raw.limit = one.limit

    async def admit(self, weight: int) -> None:
        """Wait until a call of this weight may go out, and count it.

        Raises:
            Retry: the exchange told us to stay away; after_s says how long.
        """
        async with self._turn:
            said = False
            while (wait := self._wait(weight, self._clock())) > 0.0:
                if wait > LOOK_AGAIN_S and not said:
                    said = True
                    events.rest_waits(self.name, self.used, self.limit, wait)
                await asyncio.sleep(min(wait, LOOK_AGAIN_S))
            now = self._clock()
            self._weight.take(weight, now)
            if self._raw is not None:
                self._raw.take(1, now)

    def _wait(self, weight: int, now: float) -> float:
        away = self._weight.away_until - now
        if away > 0.0:
            raise Retry(f"the exchange refuses calls ({self.name}) for {away:.1f} s more", away)
        raw = 0.0 if self._raw is None else self._raw.wait(1, now)
        return max(raw, self._weight.wait(weight, now))

    @contextlib.contextmanager
    def under_way(self, weight: int) -> Iterator[None]:
        """Remember a call's weight until its answer is there."""
        self._in_flight += weight
        try:
            yield
        finally:
            self._in_flight -= weight

    def told(self, headers: Mapping[str, str], weight: int) -> None:
        """Take over the used weight from an answer's headers; `weight` is the call's own."""
        used = headers.get("X-MBX-USED-WEIGHT-1M") or headers.get("X-MBX-USED-WEIGHT", "")
        if used.isdecimal():
            self._weight.told(int(used), self._clock(), self._in_flight - weight)

    def stay_away(self, status: int, seconds: float) -> None:
        """Let nothing out for so long."""
        self._weight.stay_away(self._clock() + seconds)
        events.rest_refused(self.name, status, seconds)
