"""What is written beside the events: the whole now and then, additions, markers, a heartbeat."""

from typing import Any

import pytest

from connector.account import outbox as module
from connector.account.outbox import HEARTBEAT_US, MAX_BEHIND, AccountOutbox
from connector.account.progress import AccountProgress, ProgressStep
from connector.account.stored_progress import SLOTS, OpenGap, StoredProgress, restore
from connector.codec.avro import decode_record
from connector.codec.schema import load
from tests.support.account import ACCOUNT

NOW_US = 1_794_000_000_000_000


class Written:
    """An outbox, and the topics that it fills."""

    def __init__(self) -> None:
        self.outbox = AccountOutbox("t", "account", "r")
        self.outbox.begin({"account-marker": 1, "account-progress": 2}, 3)
        self.stored = StoredProgress(AccountProgress(ACCOUNT, "spot"))
        self.outbox.add_account(self.stored)
        self.commits = 0
        self.topic: dict[str, dict[str, Any]] = {}
        self.commit()

    def add(self, key: str) -> None:
        step = ProgressStep(key, "digest")
        self.stored.progress.apply(step)
        self.outbox.add_step(self.stored, step)

    def commit(self) -> list[str]:
        """Return the keys of what the transaction wrote."""
        self.commits += 1
        keys = []
        for topic, value, key, _ms, _headers in self.outbox.drain(self.commits, NOW_US, 0):
            kind = "account-marker" if topic == "t.account-markers" else "account-progress"
            keys.append((key or b"").decode())
            self.topic[keys[-1]] = decode_record(load(kind), value or b"")
        return keys


WHOLE = f"progress/{ACCOUNT}/spot/0"


def test_the_first_transaction_has_the_whole_and_the_next_what_is_added() -> None:
    written = Written()
    assert WHOLE in written.topic

    written.add("a")
    assert not written.outbox.is_empty

    assert written.commit() == ["commit/account/2"]
    assert restore(written.topic.values()).progress[ACCOUNT, "spot"] == written.stored


def test_a_whole_comes_before_what_was_added_leaves_the_ring() -> None:
    written = Written()
    written.add("a")
    found = [written.commit() for _number in range(MAX_BEHIND + 1)]

    assert [len(keys) for keys in found] == [1] * MAX_BEHIND + [2]
    assert MAX_BEHIND < SLOTS


def test_a_quiet_account_is_not_written_again() -> None:
    written = Written()

    assert {len(written.commit()) for _number in range(2 * SLOTS)} == {1}


def test_much_that_is_added_becomes_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_ADDED_CHARACTERS", 100)
    written = Written()
    for number in range(12):
        written.add(str(number))

    assert written.commit() == [WHOLE, "commit/account/2"]


def test_what_is_too_large_for_one_record_becomes_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_CHARACTERS", 50)
    written = Written()
    written.add("a" * 50)

    assert WHOLE in written.commit()


def test_another_progress_is_written_whole() -> None:
    written = Written()
    written.add("dropped")
    written.outbox.rewrite(written.stored)

    assert written.commit() == [WHOLE, "commit/account/2"]


def test_a_marker_goes_with_its_gap_which_is_stored() -> None:
    written = Written()
    gap = OpenGap("g", "mute", NOW_US)
    written.outbox.add_marker("opened", written.stored, gap, detail="why")
    written.outbox.set_gap(written.stored, gap)

    assert written.commit() == [ACCOUNT, "commit/account/2"]
    marker = written.topic.pop(ACCOUNT)
    assert (marker["state"], marker["reason"], marker["gap_id"], marker["detail"]) == (
        *("opened", "mute", "g", "why"),
    )
    assert (marker["before_time"], marker["fills"]) == (NOW_US // 1000, None)
    assert restore(written.topic.values()).progress[ACCOUNT, "spot"].gap == gap


def test_a_transaction_is_due_for_what_waits_and_once_a_minute() -> None:
    written = Written()
    assert not written.outbox.is_due(NOW_US + 1)
    assert written.outbox.is_due(NOW_US + HEARTBEAT_US)

    written.add("a")

    assert written.outbox.is_due(NOW_US + 1)


def test_the_first_transaction_of_a_writer_is_one_like_the_others() -> None:
    outbox = AccountOutbox("t", "account", "r")
    outbox.begin({"account-marker": 1, "account-progress": 2}, 3)

    records = outbox.rewrite_progress(1, NOW_US)

    assert [record[2] for record in records] == [b"commit/account/1"]
