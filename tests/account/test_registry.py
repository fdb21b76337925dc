"""The accounts of a worker, and what Kafka refused of them."""

from typing import Any

from connector.account.outbox import AccountOutbox
from connector.account.records import AccountRecorder
from connector.account.registry import AccountOptions, AccountRegistry
from connector.account.stored_progress import StoredAccounts, restore
from connector.binance.private_streams import AccountPlace
from connector.codec.avro import decode_record
from connector.codec.schema import load
from tests.support.account import ACCOUNT, RECEIVED_US
from tests.support.account_tracking import KEY, SCHEMA_IDS, live_account

SPOT = AccountPlace("spot")
PAYLOAD = b'{"e":"executionReport","E":1794000000000,"T":1794000000000,"s":"BTCUSDT","I":7}'


def test_each_account_and_product_has_a_tracker() -> None:
    outbox = AccountOutbox("t", "account", "r")
    accounts = {
        "a": AccountOptions((SPOT, AccountPlace("usdm")), "t.account-events", 1),
        "b": AccountOptions((SPOT,), "b.events", 1),
    }
    registry = AccountRegistry("t", accounts, outbox, {})

    registry.begin({"account-marker": 1, "account-progress": 2}, StoredAccounts(), 1)

    assert list(registry.trackers) == [("a", "spot"), ("a", "usdm"), ("b", "spot")]


def test_an_isolated_margin_account_has_its_own_tracker_progress_and_markers() -> None:
    places = (AccountPlace("margin"), AccountPlace("margin", "BTCUSDT"))
    outbox = AccountOutbox("t", "account", "r")
    registry = AccountRegistry("t", {"a": AccountOptions(places, "t.e", 10**6)}, outbox, {})
    registry.begin(SCHEMA_IDS, StoredAccounts(), 1)
    cross, isolated = ("a", "margin"), ("a", "margin.BTCUSDT")
    for key in (cross, isolated):
        stored = registry.trackers[key].stored
        stored.progress.as_of_ms = 1
        registry.trackers[key].on_overload(RECEIVED_US)
    record = AccountRecorder("a", "margin", "BTCUSDT").record(PAYLOAD, RECEIVED_US)
    registry.on_refused("t.e", record.encode(1), "delivery")

    written = outbox.drain(1, RECEIVED_US, 0)
    markers = [decode_record(load("account-marker"), value or b"") for _, value, *_ in written[:3]]
    progress = [
        decode_record(load("account-progress"), value or b"") for _, value, *_ in written[3:]
    ]
    assert [(each["state"], each["product"], each["market"]) for each in markers] == [
        ("opened", "margin", None),
        ("opened", "margin", "BTCUSDT"),
        ("partial", "margin", "BTCUSDT"),
    ]
    assert len({each["gap_id"] for each in markers}) == 3
    again = restore(progress).progress
    assert set(again) == {cross, isolated}
    assert again[isolated].progress.isolated_symbol == "BTCUSDT"


def drained(found: StoredAccounts, instance: str) -> tuple[list[dict[str, Any]], StoredAccounts]:
    """Return the markers of a start whose config names another account, and what is stored."""
    outbox = AccountOutbox("t", instance, "later")
    registry = AccountRegistry("t", {"b": AccountOptions((SPOT,), "t.events", 1)}, outbox, {})
    registry.begin(SCHEMA_IDS, found, found.generation + 1)
    records = outbox.drain(1, RECEIVED_US, 0)
    by_kind: dict[str, list[dict[str, Any]]] = {"account-marker": [], "account-progress": []}
    for topic, value, *_ in records:
        kind = "account-marker" if topic.endswith("markers") else "account-progress"
        by_kind[kind].append(decode_record(load(kind), value or b""))
    return by_kind["account-marker"], restore(by_kind["account-progress"])


def test_an_account_that_leaves_the_config_has_a_break_from_then_on() -> None:
    found = live_account().stored()

    (marker,), after = drained(found, "account")

    assert (marker["account"], marker["state"], marker["reason"]) == (ACCOUNT, "opened", "restart")
    assert marker["before_time"] == found.watched_ms[KEY]
    assert marker["detail"] == "the config does not name it any more"
    left = after.progress[KEY]
    assert left.progress == found.progress[KEY].progress  # with what transactions had added
    assert left.gap is not None
    assert left.gap.id == marker["gap_id"]

    markers, again = drained(after, "account")
    assert (markers, again.progress[KEY]) == ([], left)


def test_an_account_of_another_instance_is_left_alone() -> None:
    markers, after = drained(live_account().stored(), "other")

    assert (markers, list(after.progress)) == ([], [("b", "spot")])


def test_a_record_that_kafka_refuses_is_marked() -> None:
    account = live_account()
    record = AccountRecorder(ACCOUNT, "spot").record(PAYLOAD, RECEIVED_US)

    account.registry.on_refused("t.account-events", record.encode(7), "dead_letter")
    account.commit()

    marker = account.markers[-1]
    assert (marker["state"], marker["reason"]) == ("partial", "dead_letter")
    assert marker["detail"] == (
        f"Kafka did not take the record {record.fields['dedupe_key']}; its bytes are in the dead"
        " letter"
    )
    assert account.tracker.is_right  # nothing can be fetched for it


def test_a_refused_record_that_is_no_event_is_left_alone() -> None:
    account = live_account()
    marked = len(account.markers)

    account.registry.on_refused("t.account-markers", b"\x00\x00\x00\x00\x01x", "delivery")
    account.commit()

    assert len(account.markers) == marked
