"""Markers and progress wait for the next transaction, and progress is no more than needed."""

import pytest

from connector.codec.schema import load
from connector.continuity.gap import Gap
from connector.continuity.series_registry import KEEP_LEFT_MS
from tests.golden.test_golden import plain
from tests.support import avro_oracle
from tests.support.continuity import EVERYTHING, NOW_MS, Line, stored, ticker

pytestmark = pytest.mark.usefixtures("both_codecs")


def test_progress_is_written_only_for_series_that_moved() -> None:
    line = Line("btcusdt@trade", "btcusdt@bookTicker")
    line.trades(10)
    line.send("btcusdt@bookTicker", ticker(5))
    line.drain()
    line.trades(11)

    _, [progress] = line.drain()

    assert progress["stream_name"] == "btcusdt@trade"


def test_markers_wait_until_they_are_written() -> None:
    line = Line("btcusdt@trade")
    outbox = line.gap_tracker.outbox
    before = outbox.is_due(NOW_MS * 1000)
    line.trades(10)
    marked = outbox.is_due(NOW_MS * 1000)
    line.drain()
    line.trades(11)

    assert (before, marked, outbox.is_due(NOW_MS * 1000)) == (False, True, False)


def test_a_checkpoint_says_how_long_the_oldest_frame_has_waited() -> None:
    line = Line("btcusdt@trade")
    outbox = line.gap_tracker.outbox
    line.drain()
    outbox.waiting_since_us = (NOW_MS + 2_500) * 1000  # drained 5 s after that time
    line.drain()

    assert [checkpoint["waiting_ms"] for checkpoint in line.checkpoints] == [0, 2_500]


def test_the_last_transaction_says_that_it_is_the_last_one() -> None:
    line = Line("btcusdt@trade")
    outbox = line.gap_tracker.outbox
    line.drain()
    outbox.leave()
    waits = outbox.is_due(NOW_MS * 1000)
    keys = [key for _, _, key, *_ in outbox.drain(2, NOW_MS * 1000, 0)]

    assert waits
    assert keys == [b"market/1/2", b"market/1/leave"]
    assert [key for _, _, key, *_ in outbox.drain(3, NOW_MS * 1000, 0)] == [b"market/1/3"]


def test_every_transaction_has_a_checkpoint_with_its_number() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.drain()
    line.drain()

    assert [checkpoint["commit_number"] for checkpoint in line.checkpoints] == [1, 2]


def test_a_tombstone_says_which_transaction_wrote_it() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.gap_tracker.leave(line.series(), NOW_MS)
    line.gap_tracker.forget_left(NOW_MS + KEEP_LEFT_MS)

    records = line.gap_tracker.outbox.drain(1, NOW_MS * 1000, 1)

    [headers] = [headers for _, value, _, _, headers in records if value is None]
    assert headers == [("generation", "1"), ("run", "r1"), ("commit_number", "1")]


def test_the_first_transaction_rewrites_the_progress_of_the_previous_writer() -> None:
    name = "spot/btcusdt@trade/BTCUSDT"
    line = Line("btcusdt@trade", stored={name: stored(20), "x": stored(5, shard=2)})

    [progress, checkpoint] = line.gap_tracker.outbox.rewrite_progress(1, NOW_MS * 1000)

    topic, value, key, *_ = progress
    record = plain(avro_oracle.read_avro(load("progress"), value or b""))
    assert (topic, key.decode() if key else "") == ("binance.progress", name)
    assert record == stored(20) | {"run": "r1", "commit_number": 1}
    assert (checkpoint[0], checkpoint[2]) == ("binance.checkpoints", b"market/1/1")
    assert len(line.gap_tracker.outbox.rewrite_progress(2, NOW_MS * 1000)) == 1


def test_progress_has_how_far_a_gap_is_filled() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10, 20)
    [gap], [series] = line.requested(), line.series()
    line.drain()
    line.gap_tracker.on_recovered(series, gap, 11)
    line.gap_tracker.on_recovered(series, gap, 12)

    _, [progress] = line.drain()

    assert progress["fillings"] == [{"gap_id": gap.id, "filled_to": 12, "recovered": 2, "gone": 0}]


def test_an_outbox_is_empty_once_all_that_advanced_is_written() -> None:
    line = Line("btcusdt@trade")
    outbox = line.gap_tracker.outbox
    before = outbox.is_empty
    line.trades(10)
    advanced = outbox.is_empty
    line.drain()

    assert (before, advanced, outbox.is_empty) == (True, False, True)


def test_a_marker_has_the_gap_as_it_was_when_it_was_added() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.drain()
    gap = Gap("00ff", "sequence", 10, NOW_MS)
    line.gap_tracker.outbox.add_marker("opened", line.series()[0], gap)
    gap.after_id = 20

    [marker], _ = line.drain()

    assert (marker["gap_id"], marker["after_id"]) == ("00ff", None)
