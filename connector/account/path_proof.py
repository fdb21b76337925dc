"""Whether a silent path delivers: what the exchange says has changed, and what was seen. Pure.

Silence of an account proves nothing, nor does an open socket: a dead listenKey, or a URL form that
does not deliver, opens, answers pings and stays silent. REST says when the balances changed last;
every such change makes an event. Frames come in order, so an event that is not older than the
change proves that the path delivered until then. A change without any event after it, though there
was time for it, means that the path is mute.

What it cannot prove: that a path on which nothing happened delivers. That the exchange's
`updateTime` moves only with an event is documented nowhere: so verdicts that lead nowhere become
rare (`rest_s`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from connector.binance.account_events.layout import AccountProduct

TOLERANCE_MS = 2_000  # an event's time and `updateTime` of its change are stamped in two places
MAX_DOUBLINGS = 6


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """A signed REST call whose answer says when an account changed last."""

    path: str
    weight: int
    params: Mapping[str, str] = field(default_factory=dict)


# Products that are not here have no such answer: of them the path is proved by its subscription or
# listenKey alone.
CHANGE_QUERIES: Mapping[AccountProduct, ChangeQuery] = {
    "spot": ChangeQuery("/api/v3/account", 20, {"omitZeroBalances": "true"}),
    "usdm": ChangeQuery("/fapi/v3/balance", 5),
    "coinm": ChangeQuery("/dapi/v1/balance", 1),
    "portfolio_margin": ChangeQuery("/papi/v1/balance", 20),
}


class _Change(msgspec.Struct):
    updateTime: int = 0  # noqa: N815 - the wire's name


class _EventHead(msgspec.Struct):
    e: str = ""
    E: int = 0


_decode_changes = msgspec.json.Decoder(list[_Change] | _Change).decode
_decode_event = msgspec.json.Decoder(_EventHead).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def newest_change_ms(body: bytes) -> int | None:
    """Return the newest `updateTime` of an answer, epoch ms; None: it is no such answer."""
    try:
        found = _decode_changes(body)
    except _UNREADABLE:
        return None
    rows = found if isinstance(found, list) else [found]
    return max((row.updateTime for row in rows), default=0)


def type_and_time(payload: bytes) -> tuple[str, int]:
    """Return type and time (epoch ms) of an event; "" and 0 where it has none."""
    try:
        event = _decode_event(payload)
    except _UNREADABLE:
        return "", 0
    return event.e, event.E


class PathProof:
    """What has been seen of one account and product, whichever connection it came by.

    Attributes:
        seen_ms: Exchange's time until which nothing is missing, as far as is known; None: not
            compared yet.
    """

    def __init__(self) -> None:
        self.seen_ms: int | None = None
        self._newest_event_ms = 0
        self._fruitless = 0  # verdicts since the last event

    def on_event(self, event_ms: int) -> None:
        """Note an event that came."""
        if event_ms > self._newest_event_ms:
            self._newest_event_ms, self._fruitless = event_ms, 0

    def rebase(self, change_ms: int) -> None:
        """Begin with the account as it is: what changed before is not this path's matter."""
        self.seen_ms = change_ms

    def lacks(self, change_ms: int) -> bool:
        """Return whether an event of this change should have come, and has not come yet."""
        if self.seen_ms is None:
            return False
        return change_ms > max(self.seen_ms, self._newest_event_ms) + TOLERANCE_MS

    def judge_mute(self) -> None:
        """Note the verdict that the path is mute; the next comparison begins anew."""
        self._fruitless += 1
        self.seen_ms = None

    def rest_s(self, interval_s: float) -> float:
        """Return the seconds to the next comparison: doubled by each verdict that led nowhere."""
        return interval_s * float(2 ** min(self._fruitless, MAX_DOUBLINGS))
