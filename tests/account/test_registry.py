"""The accounts of a worker, and what Kafka refused of them."""

from connector.account.outbox import AccountOutbox
from connector.account.records import AccountRecorder
from connector.account.registry import AccountOptions, AccountRegistry
from connector.account.stored_progress import StoredAccounts
from tests.support.account import ACCOUNT, RECEIVED_US
from tests.support.account_tracking import live_account

PAYLOAD = b'{"e":"executionReport","E":1794000000000,"T":1794000000000,"s":"BTCUSDT","I":7}'


def test_each_account_and_product_has_a_tracker() -> None:
    outbox = AccountOutbox("t", "account", "r")
    accounts = {
        "a": AccountOptions(("spot", "usdm"), "t.account-events", 1),
        "b": AccountOptions(("spot",), "b.events", 1),
    }
    registry = AccountRegistry("t", accounts, outbox, {})

    registry.begin({"account-marker": 1, "account-progress": 2}, StoredAccounts(), 1)

    assert list(registry.trackers) == [("a", "spot"), ("a", "usdm"), ("b", "spot")]


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
