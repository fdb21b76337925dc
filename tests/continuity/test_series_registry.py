"""Coverage of a series begins, moves and ends; what REST is to be asked for is left as data."""

from connector.continuity.rest_requests import SnapshotBook
from tests.support.continuity import EVERYTHING, NOW_MS, Line, candle, depth, mini, states


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


def test_a_series_that_is_read_again_starts_its_coverage_anew() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11)
    line.gap_tracker.end_coverage(line.series(), "plan_changed")
    line.trades(20, 21)

    markers, _ = line.drain()

    assert states(markers) == [
        ("started", "restart"),
        ("stopped", "plan_changed"),
        ("started", "restart"),
    ]
    assert markers[2]["after_id"] == 20
    assert [record["gap_id"] for record in line.records()] == [None] * 4


def test_the_coverage_of_a_forgotten_series_ends() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.gap_tracker.suspect(line.series(), "connection_lost")
    line.gap_tracker.forget(line.series())

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


def test_the_progress_of_a_forgotten_series_is_deleted_and_it_begins_anew() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.gap_tracker.end_coverage(line.series(), "plan_changed")
    line.gap_tracker.forget(line.series())
    line.drain()
    assert line.tombstones == ["spot/btcusdt@trade/BTCUSDT"]

    line.routes[b"btcusdt@trade"].series.clear()
    line.trades(5_000)
    markers, [progress] = line.drain()
    assert states(markers) == [("started", "restart")]
    assert progress["last_id"] == 5_000


def test_a_forgotten_series_is_kept_until_its_open_gaps_are_closed() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10, 20)
    [series], [gap] = line.series(), line.requested()
    line.gap_tracker.forget([series])
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
    assert list(line.gap_tracker.requests) == [SnapshotBook(series, None)]


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

    assert [gap.after_id for gap in line.requested()] == [500]


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
