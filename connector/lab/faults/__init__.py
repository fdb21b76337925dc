"""What goes wrong, by name. Each fault is its parameters; `strike` lets it happen until it is over.

From a test: `await exchange.inflict(Skip("btcusdt@trade", 3))`, or `exchange.begin(...)` to go on
meanwhile. From the command line: `skip:btcusdt@trade,3@10s` (schedule.py). Times are seconds.
Where a fault has a `product`, None means all of them; USD-M and options share one host, so that
what breaks connections breaks both.
"""

import asyncio
import dataclasses
import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

from connector.lab.faults.connections import (
    AcceptThenClose,
    BlackHole,
    Drop,
    Lifetime,
    RefuseStream,
    ServerShutdown,
    Stall,
)
from connector.lab.faults.messages import (
    Duplicate,
    Malformed,
    Mute,
    MuteStream,
    Reorder,
    Skip,
    Slow,
)
from connector.lab.faults.target import Target

__all__ = [
    "FAULTS",
    "AcceptThenClose",
    "BlackHole",
    "ClockSkew",
    "Drop",
    "Duplicate",
    "Fault",
    "Lifetime",
    "Malformed",
    "Mute",
    "MuteStream",
    "Refuse",
    "RefuseStream",
    "Reorder",
    "ServerShutdown",
    "Skip",
    "Slow",
    "Stall",
]


class Fault(Protocol):
    """Something that goes wrong."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[object]]]

    async def strike(self, exchange: Target) -> None:
        """Let it happen; return when it is over. Cancelled, it is over at once."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The next calls to REST are refused with a status, all pools alike."""

    status: int = 429
    times: int = 1
    retry_after: float | None = None

    async def strike(self, exchange: Target) -> None:
        """Refuse; it is over when so many calls have come."""
        exchange.rest.refuse(self.status, self.retry_after, self.times)


@dataclass(frozen=True, slots=True)
class ClockSkew:
    """The exchange's clock is ahead of this machine's (behind it, when negative)."""

    ms: int = 1500
    seconds: float = math.inf

    async def strike(self, exchange: Target) -> None:
        """Stamp events, and REST's server time, with the other clock."""
        exchange.delivery.skew_ms += self.ms
        exchange.rest.skew_ms += self.ms
        try:
            await asyncio.sleep(self.seconds)
        finally:
            exchange.delivery.skew_ms -= self.ms
            exchange.rest.skew_ms -= self.ms


FAULTS: dict[str, type[Fault]] = {
    "drop": Drop,
    "reset": Drop,
    "stall": Stall,
    "black-hole": BlackHole,
    "mute": Mute,
    "mute-stream": MuteStream,
    "accept-then-close": AcceptThenClose,
    "server-shutdown": ServerShutdown,
    "lifetime": Lifetime,
    "skip": Skip,
    "duplicate": Duplicate,
    "reorder": Reorder,
    "slow": Slow,
    "malformed": Malformed,
    "refuse": Refuse,
    "refuse-stream": RefuseStream,
    "clock-skew": ClockSkew,
}
