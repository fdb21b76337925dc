"""Progress as it is stored: wholes in parts, what transactions add, and which is newer."""

from typing import Any

import pytest

from connector.account import stored_progress
from connector.account.progress import AccountProgress, ProgressStep
from connector.account.stored_progress import (
    AccountKey,
    Addition,
    OpenGap,
    StoredProgress,
    addition_text,
    newest_stamp,
    restore,
    whole_parts,
)
from connector.continuity.stored_state import Stamp
from connector.errors import BadMessage
from tests.support.account import ACCOUNT

KEY: AccountKey = (ACCOUNT, "spot")
GAP = OpenGap("g", "mute", 5)


def stored(*keys: str) -> StoredProgress:
    progress = AccountProgress(ACCOUNT, "spot", keys=dict.fromkeys(keys, "digest"))
    return StoredProgress(progress)


def records(
    texts: list[str], number: int, *, account: str | None = ACCOUNT, **head: Any
) -> list[dict[str, Any]]:
    """Return the records of a transaction: a whole, or what it added."""
    return [
        {
            "instance": "account",
            "run": "r",
            "generation": 1,
            "commit_number": number,
            "written_time": 1000 + number,
            "account": account,
            "product": None if account is None else "spot",
            "part_number": part,
            "part_count": len(texts),
            "progress_json": text,
            **head,
        }
        for part, text in enumerate(texts)
    ]


def added(number: int, key: str, gap: OpenGap | None = None, **head: Any) -> list[dict[str, Any]]:
    addition = Addition(ACCOUNT, "spot", [ProgressStep(key, "digest")], gap)
    return records([f"[{addition_text(addition)}]"], number, account=None, **head)


def test_nothing_is_stored_at_the_first_start() -> None:
    found = restore([])

    assert (dict(found.progress), found.generation, dict(found.watched_ms)) == ({}, 0, {})


def test_a_whole_is_moved_on_by_the_later_transactions_of_its_run() -> None:
    whole = records(whole_parts(stored("a")), 2)
    others = [*added(1, "before"), *added(4, "c", GAP), *added(3, "b"), *added(5, "other", run="q")]

    found = restore([*others, *whole])

    assert list(found.progress[KEY].progress.keys) == ["a", "b", "c"]
    assert found.progress[KEY].gap == GAP
    assert (found.generation, found.watched_ms) == (1, {KEY: 1004})


def test_the_whole_of_the_latest_writer_counts() -> None:
    old = records(whole_parts(stored("old")), 9)
    new = records(whole_parts(stored("new")), 1, run="s", generation=2)

    assert list(restore([*new, *old]).progress[KEY].progress.keys) == ["new"]


def test_parts_of_an_older_whole_that_had_more_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stored_progress, "PART_CHARACTERS", 60)
    old = records(whole_parts(stored(*map(str, range(20)))), 1)
    new = records(whole_parts(stored("f")), 2)
    compacted = {record["part_number"]: record for record in (*old, *new)}

    found = restore(compacted.values())

    assert len(old) > len(new) > 1
    assert list(found.progress[KEY].progress.keys) == ["f"]


def test_a_whole_with_a_part_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_progress, "PART_CHARACTERS", 60)
    parts = records(whole_parts(stored("a", "b")), 1)

    with pytest.raises(BadMessage, match=r"parts of desk-1/spot are there"):
        restore(parts[:-1])


@pytest.mark.parametrize("account", [ACCOUNT, None])
def test_what_cannot_be_read_is_refused(account: str | None) -> None:
    with pytest.raises(BadMessage):
        restore(records(["{"], 1, account=account))


def test_an_account_that_had_left_the_config_was_watched_until_its_last_run_ended() -> None:
    whole = records(whole_parts(stored("a")), 2)
    later = records(whole_parts(stored("b")), 9, account="desk-2", run="s", generation=2)

    found = restore([*whole, *added(3, "b"), *later, *added(10, "c", run="s", generation=2)])

    assert found.watched_ms == {KEY: 1003, ("desk-2", "spot"): 1010}


def test_the_newest_stamp_is_that_of_the_latest_writer_or_transaction() -> None:
    stamps = [Stamp(1, "a", 9, 5), Stamp(2, "b", 1, 3), Stamp(2, "b", 2, 3)]

    assert newest_stamp(stamps) == stamps[2]
