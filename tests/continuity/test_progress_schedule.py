"""Progress is seldom written, and a restart still finds each series exactly where its data ends."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.codec.avro import decode_record
from connector.codec.schema import load
from connector.continuity.progress_schedule import (
    CHECKPOINT_SLOTS,
    MAX_COMMITS_BEHIND,
    MAX_INTERVAL_MS,
    MIN_INTERVAL_MS,
    PROGRESS_SHARE,
)
from connector.continuity.stored_state import Positions
from tests.support.continuity import KIND_OF, NOW_MS, Line, mini, ticker

pytestmark = pytest.mark.usefixtures("both_codecs")

TRADES, BOOK, MINI = "btcusdt@trade", "btcusdt@bookTicker", "btcusdt@miniTicker"


def test_a_series_that_advances_all_the_time_has_one_progress_record_a_second() -> None:
    line = Line(TRADES)
    times = []
    for step in range(50):
        line.trades(step)
        if line.drain(NOW_MS + step * 100)[1]:
            times.append(step * 100)

    assert times == [0, 1_000, 2_000, 3_000, 4_000]
    assert MIN_INTERVAL_MS == 1_000


def test_what_progress_leaves_out_stands_in_the_checkpoint_of_the_transaction() -> None:
    line = Line(TRADES)
    line.trades(10)
    _, [progress] = line.drain(NOW_MS)
    line.trades(11, 12)

    assert line.drain(NOW_MS + 100) == ([], [])
    first, second = line.checkpoints
    assert (first["commit_number"], first["advanced"]) == (1, [])
    assert second["commit_number"] == 2
    [position] = second["advanced"]
    assert position["series_number"] == progress["series_number"]
    assert (position["last_id"], position["behind_ms"]) == (12, 100 - 12)


def test_with_little_data_progress_comes_at_the_longest_interval_and_at_its_share_before() -> None:
    line = Line(MINI)
    written = []
    for second in range(500):
        line.send(MINI, mini(NOW_MS + second * 1000))
        written.append(bool(line.drain(NOW_MS + second * 1000)[1]))

    settled = [second for second, was_written in enumerate(written) if was_written and second > 300]
    assert max(later - earlier for earlier, later in pairwise(settled)) == MAX_INTERVAL_MS // 1000
    assert len(settled) <= 200 / (MAX_INTERVAL_MS / 1000) + 200 * PROGRESS_SHARE + 1


def test_a_series_that_got_its_last_record_long_ago_has_its_progress_written_without_data() -> None:
    line = Line(TRADES)
    outbox = line.gap_tracker.outbox
    line.trades(10)
    line.drain(NOW_MS)
    line.trades(11)
    line.drain(NOW_MS + 100)

    assert [outbox.is_due((NOW_MS + ms) * 1000) for ms in (200, 4_999, 5_000)] == [
        False,
        False,
        True,
    ]
    _, [progress] = line.drain(NOW_MS + 5_000)
    assert progress["last_id"] == 11
    assert not outbox.is_due((NOW_MS + 60_000) * 1000)


def test_progress_is_never_as_old_as_a_checkpoint_that_was_overwritten() -> None:
    line = Line(TRADES)
    line.gap_tracker.outbox.drain(1, NOW_MS * 1000, 0)
    numbers = []
    for number in range(2, 400):  # transactions so fast that no interval passes
        line.trades(number)
        line.number = number - 1
        if line.drain(NOW_MS)[1]:
            numbers.append(number)

    assert numbers == [2, 102, 202, 302]
    assert MAX_COMMITS_BEHIND < CHECKPOINT_SLOTS


def test_a_clock_that_is_set_back_holds_no_progress_up() -> None:
    line = Line(TRADES)
    line.trades(10)
    line.drain(NOW_MS)
    line.trades(11)

    _, [progress] = line.drain(NOW_MS - 3_600_000)

    assert progress["last_id"] == 11


Step = tuple[str, int]  # a stream that gets an event, or "" and milliseconds until a transaction


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from([TRADES, BOOK, MINI]), st.integers(1, 3)),
            st.tuples(st.just(""), st.sampled_from([1, 100, 100, 100, 900, 5_000])),
        ),
        max_size=400,
    )
)
def test_a_restart_goes_on_exactly_behind_what_was_committed(steps: list[Step]) -> None:
    line = Line(TRADES, BOOK, MINI)
    topics: dict[str, dict[bytes, bytes]] = {}  # as compacted as they can be
    committed: dict[str, tuple[int | None, int | None]] = {}
    now_ms, number, event = NOW_MS, 0, 0
    for name, count in steps:
        if name:
            for event in range(event + 1, event + 1 + count):  # noqa: B020 - goes on from there
                _send(line, name, event)
            continue
        now_ms, number = now_ms + count, number + 1
        drained = line.gap_tracker.outbox.drain(number, now_ms * 1000, event)
        for topic, value, key, *_ in drained:
            topics.setdefault(KIND_OF[topic], {})[key or b""] = value or b""
        for stream in (TRADES, BOOK, MINI):
            for series in line.series(stream):
                committed[series.name] = series.last_id, series.last_ms

    assert _restored(topics) == committed


def _send(line: Line, name: str, number: int) -> None:
    if name == TRADES:
        line.trades(number)
    else:
        line.send(name, ticker(number) if name == BOOK else mini(NOW_MS + number))


def _restored(topics: dict[str, dict[bytes, bytes]]) -> dict[str, tuple[Any, Any]]:
    """Return last id and time of each series, as the next writer finds them."""
    decoded = {
        kind: [decode_record(load(kind), value) for value in records.values()]
        for kind, records in topics.items()
    }
    positions = Positions(decoded.get("checkpoint", []))
    found = {}
    for record in map(positions.advance, decoded.get("progress", [])):
        name = f"{record['product']}/{record['stream_name']}/{record['symbol']}"
        found[name] = record["last_id"], record["last_time"]
    return found


def test_quiet_that_is_proved_is_written_when_progress_is_due_and_not_beside_that_of_records() -> (
    None
):
    line = Line(TRADES)
    line.trades(10)
    [series] = line.series()
    line.drain(NOW_MS)
    outbox = line.gap_tracker.outbox
    line.gap_tracker.advance_quiet(series, NOW_MS + 900)

    assert [outbox.is_due((NOW_MS + ms) * 1000) for ms in (1_000, 4_999, 5_000)] == [
        False,
        False,
        True,
    ]
    _, [progress] = line.drain(NOW_MS + 5_000)
    assert (progress["last_id"], progress["complete_until"]) == (10, NOW_MS + 900)


def test_an_id_that_rest_has_shown_is_stored_with_the_markers_about_it() -> None:
    line = Line(TRADES)
    line.trades(10)
    [series] = line.series()
    line.drain(NOW_MS)
    line.gap_tracker.suspect([series], "stale")
    line.gap_tracker.cover_quiet(series, 15, NOW_MS + 900)

    markers, [progress] = line.drain(NOW_MS + 100)

    assert [marker["state"] for marker in markers] == ["opened", "unfillable"]
    assert progress["last_id"] == 15
