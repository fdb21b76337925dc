"""Gaps found by ids and by connections, and how they are marked."""

import json
from dataclasses import replace

import pytest

from connector.codec.rest_rows import RestEvent
from connector.continuity.rest_requests import ConfirmReset, SnapshotBook
from tests.support.continuity import (
    EVERYTHING,
    NOW_MS,
    Line,
    depth,
    mini,
    states,
    ticker,
    trade,
    usdm_trade,
)

pytestmark = pytest.mark.usefixtures("both_codecs")


def test_a_gap_in_the_ids_is_marked_with_both_edges_and_its_id_is_in_the_record_after_it() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11, 15, 16)

    [_, marker], _ = line.drain()

    assert (marker["state"], marker["reason"]) == ("unfillable", "sequence")
    assert (marker["before_id"], marker["after_id"], marker["missing"]) == (11, 15, 3)
    assert (marker["before_time"], marker["after_time"]) == (NOW_MS + 11, NOW_MS + 15)
    gaps = [record["gap_id"] for record in line.records()]
    assert gaps == [None, None, marker["gap_id"], None]


def test_a_repeat_is_counted_and_not_published() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11, 11, 10, 12)

    assert [record["trade_id"] for record in line.records()] == [10, 11, 12]
    assert line.ledger.records.repeated == 2


def test_a_gap_that_can_be_filled_stays_open_in_the_progress_until_it_is() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10, 14)
    [_, opened], [progress] = line.drain()
    [gap] = line.requested()

    assert (opened["state"], progress["open_gaps"]) == ("opened", [gap.id])
    assert progress["complete_until"] == NOW_MS + 10

    route = line.routes[b"btcusdt@trade"]
    for number in (11, 12, 13):
        event = RestEvent(json.dumps(trade(number)).encode(), number, number, NOW_MS + number)
        [series] = line.series()
        assert line.pipeline.recover(route.codec, series, event, gap.id, "backfill", NOW_MS * 1000)
        gap.recovered += 1
    line.gap_tracker.close_gap(line.series()[0], gap, "filled")
    [filled], [after] = line.drain()

    assert (filled["state"], filled["gap_id"], filled["recovered"]) == ("filled", gap.id, 3)
    assert (after["open_gaps"], after["complete_until"]) == ([], NOW_MS + 14)
    fetched = [record for record in line.records() if record["origin"] == "backfill"]
    assert [record["trade_id"] for record in fetched] == [11, 12, 13]
    assert {record["gap_id"] for record in fetched} == {gap.id}


def test_a_lost_connection_marks_all_its_series_at_once_and_ids_that_go_on_clear_it() -> None:
    line = Line("btcusdt@trade", "btcusdt@bookTicker")
    line.trades(10)
    line.send("btcusdt@bookTicker", ticker(5))
    line.drain()
    every = [*line.series(), *line.series("btcusdt@bookTicker")]

    line.gap_tracker.suspect(every, "connection_lost")
    markers, _ = line.drain()
    assert states(markers) == [("opened", "connection_lost")] * 2

    line.trades(11)
    line.send("btcusdt@bookTicker", ticker(9))
    markers, _ = line.drain()

    assert {(m["state"], m["stream_name"]) for m in markers} == {
        ("unfillable", "btcusdt@bookTicker"),
        ("clear", "btcusdt@trade"),
    }
    book = next(marker for marker in markers if marker["state"] == "unfillable")
    assert (book["after_id"], book["after_time"], book["missing"]) == (9, NOW_MS, None)
    assert [record["gap_id"] for record in line.records("book-ticker")] == [None, book["gap_id"]]
    assert [record["gap_id"] for record in line.records()] == [None, None]


def test_a_lost_connection_that_cost_events_is_one_gap_with_its_reason() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.drain()
    line.gap_tracker.suspect(line.series(), "server_shutdown")
    line.trades(14)

    markers, _ = line.drain()

    assert states(markers) == [("opened", "server_shutdown"), ("unfillable", "server_shutdown")]
    assert len({marker["gap_id"] for marker in markers}) == 1
    assert markers[1]["missing"] == 3


def test_a_single_id_of_usdm_trades_that_is_left_out_is_a_gap() -> None:
    """X is NA where an id is spent without a fill: the stream itself has every id."""
    line = Line("usdm:btcusdt@trade")
    line.send("usdm:btcusdt@trade", usdm_trade(10), usdm_trade(11))
    line.drain()

    line.send("usdm:btcusdt@trade", usdm_trade(13))
    markers, _ = line.drain()

    assert [record["trade_id"] for record in line.records()] == [10, 11, 13]
    assert states(markers) == [("unfillable", "sequence")]
    assert [(m["before_id"], m["after_id"], m["missing"]) for m in markers] == [(11, 13, 1)]


@pytest.mark.parametrize(("broken", "reason"), [(True, "dead_letter"), (False, "sequence")])
def test_an_event_that_went_to_the_dead_letter_is_a_gap_of_that_reason(
    broken: bool, reason: str
) -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    if broken:
        line.send("btcusdt@trade", trade(11) | {"p": "x"})
    line.trades(12)

    markers, _ = line.drain()

    assert markers[-1]["reason"] == reason
    assert (markers[-1]["before_id"], markers[-1]["after_id"]) == (10, 12)


def test_an_event_that_is_no_record_is_marked_at_once_and_no_later_one_is_missing() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10)
    line.drain()
    line.send("btcusdt@trade", trade(11) | {"p": "1" * 39})
    markers, [progress] = line.drain()

    edges = ("before_id", "after_id", "before_time", "after_time", "missing")
    [opened] = markers
    assert (opened["state"], opened["reason"]) == ("opened", "dead_letter")
    assert [opened[name] for name in edges] == [10, 12, NOW_MS + 10, NOW_MS + 11, 1]
    assert (progress["last_id"], progress["open_gaps"]) == (11, [opened["gap_id"]])
    assert [gap.id for gap in line.requested()] == [opened["gap_id"]]
    line.trades(12, 13)
    markers, _ = line.drain()
    assert markers == []
    gaps = [record["gap_id"] for record in line.records()]
    assert gaps == [None, opened["gap_id"], None]


def test_two_events_in_a_row_that_are_no_records_are_both_marked() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.drain()
    line.send("btcusdt@trade", *(trade(number) | {"p": "x"} for number in (11, 12)))
    line.trades(13)
    markers, _ = line.drain()

    final = [marker for marker in markers if marker["state"] == "unfillable"]
    assert [(marker["before_id"], marker["after_id"]) for marker in final] == [(10, 12), (11, 13)]
    assert {marker["reason"] for marker in final} == {"dead_letter"}


def test_a_dead_letter_behind_a_gap_is_part_of_that_gap() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.send("btcusdt@trade", trade(15) | {"p": "x"})
    line.trades(16)
    markers, _ = line.drain()

    final = [marker for marker in markers if marker["state"] == "unfillable"]
    assert [(marker["before_id"], marker["after_id"], marker["missing"]) for marker in final] == [
        (10, 16, 5)
    ]


def test_the_id_of_what_cannot_be_decoded_is_not_used() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.send("btcusdt@trade", trade(10_000) | {"p": 7})
    line.trades(11, 12)
    markers, _ = line.drain()

    assert [record["trade_id"] for record in line.records()] == [10, 11, 12]
    assert states(markers)[-2:] == [("opened", "dead_letter"), ("clear", "dead_letter")]


def test_an_element_that_is_no_record_is_missing_in_the_series_it_names() -> None:
    line = Line("!miniTicker@arr")
    for place, broken in enumerate(({}, {"c": 7}, {})):
        rows = [mini(NOW_MS + place) | {"s": symbol} for symbol in ("BTCUSDT", "ETHUSDT")]
        frame = {"stream": "!miniTicker@arr", "data": [rows[0] | broken, rows[1]]}
        text = json.dumps(frame, separators=(",", ":")).encode()
        line.receive(text)
    markers, _ = line.drain()

    found = [
        (marker["state"], marker["symbol"]) for marker in markers if marker["state"] != "started"
    ]
    assert found == [("opened", "BTCUSDT"), ("unfillable", "BTCUSDT")]


def test_what_was_dropped_while_the_queue_was_full_is_one_gap_per_series() -> None:
    line = Line("btcusdt@trade", "btcusdt@miniTicker", hold=1500)
    line.trades(1)
    line.send("btcusdt@miniTicker", mini(NOW_MS))
    line.drain()
    line.recorder.most = 2
    for number in range(2, 30):
        line.trades(number)
        line.send("btcusdt@miniTicker", mini(NOW_MS + number))
    assert line.ledger.frames.dropped > 0
    line.recorder.most = 1000
    line.pipeline.tick()
    line.trades(30)
    line.send("btcusdt@miniTicker", mini(NOW_MS + 30))

    markers, _ = line.drain()

    final = [marker for marker in markers if marker["state"] == "unfillable"]
    assert {(m["stream_name"], m["reason"]) for m in final} == {
        ("btcusdt@trade", "overload"),
        ("btcusdt@miniTicker", "overload"),
    }
    ids = [record["trade_id"] for record in line.records()]
    [gap] = [m for m in final if m["stream_name"] == "btcusdt@trade"]
    assert ids == [*range(1, gap["before_id"] + 1), *range(gap["after_id"], 31)]
    assert line.ledger.frames.missing(line.pipeline.waiting) == 0


def ticks(*ids: int) -> list[bytes]:
    """Return a merged stream's best prices of a USD-M and a COIN-M contract."""
    frames = []
    for number in ids:
        for symbol, kind in (("BTCUSDT", 1), ("BTCUSD_PERP", 2)):
            at = NOW_MS + number
            data = {"e": "bookTicker", "u": number, "E": at, "T": at, "s": symbol, "ps": symbol,
                    "st": kind, "b": "1", "B": "1", "a": "1", "A": "1"}  # fmt: skip
            text = json.dumps({"stream": "!bookTicker", "data": data}, separators=(",", ":"))
            frames.append(text.encode())
    return frames


def test_what_was_dropped_of_a_merged_stream_is_marked_for_both_products() -> None:
    line = Line("usdm:!bookTicker", hold=1)
    [route] = line.routes.values()
    route.carries_other_product, route.other_product = (
        True,
        replace(route, product="coinm", series={}, feeds=[]),
    )
    line.routes = {b"!bookTicker": route}
    line.receive(*ticks(1))
    line.drain()
    line.recorder.most = 0
    line.receive(*ticks(2, 3))
    assert line.ledger.frames.dropped > 0
    line.recorder.most = 1_000_000
    line.pipeline.tick()
    line.receive(*ticks(4))
    markers, _ = line.drain()

    found = {(marker["product"], marker["symbol"], marker["reason"]) for marker in markers}
    assert found == {("usdm", "BTCUSDT", "overload"), ("coinm", "BTCUSD_PERP", "overload")}


def test_ids_that_began_anew_are_a_new_epoch_and_no_repeats() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(1000, 1001)
    line.trades(*range(1, 60))
    [series] = line.series()
    assert list(line.gap_tracker.requests) == [ConfirmReset(series)]

    line.pipeline.reset(series)
    line.trades(60, 61)
    markers, [progress] = line.drain()

    found = [("started", "restart"), ("unfillable", "ids_reset"), ("opened", "sequence")]
    assert states(markers) == found
    assert [(m["before_id"], m["id_epoch"]) for m in markers[1:]] == [(1001, 0), (0, 1)]
    assert [record["trade_id"] for record in line.records()] == [1000, 1001, 60, 61]
    assert line.records()[2]["gap_id"] == markers[1]["gap_id"]
    assert (progress["last_id"], progress["id_epoch"]) == (61, 1)
    # What was taken for repeats is fetched; of the gap between the epochs nothing can be.
    requested = [(gap.before_id, gap.after_id, gap.missing) for gap in line.requested()]
    assert requested == [(0, 60, 59)]


def test_ids_that_go_on_behind_a_jump_are_in_one_epoch_each() -> None:
    """One event has an id far ahead; REST has filled up to 14 when the ids are known to go on."""
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10, 5_000, *range(12, 62))
    [series], [jump] = line.series(), line.requested()
    line.gap_tracker.on_recovered(series, jump, 11)
    line.gap_tracker.on_recovered(series, jump, 14)
    line.drain()

    line.pipeline.reset(series)
    line.trades(62)
    markers, _ = line.drain()

    found = [(m["state"], m["reason"], m["before_id"], m["after_id"]) for m in markers]
    assert found == [
        ("partial", "sequence", 10, 15),
        ("unfillable", "ids_reset", 14, None),
        ("opened", "sequence", 14, 62),
    ]
    assert [marker["missing"] for marker in markers] == [4, None, 47]
    assert [marker["id_epoch"] for marker in markers] == [0, 0, 1]
    assert list(series.open_gaps) == [markers[-1]["gap_id"]]


def test_a_reset_is_not_confirmed_where_rest_may_not_be_asked() -> None:
    line = Line("btcusdt@trade")
    line.trades(1000, *range(1, 60))

    assert list(line.gap_tracker.requests) == []


def test_a_book_whose_ids_began_anew_gets_a_snapshot() -> None:
    line = Line("btcusdt@depth", policy=EVERYTHING)
    line.send("btcusdt@depth", depth(1, 5))
    [series] = line.series("btcusdt@depth")
    line.gap_tracker.requests.clear()
    line.pipeline.reset(series)

    [_, marker], _ = line.drain()

    assert marker["reason"] == "ids_reset"
    assert list(line.gap_tracker.requests) == [SnapshotBook(series, marker["gap_id"], None)]


def test_a_gap_in_a_book_is_unfillable_and_requests_a_snapshot() -> None:
    line = Line("btcusdt@depth", policy=EVERYTHING)
    line.send("btcusdt@depth", depth(1, 5), depth(9, 12))
    [series] = line.series("btcusdt@depth")

    [_, marker], _ = line.drain()

    assert (marker["state"], marker["detail"]) == ("unfillable", "REST does not have it")
    assert list(line.gap_tracker.requests) == [
        SnapshotBook(series, None, 5),
        SnapshotBook(series, marker["gap_id"], 12),
    ]


def test_a_gap_that_opens_before_the_record_of_another_one_is_closed_too() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.send("btcusdt@trade", trade(11) | {"p": "x"})
    line.gap_tracker.suspect(line.series(), "connection_lost")
    line.trades(12)
    markers, _ = line.drain()

    assert states(markers) == [
        ("started", "restart"),
        ("unfillable", "dead_letter"),
        ("opened", "connection_lost"),
        ("clear", "connection_lost"),
    ]
    assert line.records()[1]["gap_id"] == markers[1]["gap_id"]


def test_a_record_kafka_did_not_take_is_a_gap_of_its_own() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11, 12)
    line.drain()
    topic, value, *_ = line.recorder.records[1]
    line.gap_tracker.on_refused(topic, value, "dead_letter")

    [marker], _ = line.drain()

    assert (marker["state"], marker["reason"]) == ("unfillable", "dead_letter")
    assert (marker["before_id"], marker["after_id"], marker["missing"]) == (10, 12, 1)


def test_records_kafka_did_not_take_are_gaps_of_their_own_where_ids_reveal_nothing_too() -> None:
    line = Line("btcusdt@bookTicker", "btcusdt@miniTicker")
    line.send("btcusdt@bookTicker", ticker(5), ticker(9), ticker(12))
    line.send("btcusdt@miniTicker", mini(NOW_MS), mini(NOW_MS + 5), mini(NOW_MS + 9))
    line.drain()
    for topic, value, *_ in (line.recorder.records[place] for place in (0, 1, 4)):
        line.gap_tracker.on_refused(topic, value, "dead_letter")

    markers, _ = line.drain()

    edges = [(m["before_id"], m["after_id"], m["before_time"], m["after_time"]) for m in markers]
    ids, times = [(4, 6, None, None), (8, 10, None, None)], (None, None, NOW_MS + 4, NOW_MS + 6)
    assert edges == [*ids, times]
    assert len({marker["gap_id"] for marker in markers}) == 3
    assert len({marker["marker_id"] for marker in markers}) == 3


def test_new_ids_that_reveal_nothing_have_both_edges_once_they_go_on() -> None:
    line = Line("btcusdt@bookTicker")
    line.send("btcusdt@bookTicker", ticker(1_000))
    [series] = line.series("btcusdt@bookTicker")
    line.pipeline.reset(series)
    line.send("btcusdt@bookTicker", ticker(7))

    markers, _ = line.drain()

    found = [(m["state"], m["reason"], m["before_id"], m["after_id"]) for m in markers[1:]]
    assert found == [
        ("unfillable", "ids_reset", 1_000, None),
        ("unfillable", "ids_reset", 1_000, 7),
    ]
    assert len({marker["gap_id"] for marker in markers[1:]}) == 1
    assert line.gap_tracker.gaps == {"ids_reset": 1}


def test_a_gap_found_twice_with_nothing_in_between_is_counted_once() -> None:
    line = Line("btcusdt@miniTicker")
    line.send("btcusdt@miniTicker", mini(NOW_MS))
    [series] = line.series("btcusdt@miniTicker")
    for _ in range(2):
        line.gap_tracker.suspect([series], "connection_lost")
    line.send("btcusdt@miniTicker", mini(NOW_MS + 1))

    assert line.gap_tracker.gaps == {"connection_lost": 1}


def test_a_record_refused_after_its_series_has_moved_is_marked_where_it_was() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    [series], [(topic, value, *_)] = line.series(), line.recorder.records
    line.gap_tracker.change_topic(series, "elsewhere", series.record_prefix, series.key)
    line.drain()
    line.gap_tracker.on_refused(topic, value, "delivery")

    [marker], _ = line.drain()

    assert (marker["state"], marker["topic"]) == ("unfillable", "binance.spot.trade")


# Series that REST has proved to be quiet


def quiet(line: Line, newest: int, until_ms: int) -> None:
    [route] = line.routes.values()
    series = route.series.get("BTCUSDT") or route.open_series("BTCUSDT", line.gap_tracker)
    line.gap_tracker.cover_quiet(series, newest, until_ms)


def test_a_series_that_never_spoke_is_covered_from_the_moment_rest_had_nothing() -> None:
    line = Line("btcusdt@trade")
    quiet(line, 41, NOW_MS)
    [started], [progress] = line.drain()

    assert (started["state"], started["after_id"], started["after_time"]) == ("started", 42, NOW_MS)
    assert (progress["last_id"], progress["last_time"]) == (41, None)
    assert progress["complete_until"] == NOW_MS
    line.trades(42, 43)
    markers, [progress] = line.drain()
    assert (markers, progress["complete_until"]) == ([], NOW_MS + 43)


def test_what_such_a_series_misses_before_its_first_event_is_a_gap() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    quiet(line, 41, NOW_MS)
    line.trades(45)
    markers, _ = line.drain()

    assert states(markers) == [("started", "restart"), ("opened", "sequence")]
    assert [(gap.before_id, gap.after_id, gap.missing) for gap in line.requested()] == [(41, 45, 3)]


@pytest.mark.parametrize(
    ("newest", "state", "missing", "complete_until"),
    [(10, "clear", 0, NOW_MS + 500), (13, "opened", 3, NOW_MS + 10)],
)
def test_a_lost_connection_of_a_quiet_series_is_settled_by_rest(
    newest: int, state: str, missing: int, complete_until: int
) -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10)
    line.gap_tracker.suspect(line.series(), "connection_lost")
    line.drain()
    quiet(line, newest, NOW_MS + 500)
    [marker], [progress] = line.drain()

    assert (marker["state"], marker["reason"], marker["missing"]) == (
        state,
        "connection_lost",
        missing,
    )
    assert (marker["before_id"], marker["after_id"]) == (10, newest + 1)
    assert progress["complete_until"] == complete_until
    line.trades(newest + 1)
    assert line.drain()[0] == []
    assert line.records()[-1]["gap_id"] == (marker["gap_id"] if missing else None)


def test_a_gap_that_ids_reveal_begins_behind_the_newest_record_however_long_it_was_quiet() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.gap_tracker.advance_quiet(line.series()[0], NOW_MS + 500)
    line.trades(14)
    *_, marker = line.drain()[0]

    assert (marker["reason"], marker["before_time"]) == ("sequence", NOW_MS + 10)


def test_a_gap_of_a_lost_connection_begins_when_it_was_last_known_to_be_quiet() -> None:
    line = Line("btcusdt@miniTicker")
    line.send("btcusdt@miniTicker", mini(NOW_MS))
    line.gap_tracker.advance_quiet(line.series("btcusdt@miniTicker")[0], NOW_MS + 500)
    line.gap_tracker.suspect(line.series("btcusdt@miniTicker"), "connection_lost")
    markers, [progress] = line.drain()

    assert markers[-1]["before_time"] == NOW_MS + 500
    assert progress["complete_until"] == NOW_MS + 500


def test_what_had_been_sent_to_a_missing_topic_belongs_to_the_gap() -> None:
    line = Line("btcusdt@trade", policy=EVERYTHING)
    line.trades(10, 11, 12)
    line.drain()
    line.pipeline.withhold(["binance.spot.trade"])
    for topic, value, *_ in line.recorder.records[1:]:
        line.gap_tracker.on_refused(topic, value, "delivery")
    line.trades(13)
    [opened], [progress] = line.drain()
    line.pipeline.withhold([])
    line.trades(14)
    [ended], _ = line.drain()

    assert (progress["last_id"], progress["complete_until"]) == (10, NOW_MS + 10)
    assert (opened["state"], ended["state"], ended["gap_id"]) == (
        "opened",
        "opened",
        opened["gap_id"],
    )
    assert (ended["before_id"], ended["after_id"], ended["missing"]) == (10, 14, 3)
    [gap] = line.requested()
    assert (gap.before_id, gap.after_id) == (10, 14)


def test_what_came_while_a_topic_was_missing_is_a_gap_that_the_first_record_after_it_ends() -> None:
    line = Line("btcusdt@trade", "btcusdt@miniTicker", policy=EVERYTHING)
    line.trades(10)
    line.send("btcusdt@miniTicker", mini(NOW_MS))
    line.drain()
    line.pipeline.withhold(["binance.spot.trade"])
    line.trades(11, 12)
    line.send("btcusdt@miniTicker", mini(NOW_MS + 5))
    markers, _ = line.drain()
    line.pipeline.withhold([])
    line.trades(13)
    [ended], _ = line.drain()

    assert states(markers) == [("opened", "delivery")]
    assert (ended["state"], ended["reason"], ended["gap_id"]) == (
        "opened",
        "delivery",
        markers[0]["gap_id"],
    )
    assert (ended["before_id"], ended["after_id"], ended["missing"]) == (10, 13, 2)
    assert [record["trade_id"] for record in line.records()] == [10, 13]
    assert len(line.records("mini-ticker")) == 2
    assert (line.ledger.records.withheld, len(line.requested())) == (2, 1)
