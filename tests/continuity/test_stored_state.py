"""What earlier writers have stored, whatever the order in which their records are read."""

from itertools import permutations
from typing import Any

import pytest

from connector.continuity.stored_state import (
    PartitionClock,
    Positions,
    Stamp,
    last_writer,
    stamp_of,
)
from tests.support.continuity import NOW_MS, stored

pytestmark = pytest.mark.usefixtures("both_codecs")


def checkpoint(run: str, number: int, *advanced: tuple[int, int], **more: Any) -> dict[str, Any]:
    """Return a checkpoint; `advanced`: series number and last id."""
    positions = [
        {"series_number": series, "last_id": last, "behind_ms": 100} for series, last in advanced
    ]
    return {
        "instance": "market",
        "shard": 1,
        "run": run,
        "generation": 1,
        "commit_number": number,
        "written_time": NOW_MS + number,
        "advanced": positions,
        **more,
    }


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (Stamp(3, "a", 147, 900), Stamp(3, "a", 148, 800)),  # the clock was set back
        (Stamp(3, "a", 90, 900), Stamp(4, "b", 1, 100)),
        (Stamp(0, "a", 90, 100), Stamp(0, "b", 1, 900)),  # older versions had no generation
        (Stamp(0, "a", 0, 100), Stamp(0, "a", 0, 900)),  # nor numbers, without transactions
        (Stamp(0, "a", 90, 900), Stamp(1, "b", 1, 100)),
    ],
)
def test_the_newer_record_is_found_by_what_is_written_in_it(older: Stamp, newer: Stamp) -> None:
    assert (newer.is_after(older), older.is_after(newer)) == (True, False)


def test_progress_of_older_versions_comes_before_all_generations() -> None:
    assert stamp_of(stored(20, generation=None)) == Stamp(0, "r0", 9, NOW_MS)


def test_a_series_goes_on_from_the_newest_checkpoint_of_its_run() -> None:
    checkpoints = [
        checkpoint("r0", 10, (1, 21)),
        checkpoint("r0", 11, (1, 22), (2, 500)),
        checkpoint("r9", 12, (1, 99)),
    ]

    for order in permutations(checkpoints):
        advanced = Positions(order).advance(stored(20))

        assert (advanced["last_id"], advanced["last_time"]) == (22, NOW_MS + 11 - 100)
        assert advanced["complete_until"] == NOW_MS


def test_a_checkpoint_that_is_older_than_the_progress_changes_nothing() -> None:
    progress = stored(20)  # written in transaction 9

    assert Positions([checkpoint("r0", 9, (1, 19))]).advance(progress) == progress


def test_progress_of_older_versions_has_no_checkpoints() -> None:
    progress = stored(20, series_number=None)

    assert Positions([checkpoint("r0", 10, (1, 21))]).advance(progress) == progress


def test_a_checkpoint_of_a_generation_above_means_a_newer_writer() -> None:
    written = [checkpoint("mine", 7), checkpoint("theirs", 1, generation=2)]

    assert last_writer(written, "mine", 1).other is True


def test_two_writers_of_one_generation_of_which_one_has_written_nothing_are_told_apart() -> None:
    assert last_writer([checkpoint("theirs", 1)], "mine", 1).other is True


def test_what_an_earlier_writer_left_means_nothing() -> None:
    written = [checkpoint("mine", 7, generation=2), checkpoint("before", 90)]

    assert last_writer(written, "mine", 2).other is False


def test_the_newest_of_our_transactions_that_is_stored_is_known() -> None:
    written = [checkpoint("mine", number, generation=2) for number in (9, 10, 8)]

    assert last_writer([*written, checkpoint("before", 90)], "mine", 2).commits == 10


def test_records_of_one_partition_keep_their_order_and_those_of_two_go_by_time() -> None:
    clock = PartitionClock()
    read = [(0, 100), (0, 90), (1, 95), (0, 110), (1, 105)]  # partition, time

    places = [clock.advance(*record) for record in read]

    assert places == [100, 100, 95, 110, 105]
