"""Ranges, markers' spans and the judgement of a series, with made-up records."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.binance.candles import nth_open
from connector.binance.products import Product
from connector.binance.stream_name import parse_any
from connector.continuity.audit.coverage import Coverage, Marker, MissingRange, id_edges
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL, MOST_RANGES, Ranges
from connector.continuity.audit.report import VerifyReport, report_of
from connector.continuity.audit.rules import rule_of
from connector.continuity.audit.series import MOST_EXAMPLES, AuditedSeries

HOUR = 3_600_000
ALWAYS = (BEFORE_ALL, AFTER_ALL)


def series(
    product: Product = "spot", name: str = "btcusdt@trade", window: tuple[int, int] = ALWAYS
) -> AuditedSeries:
    stream = parse_any(product, name)
    return rule_of(stream)(stream, "BTCUSDT", window)


def marker(state: str = "opened", gap: str | None = "g1", **own: Any) -> Marker:
    edges = dict.fromkeys(("before_id", "after_id", "before_time", "after_time"))
    return Marker(
        **{"state": state, "reason": "connection_lost", "gap_id": gap, "marked_time": 0}
        | edges
        | own
    )


def live(audited: AuditedSeries, *ids: int | None, time: int = 0, gap: bytes | None = None) -> None:
    audited.see(time, b"live", gap, *ids)


def filled(audited: AuditedSeries, *ids: int | None, time: int = 0, gap: bytes = b"g1") -> None:
    audited.see(time, b"backfill", gap, *ids)


def holes(audited: AuditedSeries) -> list[tuple[int, int, str]]:
    return [(it.first, it.last, it.state) for it in audited.findings().examples]


# Ranges


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5)), max_size=30))
def test_ranges_hold_what_a_set_holds(spans: list[tuple[int, int]]) -> None:
    ranges, model = Ranges(), set[int]()

    for first, more in spans:
        added = set(range(first, first + more + 1))
        assert ranges.add(first, first + more) == len(added - model)
        model |= added

    if model:
        missing = set(range(min(model), max(model))) - model
        found = [set(range(first, last + 1)) for first, last in ranges.holes()]
        assert set().union(*found) == missing
        assert sum(map(len, found)) == len(missing)
        assert all(found)
        assert ranges.tip == max(model)


def test_a_caller_may_raise_the_tip() -> None:
    ranges = Ranges()
    ranges.add(1, 1)
    ranges.tip = 7

    assert ranges.add(5, 8) == 1
    assert list(ranges.holes()) == []
    assert ranges.add(10, 10) == 1
    assert list(ranges.holes()) == [(9, 9)]


def test_ranges_that_are_settled_keep_their_upper_half() -> None:
    ranges = Ranges()
    for number in range(0, 20, 2):
        ranges.add(number, number)

    assert ranges.settle() == [(1, 1), (3, 3), (5, 5), (7, 7), (9, 9)]
    assert list(ranges.holes()) == [(11, 11), (13, 13), (15, 15), (17, 17)]
    assert ranges.add(3, 3) is None
    assert ranges.add(11, 11) == 1
    assert (ranges.floor, ranges.late) == (9, 1)


# Markers


def judge(*markers: Marker, epoch: int = 0) -> Any:
    coverage = Coverage()
    for it in markers:
        coverage.add(it)
    return coverage.judge(epoch, id_edges)


def test_a_hole_is_split_by_what_is_known_of_it() -> None:
    judged = judge(
        marker("unfillable", "a", before_id=10, after_id=13),
        marker("partial", "b", before_id=15, after_id=20),
    )

    assert judged(11, 22) == [
        MissingRange(11, 12, "unfillable", "a"),
        MissingRange(13, 15, "unmarked"),
        MissingRange(16, 19, "partial", "b"),
        MissingRange(20, 22, "unmarked"),
    ]


def test_the_last_state_of_a_gap_stands_with_the_edges_told_before() -> None:
    judged = judge(
        marker("opened", "a", before_id=10, after_id=13), marker("unfillable", "a", before_id=10)
    )

    assert judged(11, 12) == [MissingRange(11, 12, "unfillable", "a")]


def test_an_open_edge_reaches_to_the_end() -> None:
    assert judge(marker(before_id=10))(11, 999) == [MissingRange(11, 999, "opened", "g1")]
    assert judge(marker(after_id=10))(-5, 9) == [MissingRange(-5, 9, "opened", "g1")]


@pytest.mark.parametrize(
    ("missing", "recovered", "expected"),
    [
        (3, 3, "denied"),
        (3, 2, "denied"),
        (3, 1, "filled"),
        (None, None, "filled"),
        (3, 0, "filled"),
    ],
)
def test_a_settled_gap_leaves_missing_what_its_marker_says_was_never_there(
    missing: int | None, recovered: int | None, expected: str
) -> None:
    audited = series()
    edges: dict[str, Any] = {"before_id": 10, "after_id": 14}
    audited.coverage.add(marker("filled", missing=missing, recovered=recovered, **edges))
    for number in (10, 12, 14):
        live(audited, number)

    assert holes(audited) == [(11, 11, expected), (13, 13, expected)]


def test_another_gaps_word_stands_above_one_that_says_filled() -> None:
    judged = judge(
        marker("filled", "a", before_id=10, after_id=20),
        marker("unfillable", "b", before_id=11, after_id=13),
    )

    assert judged(12, 13) == [
        MissingRange(12, 12, "unfillable", "b"),
        MissingRange(13, 13, "filled", "a"),
    ]


def test_a_long_span_below_short_ones_is_found() -> None:
    judged = judge(
        marker("unfillable", "long", before_id=0, after_id=1_000),
        *(marker("partial", f"s{n}", before_id=n, after_id=n + 2) for n in range(10, 100, 10)),
    )

    assert judged(500, 501) == [MissingRange(500, 501, "unfillable", "long")]


def test_a_marker_of_another_epoch_explains_nothing() -> None:
    assert judge(marker(before_id=10, after_id=20, id_epoch=1))(12, 12) == [
        MissingRange(12, 12, "unmarked")
    ]


def run(state: str, shard: int = 0, **edges: int) -> Marker:
    return marker(state, None, shard=shard, **edges)


def test_between_stopped_and_started_nothing_was_covered() -> None:
    judged = judge(
        run("started", after_id=5), run("stopped", before_id=9), run("started", after_id=20)
    )

    assert judged(10, 19) == [MissingRange(10, 19, "uncovered")]
    assert judged(1, 4) == [MissingRange(1, 4, "uncovered")]
    assert judged(7, 7) == [MissingRange(7, 7, "unmarked")]


def test_a_killed_run_covers_what_it_did_not_stop_to_cover() -> None:
    judged = judge(run("started", after_id=5), run("started", after_id=20))

    assert judged(10, 19) == [MissingRange(10, 19, "unmarked")]


def test_a_run_covers_the_epoch_that_began_while_it_ran() -> None:
    started, stopped = marker("started", None, after_id=800), marker("stopped", None, before_id=850)
    killed = marker("started", None, after_id=860)
    again = marker("started", None, after_id=5, id_epoch=1)

    assert judge(started, stopped, killed, again, epoch=1)(2, 4) == [MissingRange(2, 4, "unmarked")]
    assert judge(started, stopped, again, epoch=1)(2, 4) == [MissingRange(2, 4, "uncovered")]


def test_another_shard_may_take_over_before_the_first_stops() -> None:
    judged = judge(
        run("started", after_id=5),
        run("started", shard=1, after_id=15),
        run("stopped", before_id=18),
    )

    assert judged(30, 31) == [MissingRange(30, 31, "unmarked")]


# Contiguous ids


def test_ids_without_a_hole() -> None:
    audited = series()
    for number in range(100, 200):
        live(audited, number)

    assert (audited.records, audited.repeats, audited.span, holes(audited)) == (
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
    assert report_of("t", audited).wrong == 1


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
    assert (report.records, report.backfilled, report.repeats, report.wrong) == (7, 3, 0, 0)
    assert report.gaps == {"filled": 1}


def test_a_record_that_comes_twice_is_a_repeat() -> None:
    audited = series()
    for number in (1, 2, 3, 2, 3):
        live(audited, number)
    filled(audited, 1)

    assert audited.repeats == 3


def test_a_single_id_may_be_skipped_where_the_row_says_so() -> None:
    audited = series("usdm", "btcusdt@trade")
    for number in (1, 3, 6):
        live(audited, number)

    assert holes(audited) == [(2, 2, "normal"), (4, 5, "unmarked")]


def test_ids_outside_the_window_are_there_but_do_not_count() -> None:
    audited = series(window=(10, 20))
    for number, time in ((1, 5), (2, 10), (3, 9), (4, 19), (6, 20), (8, 30)):
        live(audited, number, time=time)

    assert (audited.records, audited.span, holes(audited)) == (2, (2, 4), [])


def test_ids_that_began_anew_are_another_chain() -> None:
    audited = series()
    audited.coverage.add(marker("unfillable", reason="ids_reset", before_id=900, after_id=1))
    for number in (899, 900):
        live(audited, number)
    live(audited, 1, gap=b"g1")
    for number in (2, 4):
        live(audited, number)

    assert (audited.records, audited.repeats, audited.span) == (5, 0, (1, 4))
    assert holes(audited) == [(3, 3, "unmarked")]


RESET = {"reason": "ids_reset", "before_id": 900, "before_time": 50, "marked_time": 60}


def test_ids_that_began_anew_before_the_first_record_are_the_only_chain() -> None:
    audited = series(window=(100, 200))
    audited.coverage.add(marker("unfillable", "r", **RESET))
    audited.coverage.add(marker("unfillable", "old", before_id=6, after_id=8))
    audited.coverage.add(marker("filled", "g1", before_id=1, after_id=4, id_epoch=1))
    filled(audited, 2, time=70)
    filled(audited, 3, time=110)
    for number in (4, 5, 6, 8):
        live(audited, number, time=110 + number)

    assert (audited.records, audited.repeats, audited.span) == (5, 0, (3, 8))
    assert holes(audited) == [(7, 7, "unmarked")]


@pytest.mark.parametrize(("time", "epoch"), [(10, 0), (50, 0), (51, 1), (90, 2)])
def test_the_epoch_of_the_first_record_is_the_newest_less_the_resets_after_it(
    time: int, epoch: int
) -> None:
    audited = series()
    audited.coverage.add(marker("unfillable", "r1", **RESET))
    audited.coverage.add(marker("unfillable", "r2", **RESET | {"before_time": 80, "id_epoch": 1}))
    hidden = marker("unfillable", "h", before_id=1, after_id=3, id_epoch=epoch)
    audited.coverage.add(hidden)
    live(audited, 1, time=time)
    live(audited, 3, time=time)

    assert holes(audited) == [(2, 2, "unfillable")]


def test_progress_tells_the_epoch_when_its_markers_are_gone() -> None:
    audited = series()
    audited.coverage.told(3)
    audited.coverage.add(marker("unfillable", "h", before_id=1, after_id=3, id_epoch=3))
    live(audited, 1)
    live(audited, 3)

    assert holes(audited) == [(2, 2, "unfillable")]


def test_many_holes_are_settled_from_below_and_counted() -> None:
    audited = series()
    last = 2 * (MOST_RANGES + 1_000)
    for number in range(0, last + 1, 2):
        live(audited, number)
    filled(audited, 1)
    filled(audited, last - 1)

    report = report_of("t", audited)
    assert (report.settled, report.late, report.repeats) == (True, 1, 0)
    assert report.holes == {"unmarked": last // 2 - 1}
    assert len(report.examples) == MOST_EXAMPLES


# Order books


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
    audited.see(0, b"snapshot", None, None, 100, *more)
    live(audited, 99, 102, *(() if product == "spot" else (98,)))

    assert (audited.records, audited.snapshots, audited.repeats) == (2, 1, 0)
    assert holes(audited) == []


# Rules without gaps in their ids


def test_rising_ids_show_disorder_but_no_holes() -> None:
    audited = series("spot", "btcusdt@bookTicker")
    for number in (5, 9, 100, 100, 50, 101):
        live(audited, number)

    assert (audited.records, audited.repeats, audited.span) == (6, 2, (5, 101))
    assert holes(audited) == []


def test_streams_without_ids_are_counted_with_their_markers() -> None:
    audited = series("usdm", "btcusdt@markPrice@1s", window=(100, 200))
    audited.coverage.add(marker("unfillable", before_time=150, after_time=160))
    audited.coverage.add(marker("unfillable", "old", before_time=50, after_time=60))
    for time in (90, 100, 199, 200):
        live(audited, time=time)

    report = report_of("t", audited)
    assert (report.records, report.first_id, report.gaps) == (2, None, {"unfillable": 1})


# Candles


def test_a_candle_told_many_times_is_no_repeat() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    for opened, told in ((0, 10), (0, 20), (HOUR, HOUR + 1), (HOUR, HOUR + 2)):
        live(audited, opened, told, told in (20, HOUR + 2))
    live(audited, HOUR, HOUR + 2, True)
    live(audited, 0, 30, False)

    assert (audited.records, audited.repeats, audited.span) == (6, 2, (0, 1))


def test_a_candle_that_was_never_told_closed_is_missing() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    for number, closed in ((0, True), (1, False), (2, True), (3, False)):
        live(audited, number * HOUR, number, closed)

    assert holes(audited) == [(1, 1, "unmarked")]


def test_candles_that_are_missing_are_named_by_their_open_times() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    live(audited, 10 * HOUR, 1, True)
    live(audited, 13 * HOUR, 2, True)

    [hole] = report_of("t", audited).examples
    assert (hole["first"], hole["last"]) == (11 * HOUR, 12 * HOUR)


def test_a_backfilled_candle_closes_the_hole() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    live(audited, 10 * HOUR, 1, True)
    live(audited, 12 * HOUR, 2, True)
    filled(audited, 11 * HOUR, None, True)

    assert (holes(audited), audited.repeats) == ([], 0)


@pytest.mark.parametrize(
    "edges",
    [
        {"before_id": 10 * HOUR, "after_id": 13 * HOUR},
        {"before_time": 10 * HOUR + 5, "after_time": 13 * HOUR + 5},
    ],
)
def test_missing_candles_are_explained_by_open_times_or_by_record_times(
    edges: dict[str, Any],
) -> None:
    audited = series("spot", "btcusdt@kline_1h")
    audited.coverage.add(marker("unfillable", **edges))
    live(audited, 10 * HOUR, 1, True)
    live(audited, 13 * HOUR, 2, True)

    assert [state for _, _, state in holes(audited)] == ["unfillable"]


def test_the_last_word_on_a_candle_is_no_repeat_though_its_time_is_not_newer() -> None:
    audited = series("spot", "btcusdt@kline_1h")
    for told, closed in ((10, False), (20, False), (19, True)):
        live(audited, 0, told, closed)

    assert audited.repeats == 0
    live(audited, 0, 19, True)
    live(audited, 0, 21, False)
    assert audited.repeats == 2


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("kline_1w", 1_767_571_200_000),  # Monday, 2026-01-05
        ("kline_1w@+08:00", 1_767_571_200_000 - 8 * HOUR),
        ("kline_1d@+08:00", 1_767_571_200_000 - 8 * HOUR),
        ("kline_1M", 1_767_225_600_000),  # 2026-01-01
        ("kline_1M@+08:00", 1_767_225_600_000 - 8 * HOUR),
    ],
)
def test_the_time_of_a_record_belongs_to_the_candle_that_holds_it(name: str, begin: int) -> None:
    stream = parse_any("spot", f"btcusdt@{name}")
    interval, zone = stream.parameters["interval"], begin % (24 * HOUR) and 8 * HOUR
    opened = [nth_open(interval, begin, number, zone) for number in range(5)]
    audited = series("spot", f"btcusdt@{name}")
    edges: dict[str, Any] = {"before_time": opened[1] + 5, "after_time": opened[3] - 5}
    audited.coverage.add(marker("unfillable", **edges))
    live(audited, opened[0], 1, True)
    live(audited, opened[4], 2, True)

    # The last record before came within candle 1 and the first one after within candle 2.
    examples = report_of("t", audited).examples
    assert [(it["first"], it["last"], it["state"]) for it in examples] == [
        (opened[1], opened[2], "unfillable"),
        (opened[3], opened[3], "unmarked"),
    ]


@pytest.mark.parametrize(("name", "shift"), [("kline_1M", 0), ("kline_1M@+08:00", -8 * HOUR)])
def test_months_follow_one_another(name: str, shift: int) -> None:
    january, february, april = 1_767_225_600_000, 1_769_904_000_000, 1_775_001_600_000
    audited = series("spot", f"btcusdt@{name}")
    for opened in (january, february, april):
        live(audited, opened + shift, opened, True)

    [hole] = report_of("t", audited).examples
    assert hole["first"] == hole["last"] == 1_772_323_200_000 + shift


@pytest.mark.parametrize("interval", ["1s", "3m", "1d", "3d", "1w"])
def test_every_length_of_candle_has_its_open_time_back(interval: str) -> None:
    length = {"1s": 1_000, "3m": 180_000, "1d": 24 * HOUR, "3d": 72 * HOUR, "1w": 168 * HOUR}
    monday = 1_767_571_200_000
    audited = series("spot", f"btcusdt@kline_{interval}")
    for number in (0, 2):
        live(audited, monday + number * length[interval], number, True)

    [hole] = report_of("t", audited).examples
    assert hole["first"] == hole["last"] == monday + length[interval]


# All together


def test_a_verdict_is_good_without_unmarked_holes_and_repeats() -> None:
    audited = series()
    audited.coverage.add(marker("unfillable", before_id=1, after_id=5))
    live(audited, 1)
    live(audited, 5)
    assert VerifyReport([report_of("t", audited)], 2).good

    live(audited, 5)
    assert not VerifyReport([report_of("t", audited)], 3).good
    assert not VerifyReport([], 0, {"t": 1}).good
    assert VerifyReport([report_of("t", audited)], 3).plain()["repeats"] == 1
