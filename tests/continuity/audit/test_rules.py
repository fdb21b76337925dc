"""One rule after the other, with made-up records."""

from typing import Any

import pytest

from connector.binance.candles import nth_open
from connector.binance.products import Product
from connector.binance.stream_name import parse_any
from connector.continuity.audit.report import report_of
from tests.support.audit import HOUR_MS, filled, holes, live, marker, series


def test_ids_without_a_hole() -> None:
    audited = series()
    for number in range(100, 200):
        live(audited, number)

    assert (audited.records, audited.repeats, audited.id_range, holes(audited)) == (
        100,
        0,
        (100, 199),
        [],
    )


def test_a_hole_without_a_marker_is_found() -> None:
    audited = series()
    for number in (1, 2, 5, 6):
        live(audited, number)

    assert holes(audited) == [(3, 4, "unmarked")]
    assert report_of("t", audited).unexplained == 1


def test_backfilled_records_close_a_hole_in_any_order() -> None:
    audited = series()
    audited.coverage.add(marker("filled", before_id=2, after_id=6))
    for number in (1, 2):
        live(audited, number)
    live(audited, 6, gap=b"g1")
    live(audited, 7)
    for number in (4, 3, 5):
        filled(audited, number)

    report = report_of("t", audited)
    assert (report.records, report.backfilled, report.repeats, report.unexplained) == (7, 3, 0, 0)
    assert report.gaps == {"filled": 1}


def test_a_record_that_comes_twice_is_a_repeat() -> None:
    audited = series()
    for number in (1, 2, 3, 2, 3):
        live(audited, number)
    filled(audited, 1)

    assert audited.repeats == 3


@pytest.mark.parametrize("product", ["spot", "usdm"])
def test_a_single_missing_id_is_a_hole(product: Product) -> None:
    audited = series(product, "btcusdt@trade")
    for number in (1, 3, 6):
        live(audited, number)

    assert holes(audited) == [(2, 2, "unmarked"), (4, 5, "unmarked")]


def test_overlapping_spot_events_are_no_repeats() -> None:
    audited = series("spot", "btcusdt@depth@100ms")
    for first, last in ((1, 5), (6, 9), (8, 12), (13, 13), (20, 25)):
        live(audited, first, last)
    live(audited, 21, 24)

    assert (audited.repeats, holes(audited)) == (1, [(14, 19, "unmarked")])


def test_a_chain_is_followed_by_the_previous_id() -> None:
    audited = series("usdm", "btcusdt@depth@100ms")
    for first, last, previous in ((3, 5, 1), (9, 12, 5), (30, 33, 12), (50, 51, 40)):
        live(audited, first, last, previous)

    assert (audited.repeats, holes(audited)) == (0, [(34, 40, "unmarked")])


def test_the_marker_of_a_broken_chain_reaches_to_the_next_events_first_id() -> None:
    audited = series("usdm", "btcusdt@depth@100ms")
    audited.coverage.add(marker("unfillable", before_id=33, after_id=50))
    live(audited, 30, 33, 12)
    live(audited, 50, 51, 40, gap=b"g1")

    assert holes(audited) == [(34, 40, "unfillable")]


@pytest.mark.parametrize("product", ["spot", "usdm"])
def test_a_snapshot_is_counted_and_is_no_span(product: Product) -> None:
    audited = series(product, "btcusdt@depth@100ms")
    more = () if product == "spot" else (None,)
    audited.observe(0, b"snapshot", None, None, 100, *more)
    live(audited, 99, 102, *(() if product == "spot" else (98,)))

    assert (audited.records, audited.snapshots, audited.repeats) == (2, 1, 0)
    assert holes(audited) == []


def test_rising_ids_show_disorder_but_no_holes() -> None:
    audited = series("spot", "btcusdt@bookTicker")
    for number in (5, 9, 100, 100, 50, 101):
        live(audited, number)

    assert (audited.records, audited.repeats, audited.id_range) == (6, 2, (5, 101))
    assert holes(audited) == []


def test_streams_without_ids_are_counted_with_their_markers() -> None:
    audited = series("usdm", "btcusdt@markPrice@1s", window=(100, 200))
    audited.coverage.add(marker("unfillable", before_time=150, after_time=160))
    audited.coverage.add(marker("unfillable", "old", before_time=50, after_time=60))
    for time in (90, 100, 199, 200):
        live(audited, time, time=time)

    report = report_of("t", audited)
    assert (report.records, report.first_id, report.gaps) == (2, None, {"unfillable": 1})


def test_the_states_of_a_candle_are_no_repeats() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    for opened, event_ms in ((0, 10), (0, 20), (HOUR_MS, HOUR_MS + 1), (HOUR_MS, HOUR_MS + 2)):
        live(audited, opened, event_ms, event_ms in (20, HOUR_MS + 2))
    live(audited, HOUR_MS, HOUR_MS + 2, True)
    live(audited, 0, 30, False)

    assert (audited.records, audited.repeats, audited.id_range) == (6, 2, (0, 1))


def test_a_candle_without_its_closing_state_is_missing() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    for number, closed in ((0, True), (1, False), (2, True), (3, False)):
        live(audited, number * HOUR_MS, number, closed)

    assert holes(audited) == [(1, 1, "unmarked")]


def test_candles_that_are_missing_are_named_by_their_open_times() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    live(audited, 10 * HOUR_MS, 1, True)
    live(audited, 13 * HOUR_MS, 2, True)

    [hole] = report_of("t", audited).examples
    assert (hole["first"], hole["last"]) == (11 * HOUR_MS, 12 * HOUR_MS)


def test_a_backfilled_candle_closes_the_hole() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    live(audited, 10 * HOUR_MS, 1, True)
    live(audited, 12 * HOUR_MS, 2, True)
    filled(audited, 11 * HOUR_MS, None, True)

    assert (holes(audited), audited.repeats) == ([], 0)


@pytest.mark.parametrize(
    "edges",
    [
        {"before_id": 10 * HOUR_MS, "after_id": 13 * HOUR_MS},
        {"before_time": 10 * HOUR_MS + 5, "after_time": 13 * HOUR_MS + 5},
    ],
)
def test_missing_candles_are_explained_by_open_times_or_by_record_times(
    edges: dict[str, Any],
) -> None:
    audited = series("spot", "btcusdt@kline_1h")
    audited.coverage.add(marker("unfillable", **edges))
    live(audited, 10 * HOUR_MS, 1, True)
    live(audited, 13 * HOUR_MS, 2, True)

    assert [state for _, _, state in holes(audited)] == ["unfillable"]


def test_the_closing_state_of_a_candle_is_no_repeat_though_its_time_is_not_newer() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    for event_ms, closed in ((10, False), (20, False), (19, True)):
        live(audited, 0, event_ms, closed)

    assert audited.repeats == 0
    live(audited, 0, 19, True)
    live(audited, 0, 21, False)
    assert audited.repeats == 2


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("kline_1w", 1_767_571_200_000),  # Monday, 2026-01-05
        ("kline_1w@+08:00", 1_767_571_200_000 - 8 * HOUR_MS),
        ("kline_1d@+08:00", 1_767_571_200_000 - 8 * HOUR_MS),
        ("kline_1M", 1_767_225_600_000),  # 2026-01-01
        ("kline_1M@+08:00", 1_767_225_600_000 - 8 * HOUR_MS),
    ],
)
def test_the_time_of_a_record_belongs_to_the_candle_that_holds_it(name: str, begin: int) -> None:
    stream = parse_any("spot", f"btcusdt@{name}")
    interval, zone = stream.parameters["interval"], begin % (24 * HOUR_MS) and 8 * HOUR_MS
    opened = [nth_open(interval, begin, number, zone) for number in range(5)]
    audited = series("spot", f"btcusdt@{name}")
    edges: dict[str, Any] = {"before_time": opened[1] + 5, "after_time": opened[3] - 5}
    audited.coverage.add(marker("unfillable", **edges))
    live(audited, opened[0], 1, True)
    live(audited, opened[4], 2, True)

    # The last record before lies within candle 1, the first one after within candle 3.
    examples = report_of("t", audited).examples
    assert [(hole["first"], hole["last"], hole["state"]) for hole in examples] == [
        (opened[1], opened[2], "unfillable"),
        (opened[3], opened[3], "unmarked"),
    ]


@pytest.mark.parametrize(("name", "shift"), [("kline_1M", 0), ("kline_1M@+08:00", -8 * HOUR_MS)])
def test_months_follow_one_another(name: str, shift: int) -> None:
    january, february, april = 1_767_225_600_000, 1_769_904_000_000, 1_775_001_600_000
    audited = series("spot", f"btcusdt@{name}")
    for opened in (january, february, april):
        live(audited, opened + shift, opened, True)

    [hole] = report_of("t", audited).examples
    assert hole["first"] == hole["last"] == 1_772_323_200_000 + shift


@pytest.mark.parametrize("interval", ["1s", "3m", "1d", "3d", "1w"])
def test_every_length_of_candle_has_its_open_time_back(interval: str) -> None:
    length = {
        "1s": 1_000,
        "3m": 180_000,
        "1d": 24 * HOUR_MS,
        "3d": 72 * HOUR_MS,
        "1w": 168 * HOUR_MS,
    }
    monday = 1_767_571_200_000
    audited = series("spot", f"btcusdt@kline_{interval}")
    for number in (0, 2):
        live(audited, monday + number * length[interval], number, True)

    [hole] = report_of("t", audited).examples
    assert hole["first"] == hole["last"] == monday + length[interval]


def test_a_candle_that_was_fetched_twice_is_a_repeat() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    live(audited, 0, 20, True)
    filled(audited, HOUR_MS, None, True)
    filled(audited, HOUR_MS, None, True)
    filled(audited, 0, None, True)

    assert (audited.records, audited.repeats) == (4, 2)


def test_the_candles_of_a_clock_that_was_set_back_are_no_repeats() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    audited.coverage.add(marker("unfillable", "reset", reason="ids_reset", before_time=5 * HOUR_MS))
    for opened in (4 * HOUR_MS, 5 * HOUR_MS):
        live(audited, opened, opened + 20, True, time=opened)
    live(audited, 3 * HOUR_MS, 3 * HOUR_MS + 20, True, time=3 * HOUR_MS, gap=b"reset")
    live(audited, 4 * HOUR_MS, 4 * HOUR_MS + 20, True, time=4 * HOUR_MS)

    assert (audited.records, audited.repeats) == (4, 0)


@pytest.mark.parametrize("name", ["btcusdt@trade", "btcusdt@depth"])
def test_events_that_are_there_under_the_ids_of_an_earlier_epoch_are_repeats(name: str) -> None:
    audited = series("spot", name)
    audited.coverage.add(marker("unfillable", "reset", reason="ids_reset", before_time=12))
    width = 2 if name.endswith("depth") else 1
    for number in (10, 11, 12):
        live(audited, *[number] * width, time=number)
    live(audited, *[11] * width, time=11, gap=b"reset")  # no new ids: the same events again
    live(audited, *[12] * width, time=12)
    live(audited, *[13] * width, time=13)

    assert (audited.records, audited.repeats) == (6, 2)


def test_ids_that_begin_anew_are_no_repeats_of_the_old_ones() -> None:
    audited = series()
    audited.coverage.add(marker("unfillable", "reset", reason="ids_reset", before_time=3))
    for number in (1, 2, 3):
        live(audited, number, time=number)
    live(audited, 1, time=100, gap=b"reset")
    live(audited, 2, time=101)

    assert (audited.records, audited.repeats) == (5, 0)


def test_a_state_that_the_exchange_repeated_is_a_repeat() -> None:
    audited = series("usdm", "btcusdt@markPrice@1s")
    for event_ms in (100, 200, 200, 100, 300):
        live(audited, event_ms, time=event_ms)

    assert (audited.records, audited.repeats) == (5, 2)


def test_events_that_may_share_a_time_are_no_repeats() -> None:
    audited = series("usdm", "btcusdt@forceOrder")
    for _ in range(3):
        live(audited, time=100)

    assert (audited.records, audited.repeats) == (3, 0)


def test_each_partition_of_a_series_has_an_order_of_its_own() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    live(audited.part(1), 5 * HOUR_MS, 5 * HOUR_MS + 20, True)
    live(audited.part(0), 3 * HOUR_MS, 3 * HOUR_MS + 20, True)
    live(audited.part(0), 4 * HOUR_MS, 4 * HOUR_MS + 20, True)

    report = report_of("t", audited)
    assert (report.records, report.repeats, report.holes) == (3, 0, {})
    assert (report.first_id, report.last_id) == (3 * HOUR_MS, 5 * HOUR_MS)
