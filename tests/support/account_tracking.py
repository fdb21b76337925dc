"""A tracker of a spot account between a known truth and a topic, with commits and crashes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connector.account.feed_items import AccountEvent, Interrupted
from connector.account.outbox import AccountOutbox
from connector.account.reconcile_queries import Query
from connector.account.reconcile_rows import QueryAnswer
from connector.account.records import AccountRecord
from connector.account.registry import AccountOptions, AccountRegistry
from connector.account.stored_progress import AccountKey, StoredAccounts, restore
from connector.account.tracker import AccountTracker, Reconciling
from connector.binance.private_streams import AccountPlace
from connector.codec.avro import decode_record
from connector.codec.schema import load
from tests.support.account import ACCOUNT, RECEIVED_US
from tests.support.account_truth import PAIRS, Reader, SpotTruth

SCHEMA_IDS = {"account-marker": 2, "account-progress": 3}
PREFIX, TOPIC = "t", "t.account-events"
KEY: AccountKey = (ACCOUNT, "spot")
Answer = Callable[[Query], QueryAnswer]


@dataclass
class TrackedAccount:
    """A worker's account: what it published, and what of it is stored.

    Attributes:
        now_us: By the worker's clock.
        compacted: The progress topic, the last record of each key.
    """

    truth: SpotTruth = field(default_factory=SpotTruth)
    now_us: int = RECEIVED_US
    reader: Reader = field(default_factory=Reader)
    markers: list[dict[str, Any]] = field(default_factory=list)
    compacted: dict[bytes, dict[str, Any]] = field(default_factory=dict)
    writes_snapshot: bool = True
    runs: int = 0

    def __post_init__(self) -> None:
        self.start_worker()

    def start_worker(self) -> None:
        """Begin as a process does: from what is stored."""
        self.runs += 1
        self.open: list[AccountRecord] = []
        self.commits = 0
        self.outbox = AccountOutbox(PREFIX, "account", f"run-{self.runs}")
        options = AccountOptions((AccountPlace("spot"),), TOPIC, 10**6, self.writes_snapshot)
        self.registry = AccountRegistry(PREFIX, {ACCOUNT: options}, self.outbox, {"spot": PAIRS})
        found = self.stored()
        self.registry.begin(SCHEMA_IDS, found, found.generation + 1)
        self.tracker: AccountTracker = self.registry.trackers[ACCOUNT, "spot"]
        self.commit()

    def stored(self) -> StoredAccounts:
        return restore(self.compacted.values())

    def commit(self) -> None:
        """Store the open transaction."""
        self.commits += 1
        self.now_us += 1_000
        for topic, value, key, _time, _headers in self.outbox.drain(self.commits, self.now_us, 0):
            kind = "account-marker" if topic.endswith("markers") else "account-progress"
            record = decode_record(load(kind), value or b"")
            if kind == "account-marker":
                self.markers.append(record)
            else:
                self.compacted[key or b""] = record
        self.reader.take(self.open)
        self.open = []

    def deliver(self, events: list[bytes]) -> None:
        """Have the feed deliver events."""
        for payload in events:
            event = AccountEvent(ACCOUNT, "spot", payload, self.now_us)
            self.open += self.tracker.on_event(event)

    def act(self, events: list[bytes]) -> None:
        """Let something happen at the exchange; it is delivered where the account is covered."""
        if self.tracker.is_covered:
            self.deliver(events)
        self.truth.now_ms += 1

    def interrupt(self, reason: str = "connection_lost") -> None:
        item = Interrupted(ACCOUNT, "spot", self.now_us, reason, "the words")  # type: ignore[arg-type]
        self.tracker.on_interrupted(item)

    def cover(self) -> None:
        self.tracker.on_covered(self.now_us)

    def begin_reconciliation(self, budget: int | None = None) -> Reconciling:
        self.now_us += 10_000_000
        self.truth.now_ms += 1
        assert self.tracker.wants_reconciliation(self.now_us)
        return self.tracker.start(self.now_us, budget)

    def finish(self, running: Reconciling, answer: Answer | None = None) -> None:
        """Answer what is asked, and publish the result unless a break has made it void."""
        answer = answer or self.truth.answer
        steps = running.steps.steps()
        try:
            query = next(steps)
            while True:
                query = steps.send(answer(query))
        except StopIteration as end:
            if not self.tracker.is_void(running):
                self.tracker.complete(end.value, self.now_us, 2.0)
        self.open += self.tracker.take_completed()

    def reconcile(self, answer: Answer | None = None) -> None:
        self.finish(self.begin_reconciliation(), answer)

    def last_marker(self) -> tuple[str, str, str | None]:
        """Return state, reason and gap of the newest marker."""
        marker = self.markers[-1]
        return marker["state"], marker["reason"], marker["gap_id"]


def live_account(**options: Any) -> TrackedAccount:
    """Return an account with one open order, after its first picture, all stored."""
    account = TrackedAccount(**options)
    account.cover()
    account.reconcile()
    account.act(account.truth.place("BTCUSDT"))
    account.commit()
    return account


def no_answer(query: Query) -> QueryAnswer:
    return QueryAnswer(0, RECEIVED_US, failure=f"{query.name}: no answer")
