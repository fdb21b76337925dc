"""Coverage of a series begins, moves and ends; what REST is to be asked for is left as data."""

import json

import pytest

from connector.binance.stream_name import parse
from connector.codec.rest_rows import RestEvent
from connector.continuity.rest_requests import SnapshotBook
from connector.continuity.series_registry import KEEP_LEFT_MS
from tests.support.continuity import (
    EVERYTHING,
    NOW_MS,
    TRADES_KEY,
    Line,
    candle,
    depth,
    mini,
    states,
    stored,
    ticker,
    trade,
)

pytestmark = pytest.mark.usefixtures("both_codecs")


def test_the_first_record_of_a_series_starts_its_coverage() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11)

    [marker], [progress] = line.drain()

    assert (marker["state"], marker["after_id"], marker["gap_id"]) == ("started", 10, None)
    assert (progress["last_id"], progress["last_time"]) == (11, NOW_MS + 11)
    assert (progress["complete_until"], progress["open_gaps"]) == (NOW_MS + 11, [])
    assert (progress["run"], progress["commit_number"], progress["shard"]) == ("r1", 1, 1)


def test_ending_marks_where_the_coverage_of_a_series_ends() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11)
    line.drain()
    line.gap_tracker.end_coverage(line.series(), "restart")

    [marker], [progress] = line.drain()

    assert (marker["state"], marker["before_id"], marker["before_time"]) == (
        "stopped",
        11,
        NOW_MS + 11,
    )
    assert progress["last_id"] == 11


def test_what_lies_between_the_end_of_a_coverage_and_its_next_event_is_a_gap() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10, 11)
    line.gap_tracker.end_coverage(line.series(), "plan_changed")
    line.trades(20, 21)

    markers, [progress] = line.drain()

    assert states(markers) == [
        ("started", "restart"),
        ("stopped", "plan_changed"),
        ("started", "restart"),
        ("opened", "plan_changed"),
    ]
    assert markers[2]["after_id"] == 20
    gap = markers[3]
    assert (gap["before_id"], gap["after_id"], gap["missing"]) == (11, 20, 8)
    assert [record["gap_id"] for record in line.records()] == [None, None, gap["gap_id"], None]
    assert [(each.before_id, each.after_id) for each in line.requested()] == [(11, 20)]
    assert progress["complete_until"] == NOW_MS + 11


def test_nothing_is_missing_where_the_ids_go_on() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10)
    line.gap_tracker.end_coverage(line.series(), "plan_changed")
    line.trades(11)

    markers, _ = line.drain()

    assert [marker["state"] for marker in markers] == ["started", "stopped", "started"]
    assert line.requested() == []


def test_a_book_that_is_read_again_gets_one_snapshot() -> None:
    line = Line("btcusdt@depth", policy=EVERYTHING)
    line.send("btcusdt@depth", depth(1, 5))
    [series] = line.series("btcusdt@depth")
    for first in (6, 20):
        line.gap_tracker.requests.clear()
        line.gap_tracker.end_coverage([series], "plan_changed")
        line.send("btcusdt@depth", depth(first, first + 3))

        assert [type(request) for request in line.gap_tracker.requests] == [SnapshotBook]


@pytest.mark.parametrize("name", ["btcusdt@miniTicker", "btcusdt@bookTicker"])
def test_a_series_whose_ids_reveal_nothing_has_the_times_of_its_gap(name: str) -> None:
    line = Line(name, policy=EVERYTHING)
    send = {"btcusdt@miniTicker": mini, "btcusdt@bookTicker": ticker}[name]
    line.send(name, send(NOW_MS))
    [series] = line.series(name)
    before_ms, before_id = series.last_ms, series.last_id
    line.gap_tracker.end_coverage([series], "plan_changed")
    line.send(name, send(NOW_MS + 9_000))

    markers, _ = line.drain()

    gap = markers[-1]
    assert (gap["state"], gap["reason"]) == ("unfillable", "plan_changed")
    assert (gap["before_time"], gap["before_id"]) == (before_ms, before_id)
    assert (gap["after_time"], gap["after_id"]) == (series.last_ms, series.last_id)


def test_the_coverage_of_a_series_that_is_left_ends() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.gap_tracker.suspect(line.series(), "connection_lost")
    line.gap_tracker.leave(line.series(), NOW_MS)

    markers, _ = line.drain()

    assert [m["state"] for m in markers] == ["started", "opened", "clear", "stopped"]
    assert line.gap_tracker.open_gaps == 0


def test_a_pending_gap_is_cleared_when_the_coverage_ends() -> None:
    line = Line("btcusdt@trade", "btcusdt@miniTicker")
    line.trades(10)
    line.send("btcusdt@miniTicker", mini(NOW_MS))
    both = [*line.series(), *line.series("btcusdt@miniTicker")]
    line.gap_tracker.suspect(both, "connection_lost")
    line.gap_tracker.end_coverage(both, "plan_changed")

    markers, _ = line.drain()

    found = [(m["state"], m["before_id"], m["after_id"]) for m in markers if m["kind"] == "trade"]
    assert found == [
        ("started", None, 10),
        ("opened", 10, None),
        ("clear", 10, 11),
        ("stopped", 10, None),
    ]
    [settled] = [m for m in markers if (m["kind"], m["state"]) == ("mini-ticker", "clear")]
    assert (settled["before_time"], settled["after_time"]) == (NOW_MS, NOW_MS + 1)
    assert line.gap_tracker.open_gaps == 0


def left(line: Line) -> None:
    """Unsubscribe the trades, and remove their route."""
    line.gap_tracker.end_coverage(line.series(), "plan_changed")
    line.gap_tracker.leave(line.series(), NOW_MS)
    line.routes[b"btcusdt@trade"].series.clear()


def test_a_series_that_is_left_goes_on_where_it_ended_within_a_day() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    left(line)
    line.gap_tracker.forget_left(NOW_MS + KEEP_LEFT_MS - 1)
    line.trades(5_000)
    line.gap_tracker.forget_left(NOW_MS + KEEP_LEFT_MS)  # it has returned

    markers, [progress] = line.drain()

    assert states(markers)[-1] == ("unfillable", "plan_changed")
    assert (markers[-1]["before_id"], markers[-1]["after_id"]) == (10, 5_000)
    assert (progress["last_id"], line.tombstones) == (5_000, [])


def test_a_series_that_left_over_a_restart_goes_on_where_it_ended() -> None:
    line = Line("btcusdt@trade", stored={TRADES_KEY: stored(20)}, policy=EVERYTHING)
    line.gap_tracker.retire(parse("spot", "btcusdt@trade"), "BTCUSDT", b"", b"BTCUSDT")
    line.trades(30)

    markers, _ = line.drain()

    assert states(markers) == [
        ("clear", "restart"),
        ("stopped", "plan_changed"),
        ("started", "restart"),
        ("opened", "plan_changed"),
    ]
    assert [(gap.before_id, gap.after_id) for gap in line.requested()] == [(20, 30)]


def test_series_are_forgotten_by_the_time_since_they_were_left_in_whatever_order() -> None:
    line = Line("btcusdt@trade", "btcusdt@miniTicker")
    line.trades(10)
    line.send("btcusdt@miniTicker", mini(NOW_MS))
    line.gap_tracker.leave(line.series("btcusdt@miniTicker"), NOW_MS + 1)
    line.gap_tracker.leave(line.series(), NOW_MS)
    line.gap_tracker.forget_left(NOW_MS + KEEP_LEFT_MS)
    line.drain()

    assert line.tombstones == ["spot/btcusdt@trade/BTCUSDT"]


def test_after_a_day_its_progress_is_deleted_and_it_begins_anew() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    left(line)
    line.gap_tracker.forget_left(NOW_MS + KEEP_LEFT_MS)
    line.drain()
    assert line.tombstones == ["spot/btcusdt@trade/BTCUSDT"]

    line.trades(5_000)
    markers, [progress] = line.drain()
    assert states(markers) == [("started", "restart")]
    assert progress["last_id"] == 5_000


def test_a_series_that_is_left_is_kept_until_its_open_gaps_are_closed() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10, 20)
    [series], [gap] = line.series(), line.requested()
    left(line)
    line.gap_tracker.forget_left(NOW_MS + KEEP_LEFT_MS)
    line.drain()
    assert line.tombstones == []
    line.gap_tracker.close_gap(series, gap, "filled")

    markers, _ = line.drain()

    assert states(markers) == [("filled", "sequence")]
    assert line.tombstones == [series.name]
    assert line.gap_tracker.open_gaps == 0


def test_a_topic_that_changes_ends_the_coverage_of_the_old_one_and_starts_the_new() -> None:
    line = Line("btcusdt@depth", policy=EVERYTHING)
    line.send("btcusdt@depth", depth(1, 5))
    [series] = line.series("btcusdt@depth")
    line.drain()
    line.gap_tracker.requests.clear()

    line.gap_tracker.change_topic(series, "elsewhere", series.record_prefix, series.key)
    markers, [progress] = line.drain()

    assert [(m["state"], m["topic"], m["before_id"], m["after_id"]) for m in markers] == [
        ("stopped", "binance.spot.depth-diff", 5, None),
        ("started", "elsewhere", None, 6),
    ]
    assert progress["topic"] == "elsewhere"
    assert list(line.gap_tracker.requests) == [SnapshotBook(series, None, 5)]


def test_a_gap_is_filled_in_the_topic_it_is_in_though_the_series_has_moved() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10, 12)
    [series], [gap] = line.series(), line.requested()
    line.gap_tracker.change_topic(series, "elsewhere", series.record_prefix, series.key)
    line.drain()
    route = line.routes[b"btcusdt@trade"]
    event = RestEvent(json.dumps(trade(11)).encode(), 11, 11, NOW_MS + 11)

    assert line.gap_tracker.filling_topics == {"binance.spot.trade"}
    assert line.pipeline.recover(route.codec, series, event, gap.id, "backfill", NOW_MS * 1000)
    line.gap_tracker.on_recovered(series, gap, 11)
    line.gap_tracker.close_gap(series, gap, "filled")

    [filled], [progress] = line.drain()
    assert (filled["state"], filled["topic"]) == ("filled", "binance.spot.trade")
    assert [topic for topic, *_ in line.recorder.records] == ["binance.spot.trade"] * 3
    assert (progress["topic"], progress["open_gaps"]) == ("elsewhere", [])
    assert line.gap_tracker.filling_topics == frozenset()


def test_a_gap_without_a_right_edge_ends_in_the_old_topic_and_begins_in_the_new_one() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10)
    [series] = line.series()
    line.gap_tracker.suspect([series], "connection_lost")
    line.drain()
    line.gap_tracker.change_topic(series, "elsewhere", series.record_prefix, series.key)
    line.trades(13)

    markers, _ = line.drain()
    edges = ("state", "topic", "before_id", "after_id")
    assert [tuple(marker[name] for name in edges) for marker in markers] == [
        ("clear", "binance.spot.trade", 10, 11),
        ("stopped", "binance.spot.trade", 10, None),
        ("started", "elsewhere", None, 11),
        ("opened", "elsewhere", 10, None),
        ("opened", "elsewhere", 10, 13),
    ]
    old, *_, new, same = (marker["gap_id"] for marker in markers)
    assert (new == same, old == new) == (True, False)
    assert line.records()[-1]["gap_id"] == new


def test_after_a_restart_into_another_topic_a_gap_is_filled_where_it_is() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10, 12)
    markers, [progress] = line.drain()
    unfinished = [marker for marker in markers if marker["state"] == "opened"]
    after = Line("btcusdt@trade", policy=EVERYTHING,
                 stored={TRADES_KEY: progress}, unfinished=unfinished)  # fmt: skip
    after.routes[b"btcusdt@trade"].topic = "elsewhere"
    after.trades(13)

    [series] = after.series()
    [gap] = after.requested()
    assert (series.topic, series.topic_of(gap.id)) == ("elsewhere", "binance.spot.trade")


def test_another_key_in_the_same_topic_changes_no_coverage() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    [series] = line.series()
    line.drain()

    line.gap_tracker.change_topic(series, series.topic, series.record_prefix, b"other")

    assert line.drain()[0] == []
    assert series.key == b"other"


def test_a_new_listing_is_requested_from_its_first_event_on() -> None:
    line = Line("btcusdt@trade", "btcusdt@kline_1m", "btcusdt@miniTicker", policy=EVERYTHING)
    line.gap_tracker.add_listings([("spot", "BTCUSDT")])
    line.trades(500, 501)
    line.send("btcusdt@kline_1m", candle(60_000))
    line.send("btcusdt@miniTicker", mini(NOW_MS))

    markers, _ = line.drain()

    edges = [(gap.before_id, gap.after_id, gap.whole) for gap in line.requested()]
    assert edges == [(None, 500, True), (None, 60_000, True)]
    opened = [marker for marker in markers if marker["state"] == "opened"]
    assert {(m["reason"], m["detail"]) for m in opened} == {
        ("plan_changed", "a new listing: from its first event on")
    }


def test_a_new_listing_is_requested_once_though_its_coverage_starts_twice() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.gap_tracker.add_listings([("spot", "BTCUSDT")])
    line.trades(500)
    line.gap_tracker.end_coverage(line.series(), "plan_changed")
    line.trades(600)

    edges = [(gap.before_id, gap.after_id) for gap in line.requested()]
    assert edges == [(None, 500), (500, 600)]


def test_a_new_listing_that_may_not_be_asked_for_is_unfillable() -> None:
    line = Line("btcusdt@trade")
    line.gap_tracker.add_listings([("spot", "BTCUSDT")])
    line.trades(500)

    markers, _ = line.drain()

    assert (markers[1]["state"], markers[1]["detail"]) == (
        "unfillable",
        "backfill.enabled is false",
    )
    assert line.requested() == []
