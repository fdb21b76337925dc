"""Events of accounts on their way to Kafka: held, dropped beyond the bound, judged, published."""

import json
from typing import Any

import pytest

from connector.account.feed_items import (
    AccountEvent,
    AccountRefused,
    Covered,
    Interrupted,
    UnreadableEvent,
)
from connector.account.outbox import AccountOutbox
from connector.account.registry import AccountOptions, AccountRegistry
from connector.account.stored_progress import StoredAccounts
from connector.account.tracker import EVENT_OVERHEAD
from connector.binance.private_streams import AccountPlace
from connector.codec.avro import decode_record
from connector.codec.schema import load
from connector.errors import Refused
from connector.telemetry.ledger import Ledger
from connector.worker.account_pipeline import AccountPipeline
from tests.support.account import RECEIVED_US
from tests.support.account_truth import SpotTruth, reconcile
from tests.support.pipeline import Recorder

TOPIC = "t.account-events"
HOLD = 10 * (EVENT_OVERHEAD + 400)


class Stage:
    """A pipeline of two accounts, and what it gave to the producer."""

    def __init__(self) -> None:
        options = {
            name: AccountOptions((AccountPlace("spot"),), TOPIC, HOLD) for name in ("a", "b")
        }
        self.outbox = AccountOutbox("t", "account", "r")
        self.registry = AccountRegistry("t", options, self.outbox, {})
        ids = {"account-marker": 1, "account-progress": 2}
        self.registry.begin(ids, StoredAccounts(), 1)
        self.recorder, self.ledger = Recorder(), Ledger()
        self.pipeline = AccountPipeline(
            self.recorder,  # type: ignore[arg-type]
            self.registry,
            self.ledger,
            lambda: RECEIVED_US,
        )
        self.pipeline.schema_ids = {TOPIC: 7}
        self.truth = SpotTruth()

    def event(self, account: str = "a", payload: bytes | None = None) -> AccountEvent:
        payload = payload or self.truth.place("BTCUSDT")[0]
        return AccountEvent(account, "spot", payload, RECEIVED_US)

    def begin(self, account: str = "a") -> None:
        """Cover an account and take its first picture."""
        self.pipeline.receive(Covered(account, "spot"))
        self.pipeline.tick()
        self.ask(account)

    def ask(self, account: str = "a") -> None:
        tracker = self.registry.trackers[account, "spot"]
        self.truth.now_ms += 1
        running = tracker.start(RECEIVED_US, None)
        result, _made = reconcile(running.steps, self.truth.answer)
        tracker.complete(result, RECEIVED_US, 1.0)
        self.pipeline.tick()

    def published(self) -> list[dict[str, Any]]:
        return [
            decode_record(load("account-event"), value) for _, value, *_ in self.recorder.records
        ]


@pytest.fixture
def stage() -> Stage:
    found = Stage()
    found.begin("a")
    found.begin("b")
    found.recorder.records.clear()
    return found


def test_events_of_all_accounts_are_published_in_the_order_they_came(stage: Stage) -> None:
    for account in ("a", "b", "b", "a"):
        stage.pipeline.receive(stage.event(account))
    stage.pipeline.tick()

    assert [record["account"] for record in stage.published()] == ["a", "b", "b", "a"]
    assert {(topic, key) for topic, _, key, _ in stage.recorder.records} == {
        (TOPIC, b"a"),
        (TOPIC, b"b"),
    }
    assert (stage.ledger.frames.received, stage.ledger.frames.decoded) == (4, 4)
    assert stage.pipeline.held_bytes("a") == 0


def test_what_has_no_room_waits_and_nothing_of_it_is_remembered(stage: Stage) -> None:
    stage.recorder.most = 1
    for _number in range(3):
        stage.pipeline.receive(stage.event())

    stage.pipeline.tick()

    assert (len(stage.recorder.records), stage.pipeline.waiting) == (1, 2)
    assert len(stage.registry.trackers["a", "spot"].stored.progress.keys) == 1
    assert stage.pipeline.held_bytes("a") > 0


def watched_ms(stage: Stage, number: int) -> int:
    """Return until when the next transaction says that all accounts were watched."""
    records = stage.outbox.drain(number, RECEIVED_US + 9_000_000, 0)
    stored = decode_record(load("account-progress"), records[-1][1] or b"")
    return int(stored["written_time"])


def test_nothing_is_stored_as_watched_beyond_the_oldest_event_that_waits(
    stage: Stage,
) -> None:
    now_ms = RECEIVED_US // 1000 + 9_000
    assert watched_ms(stage, 1) == now_ms
    stage.recorder.most = 0
    stage.pipeline.receive(stage.event())

    assert watched_ms(stage, 2) == RECEIVED_US // 1000
    stage.pipeline.tick()
    assert watched_ms(stage, 3) == RECEIVED_US // 1000

    stage.recorder.most = 10
    stage.pipeline.tick()
    assert watched_ms(stage, 4) == now_ms


def test_nothing_is_stored_as_watched_beyond_events_that_were_dropped(stage: Stage) -> None:
    stage.recorder.most = 0
    for _number in range(20):
        stage.pipeline.receive(stage.event("a"))
    stage.recorder.most = 5
    stage.pipeline.tick()

    assert stage.pipeline.is_overloaded("a")
    assert watched_ms(stage, 1) == RECEIVED_US // 1000


def test_beyond_the_bound_one_accounts_events_are_dropped_and_it_is_asked(
    stage: Stage,
) -> None:
    stage.recorder.most = 0
    for _number in range(20):
        stage.pipeline.receive(stage.event("a"))
    stage.pipeline.receive(stage.event("b"))
    dropped = stage.ledger.frames.dropped
    assert dropped > 0
    assert stage.pipeline.is_overloaded("a")
    assert not stage.pipeline.is_overloaded("b")

    stage.recorder.most = 1000
    stage.pipeline.tick()
    stage.pipeline.tick()  # the end of the overload waits behind what was held
    tracker = stage.registry.trackers["a", "spot"]
    assert tracker.stored.gap is not None
    assert tracker.stored.gap.reason == "overload"
    stage.ask("a")

    orders = {record["order_id"] for record in stage.published() if record["account"] == "a"}
    assert {*map(str, stage.truth.orders)} - {"21"} <= orders
    assert tracker.is_right
    assert not stage.pipeline.is_overloaded("a")
    assert stage.ledger.frames.missing(stage.pipeline.waiting) == 0


def test_what_is_no_event_goes_to_the_dead_letter_without_long_words(stage: Stage) -> None:
    stage.pipeline.receive(stage.event(payload=b'{"listenKey":"' + b"s" * 64 + b'"'))
    stage.pipeline.tick()

    assert stage.recorder.dead == [("a/spot", b'{"listenKey":"***"', "json")]
    assert (stage.ledger.frames.undecodable, stage.ledger.records.dead_lettered) == (1, 1)


def test_what_may_be_an_event_of_another_account_makes_no_record(stage: Stage) -> None:
    event = stage.event()
    frame = UnreadableEvent(event.account, event.place, event.payload, event.received_us)
    stage.pipeline.receive(frame)
    stage.pipeline.tick()

    assert [source for source, _bytes, _reason in stage.recorder.dead] == ["a/spot"]
    assert stage.published() == []
    assert not stage.registry.trackers["a", "spot"].is_right


def test_an_unknown_type_is_kept_and_counted(stage: Stage) -> None:
    payload = json.dumps({"e": "someday", "E": 1_794_000_000_000}).encode()
    stage.pipeline.receive(stage.event(payload=payload))
    stage.pipeline.tick()

    assert stage.pipeline.unknown == {"spot": 1}
    assert [record["event_type"] for record in stage.published()] == ["someday"]


def test_a_refusal_is_shown_until_the_account_is_covered_again(stage: Stage) -> None:
    stage.pipeline.receive(Interrupted("a", "spot", RECEIVED_US, "revoked", "401"))
    stage.pipeline.receive(AccountRefused("a", "spot", Refused("the key is rejected")))
    stage.pipeline.tick()
    assert stage.pipeline.refused == {("a", "spot"): "the key is rejected"}

    stage.pipeline.receive(Covered("a", "spot"))
    stage.pipeline.tick()

    assert stage.pipeline.refused == {}
