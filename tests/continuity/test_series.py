"""Edges, ids and progress of one series."""

from connector.binance.stream_name import parse
from connector.continuity.gap import Gap
from connector.continuity.sequence_rules import tracker_for
from connector.continuity.series import Series


def series(name: str, product: str = "spot") -> Series:
    stream = parse(product, name)  # type: ignore[arg-type]
    tracker = tracker_for(stream.row)
    return Series(stream.row.product, stream, "BTCUSDT", "topic", b"", b"", b"", tracker)


def trades(last: int) -> Series:
    made = series("btcusdt@trade")
    made.tracker.observe(last, last)
    made.last_ms = 1_000
    return made


def test_a_gap_begins_behind_the_newest_record() -> None:
    gap = trades(10).gap("binance", "stale")

    assert (gap.before_id, gap.before_ms, gap.reason, gap.epoch) == (10, 1_000, "stale", 0)


def test_a_gap_of_a_series_without_ids_begins_at_a_time() -> None:
    made = series("btcusdt@miniTicker")
    made.tracker.observe(2_000, 2_000)
    made.last_ms = 2_000
    gap = made.gap("binance", "stale")

    assert (gap.before_id, gap.before_ms) == (None, 2_000)
    assert gap.id != made.gap("binance", "stale", before=1_000).id


def test_one_record_leaves_a_gap_of_its_ids_or_of_its_times() -> None:
    ids = trades(10).gap_around("binance", "dead_letter", 7, 8)
    times = series("btcusdt@miniTicker").gap_around("binance", "dead_letter", 7, 8)

    assert (ids.before_id, ids.after_id, ids.before_ms, ids.after_ms) == (7, 9, None, None)
    assert (times.before_id, times.after_id, times.before_ms, times.after_ms) == (None, None, 7, 9)


def test_a_refused_record_of_a_chain_leaves_a_gap_behind_its_predecessor() -> None:
    record = {"first_update_id": 20, "last_update_id": 25, "previous_update_id": 12}
    gap = series("btcusdt@depth", "usdm").gap_of("binance", "delivery", record)

    assert (gap.before_id, gap.after_id, gap.missing) == (12, 26, 1)


def test_a_refused_record_of_a_range_leaves_all_its_ids() -> None:
    record = {"first_update_id": 20, "last_update_id": 25}
    gap = series("btcusdt@depth").gap_of("binance", "delivery", record)

    assert (gap.before_id, gap.after_id, gap.missing) == (19, 26, 6)


def test_the_newest_id_of_candles_is_the_open_one() -> None:
    made = series("btcusdt@kline_1m")
    made.tracker.observe(0, 59_999, 1, True)
    made.tracker.observe(60_000, 119_999, 60_001, False)

    assert (made.last_id, made.newest_id) == (0, 60_000)


def test_a_series_is_complete_until_its_first_open_gap() -> None:
    made = trades(10)
    assert made.complete_until == 1_000
    for number, before_ms in ((1, 700), (2, 500), (3, None)):
        made.open_gaps[str(number)] = Gap(str(number), "sequence", number, before_ms)
    assert made.complete_until == 500

    made.pending = Gap("4", "stale", 10, 300)
    assert made.complete_until == 300


def test_only_gaps_of_which_something_is_filled_are_in_the_progress() -> None:
    made = trades(10)
    made.open_gaps["a"] = Gap("a", "sequence", 1, 1)
    made.open_gaps["b"] = Gap("b", "sequence", 4, 4, recovered=2, expired=1, filled_to=7)

    assert made.fillings == [{"gap_id": "b", "filled_to": 7, "recovered": 2, "gone": 1}]


def test_a_series_is_covered_from_its_first_record_until_its_coverage_ends() -> None:
    made = series("btcusdt@trade")
    assert not made.covered
    made.last_ms = 1_000
    assert made.covered
    made.ended = made.gap("binance", "plan_changed")
    assert not made.covered
