"""Events of accounts on their way to Kafka: held while it is away, judged, published in order.

Nothing waits here. An event is judged only when the producer has room for its record, so that what
is remembered of it is stored in the same transaction.
"""

import re
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connector.account.feed_items import (
    AccountEvent,
    AccountFeedItem,
    AccountRefused,
    Covered,
    Interrupted,
    UnreadableEvent,
)
from connector.account.records import AccountRecord
from connector.account.registry import AccountRegistry
from connector.account.stored_progress import AccountKey
from connector.account.tracker import EVENT_OVERHEAD, AccountTracker
from connector.errors import BadMessage
from connector.kafka.producer import Producer
from connector.telemetry import events
from connector.telemetry.ledger import Ledger

# What may be a secret in bytes that cannot be decoded: listenKeys have 64 such characters.
_LONG_WORD = re.compile(rb"[A-Za-z0-9+/=_-]{24,}")
_INBOX = ("inbox",)  # who holds what waits here, as `AccountOutbox.hold` has it
MAX_LOGGED_TYPES = 100  # of events without a layout


@dataclass(frozen=True, slots=True)
class _Overloaded:
    """Events of an account were dropped since then; those that follow are held again."""

    account: str
    since_us: int


class AccountPipeline:
    """Takes what the feed reports, and publishes the records.

    Args:
        producer: Where they go.
        registry: Judges them.
        ledger: Counts them.

    Attributes:
        refused: Why the exchange refuses an account and place, until it is covered again.
        unknown: Events of a type without a layout, by product.
    """

    def __init__(
        self,
        producer: Producer,
        registry: AccountRegistry,
        ledger: Ledger,
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._producer, self._registry, self._ledger = producer, registry, ledger
        self._clock_us = clock_us
        self._inbox: deque[AccountFeedItem | _Overloaded] = deque()
        self._held: Counter[str] = Counter()  # bytes in the inbox, by alias
        self._dropping: dict[str, int] = {}  # alias -> since when, epoch microseconds
        self.schema_ids: Mapping[str, int] = {}  # by topic
        self.refused: dict[AccountKey, str] = {}
        self.unknown: Counter[str] = Counter()
        self._logged: set[tuple[str, str]] = set()  # product and unknown type

    @property
    def waiting(self) -> int:
        """Items that wait for room in the producer."""
        return len(self._inbox)

    def held_bytes(self, account: str) -> int:
        """Return the bytes of an account's events that wait, for Kafka or for answers."""
        options = self._registry.accounts[account]
        trackers = (self._registry.trackers.get((account, each.name)) for each in options.places)
        return self._held[account] + sum(each.buffered_bytes for each in trackers if each)

    def is_overloaded(self, account: str) -> bool:
        """Say whether events of an account are dropped now, or were and it is not marked yet."""
        return account in self._dropping

    def receive(self, item: AccountFeedItem) -> None:
        """Take what the feed reports; never waits."""
        if isinstance(item, AccountEvent):
            frames = self._ledger.frames
            frames.received += 1
            frames.bytes += len(item.payload)
            if self._must_drop(item):
                frames.dropped += 1
                return
            self._held[item.account] += len(item.payload) + EVENT_OVERHEAD
            self._registry.outbox.hold(_INBOX, item.received_us)
        self._inbox.append(item)

    def _must_drop(self, event: AccountEvent) -> bool:
        account, limit = event.account, self._registry.accounts[event.account].hold_bytes
        held = self.held_bytes(account)
        if account not in self._dropping and held + len(event.payload) > limit:
            self._dropping[account] = event.received_us
            self._registry.outbox.hold(account, event.received_us)
            self._ledger.overloads += 1
            events.account_overload(account=account, held_bytes=held)
        return account in self._dropping

    def _end_overloads(self) -> None:
        """Hold events again of accounts whose buffer is half empty; the break is marked."""
        for account, since_us in list(self._dropping.items()):
            if 2 * self.held_bytes(account) <= self._registry.accounts[account].hold_bytes:
                del self._dropping[account]
                self._inbox.append(_Overloaded(account, since_us))

    def tick(self) -> None:
        """Judge and publish what waits, as far as the producer has room; call it often."""
        if self._dropping:
            self._end_overloads()
        room = self._producer.room()
        if room > 0:
            self._publish_completed()
        while self._inbox and room > 0:
            room -= self._handle(self._inbox.popleft())
        self._hold_watched_time()

    def _hold_watched_time(self) -> None:
        """Say since when the oldest event waits that has not been judged."""
        outbox = self._registry.outbox
        outbox.release(_INBOX)
        waiting = (item for item in self._inbox if isinstance(item, AccountEvent))
        oldest = next(waiting, None)
        if oldest is not None:
            outbox.hold(_INBOX, oldest.received_us)

    def _publish_completed(self) -> None:
        for tracker in self._registry.trackers.values():
            if tracker.has_completed:
                self._publish(tracker, tracker.take_completed(), self._clock_us())

    def _handle(self, item: AccountFeedItem | _Overloaded) -> int:
        """Deal with an item; return how many records were published."""
        if isinstance(item, AccountEvent):
            self._held[item.account] -= len(item.payload) + EVENT_OVERHEAD
            return self._handle_event(item)
        if isinstance(item, _Overloaded):
            self._registry.outbox.release(item.account)
            for place in self._registry.accounts[item.account].places:
                self._registry.trackers[item.account, place.name].on_overload(item.since_us)
            return 0
        key, tracker = _key_of(item), self._registry.trackers[_key_of(item)]
        if isinstance(item, Covered):
            self.refused.pop(key, None)
            tracker.on_covered(self._clock_us())
        elif isinstance(item, Interrupted):
            events.account_interrupted(item.account, item.place, item.reason, item.detail)
            tracker.on_interrupted(item)
        elif isinstance(item, AccountRefused):
            self.refused[key] = str(item.cause)
            events.account_refused(item.account, item.place, str(item.cause))
        return 0

    def _handle_event(self, event: AccountEvent) -> int:
        tracker = self._registry.trackers[event.account, event.place]
        try:
            records = _records_of(tracker, event)
        except BadMessage as error:
            self._dead_letter(event, error)
            tracker.on_unreadable(event.received_us)
            return 1
        self._ledger.frames.decoded += 1
        self._publish(tracker, records, event.received_us)
        return len(records)

    def _dead_letter(self, event: AccountEvent, error: BadMessage) -> None:
        self._ledger.frames.undecodable += 1
        self._ledger.records.produced += 1
        self._ledger.dead_letters[error.reason] += 1
        source = f"{event.account}/{event.place}"
        raw = _LONG_WORD.sub(b"***", event.payload)
        bad = BadMessage(error.reason, "not shown: it may hold a secret")
        if not self._producer.dead_letter(source, raw, bad, event.received_us):
            self._ledger.records.dead_lettered += 1

    def _publish(
        self, tracker: AccountTracker, records: list[AccountRecord], received_us: int
    ) -> None:
        topic = self._registry.accounts[tracker.account].topic
        schema_id, key = self.schema_ids[topic], tracker.account.encode()
        self._ledger.records.produced += len(records)
        for record in records:
            if not record.is_known:
                self._note_unknown(tracker.product, record.fields["event_type"])
            value = record.encode(schema_id)
            self._producer.publish(topic, value, key, record.timestamp, received_us)

    def _note_unknown(self, product: str, event_type: str) -> None:
        self.unknown[product] += 1
        kind = product, event_type
        if kind not in self._logged and len(self._logged) < MAX_LOGGED_TYPES:
            self._logged.add(kind)
            events.account_event_unknown(product, event_type)


def _records_of(tracker: AccountTracker, event: AccountEvent) -> list[AccountRecord]:
    """Return what to publish of an event. Raises BadMessage: it cannot be read."""
    if isinstance(event, UnreadableEvent):
        raise BadMessage("json", "the frame is no answer and no event")
    return tracker.on_event(event)


def _key_of(item: Covered | Interrupted | AccountRefused) -> AccountKey:
    return item.account, item.place
