"""A writer goes on where the previous one stopped."""

import pytest

from connector.continuity.audit.coverage import Marker
from connector.continuity.series_registry import KEEP_LEFT_MS
from tests.support import audit
from tests.support.continuity import (
    NOW_MS,
    TRADES_KEY,
    UNFINISHED,
    Line,
    after_a_crash,
    candle,
    mini,
    states,
    stored,
)

pytestmark = pytest.mark.usefixtures("both_codecs")

MISSED = [("opened", "restart"), ("started", "restart"), ("unfillable", "restart")]


def test_after_a_restart_what_was_stored_is_a_repeat_and_what_follows_clears_the_gap() -> None:
    line = Line("btcusdt@trade", stored={"spot/btcusdt@trade/BTCUSDT": stored(20)})
    line.trades(19, 20, 21)

    markers, _ = line.drain()

    assert [record["trade_id"] for record in line.records()] == [21]
    assert states(markers) == [("opened", "restart"), ("started", "restart"), ("clear", "restart")]


def test_after_a_restart_that_missed_events_the_gap_has_its_bounds() -> None:
    line = Line("btcusdt@trade", stored={"spot/btcusdt@trade/BTCUSDT": stored(20)})
    line.trades(25)

    markers, _ = line.drain()

    assert states(markers) == MISSED
    assert (markers[2]["before_id"], markers[2]["after_id"], markers[2]["missing"]) == (20, 25, 4)


def test_what_is_read_after_a_restart_is_covered_again() -> None:
    """Else `bkc verify` would take every later hole for ids that nobody was to read."""
    first = Line("btcusdt@trade")
    first.trades(10, 11)
    first.gap_tracker.end_coverage(first.series(), "restart")
    markers, [progress] = first.drain()
    second = Line("btcusdt@trade", stored={TRADES_KEY: progress})
    second.trades(12)
    audited = audit.series()
    for record in (*markers, *second.drain()[0]):
        audited.coverage.add(Marker.of(record))

    for number in (10, 11, 12, 14):
        audit.live(audited, number)

    assert audit.holes(audited) == [(13, 13, "unmarked")]


def test_a_candle_that_was_open_at_the_crash_and_closed_meanwhile_is_missing() -> None:
    opened = NOW_MS - NOW_MS % 60_000
    series = "spot/btcusdt@kline_1m/BTCUSDT"
    before = stored(None, stream_name="btcusdt@kline_1m", topic="binance.spot.kline")
    line = Line("btcusdt@kline_1m", stored={series: before})
    line.send("btcusdt@kline_1m", candle(opened + 60_000))
    markers, _ = line.drain()

    assert states(markers) == MISSED
    edges = [(m["before_id"], m["after_id"], m["missing"]) for m in markers[2:]]
    assert edges == [(opened - 1, opened + 60_000, 1)]


def test_a_candle_that_was_open_behind_a_gap_at_the_crash_and_closed_meanwhile_is_missing() -> None:
    opened, name = NOW_MS - NOW_MS % 60_000, "btcusdt@kline_1m"
    first = Line(name)
    first.send(name, candle(opened), candle(opened + 120_000))
    _, [progress] = first.drain()
    second = Line(name, stored={f"spot/{name}/BTCUSDT": progress})
    second.send(name, candle(opened + 180_000))

    markers, _ = second.drain()

    edges = [(m["before_id"], m["after_id"], m["missing"]) for m in markers[2:]]
    assert (states(markers), edges) == (MISSED, [(opened + 119_999, opened + 180_000, 1)])


def test_a_topic_changed_over_a_restart_ends_the_coverage_of_the_old_one_and_starts_the_new() -> (
    None
):
    before = stored(20, topic="elsewhere")
    line = Line("btcusdt@trade", stored={"spot/btcusdt@trade/BTCUSDT": before})
    line.trades(21)

    markers, [progress] = line.drain()

    assert [(m["state"], m["topic"], m["before_id"], m["after_id"]) for m in markers] == [
        ("opened", "elsewhere", 20, None),
        ("clear", "elsewhere", 20, 21),
        ("stopped", "elsewhere", 20, None),
        ("started", "binance.spot.trade", None, 21),
        ("opened", "binance.spot.trade", 20, None),
        ("started", "binance.spot.trade", None, 21),
        ("clear", "binance.spot.trade", 20, 21),
    ]
    assert progress["topic"] == "binance.spot.trade"


def test_the_id_of_a_gap_is_the_same_when_it_is_found_again_after_a_crash() -> None:
    ids = []
    for _ in range(2):
        line = Line("btcusdt@trade", stored={"spot/btcusdt@trade/BTCUSDT": stored(20)})
        line.trades(25)
        markers, _ = line.drain()
        ids.append([(marker["gap_id"], marker["marker_id"]) for marker in markers])

    assert ids[0] == ids[1]


def test_a_series_without_ids_is_marked_by_times_after_a_restart() -> None:
    name = "btcusdt@miniTicker"
    line = Line(
        name, stored={f"spot/{name}/BTCUSDT": stored(None, topic="binance.spot.mini-ticker")}
    )
    line.send(name, mini(NOW_MS + 9_000))

    markers, _ = line.drain()

    assert states(markers) == MISSED
    assert (markers[2]["before_time"], markers[2]["after_time"]) == (NOW_MS, NOW_MS + 9_000)


def test_a_gap_that_was_being_filled_at_a_crash_is_filled_by_the_next_writer() -> None:
    line = after_a_crash(UNFINISHED)
    line.trades(21)

    _, [progress] = line.drain()

    assert [(gap.id, gap.before_id, gap.after_id, gap.missing) for gap in line.requested()] == [
        ("00ff", 5, 9, 3)
    ]
    assert (progress["open_gaps"], progress["fillings"]) == (["00ff"], [])


def test_a_fill_goes_on_behind_what_the_previous_writer_stored_of_it() -> None:
    filling = {"gap_id": "00ff", "filled_to": 7, "recovered": 1, "gone": 1}
    line = after_a_crash(UNFINISHED, filling)
    line.trades(21)

    _, [progress] = line.drain()

    [gap] = line.requested()
    assert (gap.filled_to, gap.recovered, gap.expired) == (7, 1, 1)
    assert progress["fillings"] == [filling]


def test_a_new_listing_that_was_being_filled_is_filled_from_its_first_event() -> None:
    listing = {"reason": "plan_changed", "before_id": None, "before_time": None, "missing": None}
    line = after_a_crash(UNFINISHED | listing)
    line.trades(21)

    [gap] = line.requested()
    assert (gap.whole, gap.after_id) == (True, 9)


def test_the_id_epoch_outlives_its_series() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    [series] = line.series()
    line.pipeline.reset(series)
    line.trades(1)
    line.gap_tracker.leave([series], NOW_MS)
    line.gap_tracker.forget_left(NOW_MS + KEEP_LEFT_MS)
    line.drain()
    line.routes[b"btcusdt@trade"].series.clear()
    line.trades(7)

    _, [progress] = line.drain()

    assert (line.tombstones, progress["id_epoch"]) == ([], 1)
