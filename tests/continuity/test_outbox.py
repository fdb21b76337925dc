"""Markers and progress wait for the next transaction, and progress is no more than needed."""

from connector.codec.schema import load
from connector.continuity.gap import Gap
from tests.golden.test_golden import plain
from tests.support import avro_oracle
from tests.support.continuity import EVERYTHING, NOW_MS, Line, mini, stored, ticker


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
    before = outbox.has_markers
    line.trades(10)
    marked = outbox.has_markers
    line.drain()
    line.trades(11)

    assert (before, marked, outbox.has_markers) == (False, True, False)


def test_a_transaction_in_which_nothing_moved_has_its_number_written_all_the_same() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.drain()

    _, [progress] = line.drain()

    assert (progress["last_id"], progress["commit_number"]) == (10, 2)


def test_progress_of_series_without_ids_is_written_once_a_second() -> None:
    line = Line("btcusdt@trade", "btcusdt@miniTicker")
    written = []
    for step in range(25):
        line.trades(step)
        line.send("btcusdt@miniTicker", mini(NOW_MS + step))
        names = [marker["stream_name"] for marker in line.drain(NOW_MS + step * 100)[1]]
        written.append("btcusdt@miniTicker" in names)
        assert "btcusdt@trade" in names

    assert [step for step, was_written in enumerate(written) if was_written] == [0, 10, 20]


def test_the_first_transaction_rewrites_the_progress_of_the_previous_writer() -> None:
    name = "spot/btcusdt@trade/BTCUSDT"
    line = Line("btcusdt@trade", stored={name: stored(20), "x": stored(5, shard=2)})

    [(topic, value, key, *_)] = line.gap_tracker.outbox.rewrite_progress(1, NOW_MS * 1000)

    record = plain(avro_oracle.read_avro(load("progress"), value or b""))
    assert (topic, key.decode() if key else "") == ("binance.progress", name)
    assert record == stored(20) | {"run": "r1", "commit_number": 1}
    assert line.gap_tracker.outbox.first_commits == {name: 1}
    assert line.gap_tracker.outbox.rewrite_progress(2, NOW_MS * 1000) == []


def test_progress_has_how_far_a_gap_is_filled() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10, 20)
    [gap], [series] = line.requested(), line.series()
    line.drain()
    line.gap_tracker.on_recovered(series, gap, 11)
    line.gap_tracker.on_recovered(series, gap, 12)

    _, [progress] = line.drain()

    assert progress["fillings"] == [{"gap_id": gap.id, "filled_to": 12, "recovered": 2, "gone": 0}]


def test_a_transaction_without_a_number_needs_no_progress() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.drain()

    assert line.gap_tracker.outbox.drain(0, NOW_MS * 1000) == []


def test_a_marker_has_the_gap_as_it_was_when_it_was_added() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.drain()
    gap = Gap("00ff", "sequence", 10, NOW_MS)
    line.gap_tracker.outbox.add_marker("opened", line.series()[0], gap)
    gap.after_id = 20

    [marker], _ = line.drain()

    assert (marker["gap_id"], marker["after_id"]) == ("00ff", None)
