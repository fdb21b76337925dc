"""The exchange's clock: how far it is ahead of this machine's, as REST's time has shown."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

import msgspec

from connector.binance.products import Product
from connector.binance.rest_calls import SERVER_TIME, Call
from connector.errors import Refused, Retry
from connector.telemetry import events

KEPT_MEASUREMENTS = 8  # the one with the shortest round trip counts, as in NTP's clock filter
MAX_DRIFT_MS = 250.0  # between two measurements; more means that a clock was set
LARGE_OFFSET_MS = 1_000.0
ANSWER_WITHIN_S = 5.0  # a later answer tells too little
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_133_980_800_000  # 2000 to 2101: else it is no time

Ask = Callable[[Product, Call], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Measurement:
    """The answer to one call for the server's time, all in milliseconds.

    Attributes:
        offset_ms: The exchange's clock minus this machine's, in the middle of the call.
        error_ms: Half of the round trip: the offset is wrong by at most so much.
    """

    offset_ms: float
    error_ms: float


class _ServerTime(msgspec.Struct):
    server_time: int = msgspec.field(name="serverTime")


class ExchangeClock:
    """Offsets of the exchange's clock, one for each product; 0 until measured.

    Args:
        ask: Returns the body of REST's answer to a call of a product. Raises Retry, Refused.
        clock: Epoch seconds.
    """

    def __init__(self, ask: Ask, clock: Callable[[], float] = time.time) -> None:
        self._ask, self._clock = ask, clock
        self._measured: dict[Product, deque[Measurement]] = {}

    @property
    def offsets_ms(self) -> Mapping[Product, int]:
        """Offsets of the products that were measured: positive where the exchange is ahead."""
        return {product: self.offset_ms(product) for product in self._measured}

    def offset_ms(self, product: Product) -> int:
        """Return how far the exchange's clock is ahead of this machine's; 0 if not measured."""
        known = self._measured.get(product)
        return round(min(known, key=_error).offset_ms) if known else 0

    def now_ms(self, product: Product) -> float:
        """Return the exchange's time in epoch milliseconds."""
        return self._clock() * 1000 + self.offset_ms(product)

    async def measure(self, products: Collection[Product]) -> bool:
        """Ask for the time of each product; return whether every one told it.

        Where that fails it is logged, and what was known before counts on.
        """
        measured = await asyncio.gather(*(self._measure(product) for product in products))
        return all(measured)

    async def _measure(self, product: Product) -> bool:
        sent_s = self._clock()
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                raw = await self._ask(product, SERVER_TIME[product])
            server_ms = server_time(raw)
        except TimeoutError:
            events.clock_not_measured(product, f"no answer within {ANSWER_WITHIN_S:.0f} s")
        except (Retry, Refused) as error:
            events.clock_not_measured(product, str(error))
        else:
            self.note(product, measurement(server_ms, sent_s, self._clock()))
            return True
        return False

    def note(self, product: Product, new: Measurement) -> None:
        """Keep a measurement; if it contradicts the ones before, a clock was set: forget those.

        The first one, and one of a clock that was set, is logged if the clocks differ much.
        """
        known = self._measured.setdefault(product, deque(maxlen=KEPT_MEASUREMENTS))
        if known:
            best = min(known, key=_error)
            apart_ms = abs(new.offset_ms - best.offset_ms)
            if apart_ms > new.error_ms + best.error_ms + MAX_DRIFT_MS:
                known.clear()
        if not known and abs(new.offset_ms) > LARGE_OFFSET_MS:
            events.clock_differs(product, new.offset_ms / 1000)
        known.append(new)


def server_time(raw: bytes) -> int:
    """Return the time in an answer, epoch milliseconds; raises Refused: it is no such answer."""
    try:
        answer = msgspec.json.decode(raw, type=_ServerTime)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"it does not tell the time: {error}") from error
    if EARLIEST_MS < answer.server_time < LATEST_MS:
        return answer.server_time
    raise Refused(f"serverTime {answer.server_time} is no time")


def measurement(server_ms: int, sent_s: float, answered_s: float) -> Measurement:
    """Return what an answer shows.

    Args:
        server_ms: The exchange's time in it, epoch milliseconds.
        sent_s, answered_s: When the call was made and answered, epoch seconds of this machine.
    """
    middle_ms = (sent_s + answered_s) * 500
    return Measurement(server_ms - middle_ms, abs(answered_s - sent_s) * 500)


def _error(each: Measurement) -> float:
    return each.error_ms
