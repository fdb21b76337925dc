"""What one source has come to: its coverage, its proofs; the one place that reports to the worker.

Both ways of subscribing (`listen_key_feed.py`, `api_feed.py`) note here what happens to a path.
"""

import asyncio
import time
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from connector.account.coverage import SourceCoverage
from connector.account.feed_items import (
    AccountEvent,
    AccountFeedItem,
    Covered,
    InterruptionReason,
    ReceiveAccountItem,
    UnreadableEvent,
)
from connector.account.path_proof import (
    CHANGE_QUERIES,
    PathProof,
    newest_change_ms,
    type_and_time,
)
from connector.account.source import AccountSource, FeedTimings
from connector.errors import Fatal, Refused, Retry
from connector.telemetry import events
from connector.transport.frame_reader import LONGEST_WAY_US
from connector.transport.signed_rest import SignedRest

COMPARE_SHARE = 0.2  # of the request weight: the rest is the reconciliation's


@dataclass(frozen=True, slots=True)
class PathStatus:
    """What the pages of the worker show of a source. Times are epoch microseconds; 0: never.

    Attributes:
        covered_us: Since when it is covered; 0: it is not.
        event_us: When its last event came.
        proved_us: Until when its path is known to have delivered.
        key_expires_us: When its listenKey or listenToken ends unless it is renewed; 0: it has none.
    """

    account: str
    place: str
    covered_us: int
    event_us: int
    proved_us: int
    key_expires_us: int


class SourceState:
    """The state of one source.

    Attributes:
        source: Whose it is.
        key_expires_us: See `PathStatus`.
        proof: What has been seen of its events.
    """

    def __init__(
        self, source: AccountSource, timings: FeedTimings, receive: ReceiveAccountItem
    ) -> None:
        self.source = source
        self.proof = PathProof()
        self.key_expires_us = 0
        self._timings = timings
        self._receive = receive
        self._coverage = SourceCoverage(source.alias, source.place)
        self._covered_us = self._event_us = self._proved_us = 0

    @property
    def status(self) -> PathStatus:
        """See `PathStatus`."""
        return PathStatus(
            self.source.alias,
            self.source.place,
            self._covered_us if self._coverage.is_covered else 0,
            self._event_us,
            self.proved_us,
            self.key_expires_us,
        )

    @property
    def proved_us(self) -> int:
        """Until when its path is known to have delivered: its last event, or comparison."""
        return max(self._proved_us, self._event_us - LONGEST_WAY_US)

    def is_up(self, path: Hashable) -> bool:
        """Return whether this path delivers."""
        return self._coverage.is_up(path)

    def up(self, path: Hashable) -> None:
        """Note that a path delivers from here on."""
        self._report(self._coverage.up(path))

    def down(self, path: Hashable, since_us: int, reason: InterruptionReason, detail: str) -> None:
        """Note that a path delivers no more; `since_us`: until when it was whole."""
        self._report(self._coverage.down(path, since_us, reason, detail))

    def lose_all(self, reason: InterruptionReason, detail: str) -> None:
        """Note that no path delivers any more, since it was known to last."""
        self._report(self._coverage.lose_all(self.proved_us, reason, detail))

    def refuse(self, cause: Refused | Fatal) -> None:
        """Note that the exchange refuses the account."""
        self._report(self._coverage.refuse(cause))

    def event(self, payload: bytes, received_us: int) -> str:
        """Pass an event on; return its type."""
        kind, event_ms = type_and_time(payload)
        self.proof.on_event(event_ms)
        self._event_us = received_us
        self._receive(AccountEvent(self.source.alias, self.source.place, payload, received_us))
        return kind

    def unreadable(self, frame: bytes, received_us: int) -> None:
        """Report a frame that cannot be read, and that may hold an event."""
        self._receive(UnreadableEvent(self.source.alias, self.source.place, frame, received_us))

    async def compare(self, rest: SignedRest) -> bool:
        """Compare what the exchange says has changed with what was seen.

        Returns: False: the path is mute, for an event that must have come has not come in
            `grace_s`. True also where the product has no such answer, or none came.
        """
        query, asked_us = CHANGE_QUERIES.get(self.source.product), time.time_ns() // 1000
        if query is None or not self._coverage.is_covered:
            return True
        keys = self.source.keys
        try:
            body = await rest.call(
                query.path, query.params, query.weight, keys, share=COMPARE_SHARE
            )
        except (Retry, Refused) as error:
            events.account_not_compared(self.source.alias, self.source.place, str(error))
            return True
        change_ms = newest_change_ms(body)
        if change_ms is None:
            return True
        if self.proof.seen_ms is None:
            self.proof.rebase(change_ms)
            return True
        if self.proof.lacks(change_ms):
            await asyncio.sleep(self._timings.grace_s)
            if self.proof.lacks(change_ms):
                self.proof.judge_mute()
                return False
        self._proved_us = max(self._proved_us, asked_us)
        return True

    def _report(self, items: Iterable[AccountFeedItem]) -> None:
        for item in items:
            if isinstance(item, Covered):
                self._covered_us = self._proved_us = time.time_ns() // 1000
                self.proof.seen_ms = None
            self._receive(item)
