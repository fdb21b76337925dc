"""The weight the lab's REST side allows, counted by pool and minute as the exchange does. Pure.

Texts, statuses and headers: LIMITS in rest-api.md of binance-spot-api-docs (2026-07-21); the shared
pool of USD-M and COIN-M: CM-UM integration notice (2026-06-10).
"""

from dataclasses import dataclass, field
from typing import Any

from connector.binance.products import Product

POOLS: dict[Product, str] = {
    "spot": "spot",
    "usdm": "futures",
    "coinm": "futures",
    "options": "options",
}
MINUTE_S, RAW_WINDOW_S = 60, 300
PATIENCE = 5  # calls answered with 429 in one minute; those after it are answered with 418
SHORTEST_BAN_S = 120
TOO_MUCH = -1003
SAPI_LIMIT, PAPI_LIMIT = 12_000, 6_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """The meter's decision on one call: 200 or an error status, and the headers of the answer."""

    status: int
    headers: dict[str, str]
    text: str = ""


@dataclass(slots=True)
class Meter:
    """One pool's weight.

    Attributes:
        limit: Weight allowed in a minute.
        ban_s: How long a client that continues after `PATIENCE` refusals is banned, in seconds.
        used: Weight of the running minute.
        refusals: Calls refused in the running minute.
        banned_until: End of a ban, in seconds since 1970.
    """

    limit: int
    raw_limit: int | None = None
    ban_s: float = SHORTEST_BAN_S
    used: int = 0
    refusals: int = 0
    banned_until: float = 0.0
    _minute: int = field(default=0, repr=False)

    def count(self, weight: int, now: float) -> Verdict:
        """Count a call at `now`, seconds since 1970; refused ones count as well."""
        minute = int(now // MINUTE_S)
        if minute != self._minute:
            self._minute, self.used, self.refusals = minute, 0, 0
        if now < self.banned_until:
            return self._banned(now)
        self.used += weight
        if self.used <= self.limit:
            return Verdict(200, self.headers())
        self.refusals += 1
        if self.refusals > PATIENCE:
            self.banned_until = now + self.ban_s
            return self._banned(now)
        wait = max(1, round((minute + 1) * MINUTE_S - now))
        text = f"Too much request weight used; current limit is {self.limit} request weight per 1 "
        text += "MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."
        return Verdict(429, self.headers() | {"Retry-After": str(wait)}, text)

    def _banned(self, now: float) -> Verdict:
        wait = max(1, round(self.banned_until - now))
        until = int(self.banned_until * 1000)
        text = f"Way too much request weight used; IP banned until {until}. "
        text += "Please use WebSocket Streams for live updates to avoid bans."
        return Verdict(418, self.headers() | {"Retry-After": str(wait)}, text)

    def headers(self) -> dict[str, str]:
        """Return the headers with the weight that the client has used."""
        used = str(self.used)
        names = ("X-MBX-USED-WEIGHT-1M",)
        return dict.fromkeys((*names, "X-MBX-USED-WEIGHT") if self.raw_limit else names, used)

    def rate_limits(self) -> list[dict[str, Any]]:
        """Return `rateLimits` as exchangeInfo gives them."""
        limits = [_limit("REQUEST_WEIGHT", 1, self.limit), _limit("ORDERS", 1, 1200)]
        return limits + ([_limit("RAW_REQUESTS", 5, self.raw_limit)] if self.raw_limit else [])


def _limit(kind: str, minutes: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": "MINUTE", "intervalNum": minutes, "limit": limit}


def meters() -> dict[str, Meter]:
    """Return the pools of one IP address with production's limits."""
    return {"spot": Meter(6000, 300_000), "futures": Meter(2400), "options": Meter(400)}
