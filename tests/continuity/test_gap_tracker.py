"""What is said of holes: markers and progress, from the pipeline's own view of its series."""

import json
from dataclasses import replace
from typing import Any

import pytest

from connector.binance.stream_name import parse_any
from connector.codec.rest_rows import RestEvent
from connector.codec.schema import load
from connector.continuity.gap_tracker import Gap, GapTracker, Series
from connector.feed.pipeline import Codecs, Pipeline, Route, route_to
from connector.telemetry.ledger import Ledger
from tests.golden.test_golden import plain
from tests.support import avro_oracle
from tests.support.pipeline import Recorder, Source

NOW_MS = 1_789_967_129_123
IDS = {"marker": 8, "progress": 9}


class Line:
    """A pipeline of some spot and USD-M streams, and what it publishes."""

    def __init__(self, *names: str, stored: dict[str, Any] | None = None, hold: int = 1 << 30):
        self.recorder, self.ledger, self.filled = Recorder(), Ledger(), list[Gap]()
        self.deleted: list[str] = []  # keys of progress
        self.continuity = GapTracker("binance", shard=1, instance="market", run="r1")
        self.continuity.begin(IDS, stored or {})
        self.pipeline = Pipeline(self.recorder, self.ledger, hold, self.continuity)
        codecs: Codecs = {}
        self.routes = {name.encode(): self._route(name, codecs) for name in names}
        self.number = 0

    @staticmethod
    def _route(name: str, codecs: Codecs) -> Route:
        product = "usdm" if name.startswith("usdm:") else "spot"
        stream = parse_any(product, name.removeprefix("usdm:"))  # type: ignore[arg-type]
        return route_to(f"binance.{product}.{stream.row.kind}", 7, stream, codecs)

    def fill_everything(self) -> None:
        def fill(_series: Series, gap: Gap) -> None:
            self.filled.append(gap)

        self.continuity.fill = fill

    def send(self, name: str, *payloads: dict[str, Any]) -> None:
        frames = [
            json.dumps({"stream": name, "data": data}, separators=(",", ":")) for data in payloads
        ]
        received = [frame.encode() for frame in frames]
        self.pipeline.receive(self.routes, received, NOW_MS * 1000, Source())

    def trades(self, *ids: int) -> None:
        self.send("btcusdt@trade", *(trade(number) for number in ids))

    def series(self, name: str = "btcusdt@trade") -> list[Series]:
        return list(self.routes[name.encode()].series.values())

    def records(self, kind: str = "trade") -> list[dict[str, Any]]:
        found = [value for topic, value, *_ in self.recorder.records if topic.endswith(kind)]
        return [plain(avro_oracle.read_avro(load(kind), value)) for value in found]

    def seal(self, at_ms: int = NOW_MS) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the markers and the progress of the next transaction."""
        self.number += 1
        made: dict[str, list[dict[str, Any]]] = {"markers": [], "progress": []}
        for topic, value, key, *_ in self.continuity.outbox.drain(self.number, at_ms * 1000):
            kind = topic.removeprefix("binance.")
            if value is None:
                self.deleted.append((key or b"").decode())
                continue
            record = plain(
                avro_oracle.read_avro(
                    load(kind.removesuffix("s") if kind == "markers" else kind), value
                )
            )
            assert (
                key
                == "/".join(record[name] for name in ("product", "stream_name", "symbol")).encode()
            )
            made[kind].append(record)
        return made["markers"], made["progress"]


def trade(number: int) -> dict[str, Any]:
    return {"e": "trade", "E": NOW_MS, "s": "BTCUSDT", "t": number, "p": "1", "q": "1",
            "T": NOW_MS + number, "m": True, "M": True}  # fmt: skip


def candle(opened: int) -> dict[str, Any]:
    plain = dict.fromkeys("ochlvqVQB", "1") | {"f": 1, "L": 2, "n": 2, "x": False}
    spans = {"t": opened, "T": opened + 59_999, "s": "BTCUSDT", "i": "1m"}
    return {"e": "kline", "E": opened + 7, "s": "BTCUSDT", "k": plain | spans}


def ticker(update: int) -> dict[str, Any]:
    return {"u": update, "s": "BTCUSDT", "b": "1", "B": "1", "a": "1", "A": "1"}


def mini(at: int) -> dict[str, Any]:
    return {"e": "24hrMiniTicker", "E": at, "s": "BTCUSDT", **dict.fromkeys("cohlvq", "1")}


def states(markers: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(marker["state"], marker["reason"]) for marker in markers]


def test_the_first_record_of_a_series_starts_its_coverage() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11)

    [marker], [progress] = line.seal()

    assert (marker["state"], marker["after_id"], marker["gap_id"]) == ("started", 10, None)
    assert (progress["last_id"], progress["last_time"]) == (11, NOW_MS + 11)
    assert (progress["complete_until"], progress["open_gaps"]) == (NOW_MS + 11, [])
    assert (progress["run"], progress["commit_number"], progress["shard"]) == ("r1", 1, 1)


def test_progress_is_written_only_for_series_that_moved() -> None:
    line = Line("btcusdt@trade", "btcusdt@bookTicker")
    line.trades(10)
    line.send("btcusdt@bookTicker", ticker(5))
    line.seal()
    line.trades(11)

    _, [progress] = line.seal()

    assert progress["stream_name"] == "btcusdt@trade"


def test_markers_wait_until_they_are_written() -> None:
    line = Line("btcusdt@trade")
    chronicle = line.continuity.outbox
    before = chronicle.waiting
    line.trades(10)
    marked = chronicle.waiting
    line.seal()
    line.trades(11)

    assert (before, marked, chronicle.waiting) == (False, True, False)


def test_a_transaction_in_which_nothing_moved_tells_its_number_all_the_same() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.seal()

    _, [progress] = line.seal()

    assert (progress["last_id"], progress["commit_number"]) == (10, 2)


def test_a_hole_in_the_ids_is_marked_with_both_edges_and_said_in_the_record_after_it() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11, 15, 16)

    [_, marker], _ = line.seal()

    assert (marker["state"], marker["reason"]) == ("unfillable", "sequence")
    assert (marker["before_id"], marker["after_id"], marker["missing"]) == (11, 15, 3)
    assert (marker["before_time"], marker["after_time"]) == (NOW_MS + 11, NOW_MS + 15)
    gaps = [record["gap_id"] for record in line.records()]
    assert gaps == [None, None, marker["gap_id"], None]


def test_a_repeat_is_left_out_and_counted() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11, 11, 10, 12)

    assert [record["trade_id"] for record in line.records()] == [10, 11, 12]
    assert line.ledger.records.repeated == 2


def test_a_hole_that_can_be_filled_stays_open_in_the_progress_until_it_is() -> None:
    line = Line("btcusdt@trade")
    line.fill_everything()
    line.trades(10, 14)
    [_, opened], [progress] = line.seal()
    [gap] = line.filled

    assert (opened["state"], progress["open_gaps"]) == ("opened", [gap.id])
    assert progress["complete_until"] == NOW_MS + 10

    route = line.routes[b"btcusdt@trade"]
    for number in (11, 12, 13):
        one = RestEvent(json.dumps(trade(number)).encode(), number, number, NOW_MS + number)
        [series] = line.series()
        assert line.pipeline.recover(route.codec, series, one, gap.id, "backfill", NOW_MS * 1000)
        gap.recovered += 1
    line.continuity.close_gap(line.series()[0], gap, "filled")
    [filled], [after] = line.seal()

    assert (filled["state"], filled["gap_id"], filled["recovered"]) == ("filled", gap.id, 3)
    assert (after["open_gaps"], after["complete_until"]) == ([], NOW_MS + 14)
    fetched = [record for record in line.records() if record["origin"] == "backfill"]
    assert [record["trade_id"] for record in fetched] == [11, 12, 13]
    assert {record["gap_id"] for record in fetched} == {gap.id}


def test_a_lost_connection_marks_all_its_series_at_once_and_ids_that_go_on_clear_it() -> None:
    line = Line("btcusdt@trade", "btcusdt@bookTicker")
    line.trades(10)
    line.send("btcusdt@bookTicker", ticker(5))
    line.seal()
    every = [*line.series(), *line.series("btcusdt@bookTicker")]

    line.continuity.suspect(every, "connection_lost")
    markers, _ = line.seal()
    assert states(markers) == [("opened", "connection_lost")] * 2

    line.continuity.confirm(every, NOW_MS + 500)
    line.trades(11)
    line.send("btcusdt@bookTicker", ticker(9))
    markers, _ = line.seal()

    assert {(m["state"], m["stream_name"]) for m in markers} == {
        ("unfillable", "btcusdt@bookTicker"),
        ("clear", "btcusdt@trade"),
    }
    book = next(marker for marker in markers if marker["state"] == "unfillable")
    assert (book["after_time"], book["missing"]) == (NOW_MS + 500, None)
    assert [record["gap_id"] for record in line.records("book-ticker")] == [None, book["gap_id"]]
    assert [record["gap_id"] for record in line.records()] == [None, None]


def test_a_lost_connection_that_cost_events_is_one_gap_with_its_reason() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.seal()
    line.continuity.suspect(line.series(), "server_shutdown")
    line.continuity.confirm(line.series(), NOW_MS)
    line.trades(14)

    markers, _ = line.seal()

    assert states(markers) == [("opened", "server_shutdown"), ("unfillable", "server_shutdown")]
    assert len({marker["gap_id"] for marker in markers}) == 1
    assert markers[1]["missing"] == 3


def usdm_trade(number: int) -> dict[str, Any]:
    return {"e": "trade", "E": NOW_MS, "T": NOW_MS + number, "s": "BTCUSDT", "t": number, "p": "1",
            "q": "1", "X": "MARKET", "m": True}  # fmt: skip


def test_a_single_id_left_out_is_normal_unless_the_connection_broke_there() -> None:
    line = Line("usdm:btcusdt@trade")
    route = line.routes[b"usdm:btcusdt@trade"]
    line.send("usdm:btcusdt@trade", usdm_trade(10), usdm_trade(12))
    line.seal()

    line.continuity.suspect(route.series.values(), "connection_lost")
    line.send("usdm:btcusdt@trade", usdm_trade(14), usdm_trade(11), usdm_trade(13))
    markers, _ = line.seal()

    assert [record["trade_id"] for record in line.records()] == [10, 12, 14, 11]
    assert states(markers) == [("opened", "connection_lost"), ("unfillable", "connection_lost")]
    assert [(m["before_id"], m["after_id"], m["missing"]) for m in markers[1:]] == [(12, 14, 1)]


def stored(last_id: int | None, **more: Any) -> dict[str, Any]:
    name = "btcusdt@trade" if last_id is not None else "btcusdt@miniTicker"
    return {
        "product": "spot",
        "stream_name": name,
        "symbol": "BTCUSDT",
        "kind": "trade",
        "topic": "binance.spot.trade",
        "last_id": last_id,
        "last_time": NOW_MS,
        "complete_until": NOW_MS,
        "open_gaps": [],
        "id_epoch": 0,
        "written_time": NOW_MS,
        "shard": 1,
        "instance": "market",
        "run": "r0",
        "commit_number": 9,
        "fillings": [],
        **more,
    }


def test_after_a_restart_what_was_stored_is_a_repeat_and_what_follows_clears_the_gap() -> None:
    line = Line("btcusdt@trade", stored={"spot/btcusdt@trade/BTCUSDT": stored(20)})
    line.trades(19, 20, 21)

    markers, _ = line.seal()

    assert [record["trade_id"] for record in line.records()] == [21]
    assert states(markers) == [("opened", "restart"), ("clear", "restart")]


def test_after_a_restart_that_missed_events_the_gap_has_its_bounds() -> None:
    line = Line("btcusdt@trade", stored={"spot/btcusdt@trade/BTCUSDT": stored(20)})
    line.trades(25)

    markers, _ = line.seal()

    assert states(markers) == [("opened", "restart"), ("unfillable", "restart")]
    assert (markers[1]["before_id"], markers[1]["after_id"], markers[1]["missing"]) == (20, 25, 4)


def test_a_candle_that_was_open_at_the_crash_and_closed_meanwhile_is_missing() -> None:
    opened = NOW_MS - NOW_MS % 60_000
    series = "spot/btcusdt@kline_1m/BTCUSDT"
    before = stored(None, stream_name="btcusdt@kline_1m", topic="binance.spot.kline")
    line = Line("btcusdt@kline_1m", stored={series: before})
    line.send("btcusdt@kline_1m", candle(opened + 60_000))
    markers, _ = line.seal()

    assert states(markers) == [("opened", "restart"), ("unfillable", "restart")]
    edges = [(m["before_id"], m["after_id"], m["missing"]) for m in markers[1:]]
    assert edges == [(opened - 1, opened + 60_000, 1)]


def test_a_topic_that_changed_over_a_restart_ends_in_the_old_one_and_begins_in_the_new_one() -> (
    None
):
    before = stored(20, topic="elsewhere")
    line = Line("btcusdt@trade", stored={"spot/btcusdt@trade/BTCUSDT": before})
    line.trades(21)

    markers, [progress] = line.seal()

    assert [(m["state"], m["topic"], m["before_id"], m["after_id"]) for m in markers] == [
        ("opened", "elsewhere", 20, None),
        ("stopped", "elsewhere", 20, None),
        ("started", "binance.spot.trade", None, 21),
        ("clear", "binance.spot.trade", 20, 21),
    ]
    assert progress["topic"] == "binance.spot.trade"


def test_a_series_let_go_of_has_come_to_its_end() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.continuity.suspect(line.series(), "connection_lost")
    line.continuity.forget(line.series())

    markers, _ = line.seal()

    assert [m["state"] for m in markers] == ["started", "opened", "clear", "stopped"]
    assert line.continuity.open_gaps == 0


def test_the_id_of_a_gap_is_the_same_when_it_is_found_again_after_a_crash() -> None:
    ids = []
    for _ in range(2):
        line = Line("btcusdt@trade", stored={"spot/btcusdt@trade/BTCUSDT": stored(20)})
        line.trades(25)
        markers, _ = line.seal()
        ids.append([(marker["gap_id"], marker["marker_id"]) for marker in markers])

    assert ids[0] == ids[1]


def test_a_series_without_ids_is_marked_by_times_after_a_restart() -> None:
    name = "btcusdt@miniTicker"
    line = Line(
        name, stored={f"spot/{name}/BTCUSDT": stored(None, topic="binance.spot.mini-ticker")}
    )
    line.send(name, mini(NOW_MS + 9_000))

    markers, _ = line.seal()

    assert states(markers) == [("opened", "restart"), ("unfillable", "restart")]
    assert (markers[1]["before_time"], markers[1]["after_time"]) == (NOW_MS, NOW_MS + 9_000)


def test_progress_of_series_without_ids_is_written_once_a_second() -> None:
    line = Line("btcusdt@trade", "btcusdt@miniTicker")
    written = []
    for step in range(25):
        line.trades(step)
        line.send("btcusdt@miniTicker", mini(NOW_MS + step))
        names = [one["stream_name"] for one in line.seal(NOW_MS + step * 100)[1]]
        written.append("btcusdt@miniTicker" in names)
        assert "btcusdt@trade" in names

    assert [step for step, told in enumerate(written) if told] == [0, 10, 20]


@pytest.mark.parametrize(("broken", "reason"), [(True, "dead_letter"), (False, "sequence")])
def test_an_event_that_went_to_the_dead_letter_is_a_gap_of_that_reason(
    broken: bool, reason: str
) -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    if broken:
        line.send("btcusdt@trade", trade(11) | {"p": "x"})
    line.trades(12)

    markers, _ = line.seal()

    assert markers[-1]["reason"] == reason
    assert (markers[-1]["before_id"], markers[-1]["after_id"]) == (10, 12)


def test_an_event_that_is_no_record_is_marked_at_once_and_no_later_one_is_missing() -> None:
    line = Line("btcusdt@trade")
    line.fill_everything()
    line.trades(10)
    line.seal()
    line.send("btcusdt@trade", trade(11) | {"p": "1" * 39})
    markers, [progress] = line.seal()

    edges = ("before_id", "after_id", "before_time", "after_time", "missing")
    [opened] = markers
    assert (opened["state"], opened["reason"]) == ("opened", "dead_letter")
    assert [opened[name] for name in edges] == [10, 12, NOW_MS + 10, NOW_MS + 11, 1]
    assert (progress["last_id"], progress["open_gaps"]) == (11, [opened["gap_id"]])
    assert [gap.id for gap in line.filled] == [opened["gap_id"]]
    line.trades(12, 13)
    markers, _ = line.seal()
    assert markers == []
    gaps = [record["gap_id"] for record in line.records()]
    assert gaps == [None, opened["gap_id"], None]


def test_two_events_in_a_row_that_are_no_records_are_both_marked() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.seal()
    line.send("btcusdt@trade", *(trade(number) | {"p": "x"} for number in (11, 12)))
    line.trades(13)
    markers, _ = line.seal()

    final = [one for one in markers if one["state"] == "unfillable"]
    assert [(one["before_id"], one["after_id"]) for one in final] == [(10, 12), (11, 13)]
    assert {one["reason"] for one in final} == {"dead_letter"}


def test_an_event_that_is_no_record_behind_a_hole_leaves_the_telling_to_the_next_one() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.send("btcusdt@trade", trade(15) | {"p": "x"})
    line.trades(16)
    markers, _ = line.seal()

    final = [one for one in markers if one["state"] == "unfillable"]
    assert [(one["before_id"], one["after_id"], one["missing"]) for one in final] == [(10, 16, 5)]


def test_the_id_of_what_cannot_be_decoded_is_not_believed() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.send("btcusdt@trade", trade(10_000) | {"p": 7})
    line.trades(11, 12)
    markers, _ = line.seal()

    assert [record["trade_id"] for record in line.records()] == [10, 11, 12]
    assert states(markers)[-2:] == [("opened", "dead_letter"), ("clear", "dead_letter")]


def test_an_element_that_is_no_record_is_missing_in_the_series_it_names() -> None:
    line = Line("!miniTicker@arr")
    rows = [mini(NOW_MS) | {"s": symbol} for symbol in ("BTCUSDT", "ETHUSDT")]
    for broken in ({}, {"c": 7}, {}):
        frame = {"stream": "!miniTicker@arr", "data": [rows[0] | broken, rows[1]]}
        text = json.dumps(frame, separators=(",", ":")).encode()
        line.pipeline.receive(line.routes, [text], NOW_MS * 1000, Source())
    markers, _ = line.seal()

    told = [(one["state"], one["symbol"]) for one in markers if one["state"] != "started"]
    assert told == [("opened", "BTCUSDT"), ("unfillable", "BTCUSDT")]


def test_what_was_dropped_while_the_queue_was_full_is_one_gap_per_series() -> None:
    line = Line("btcusdt@trade", "btcusdt@miniTicker", hold=1500)
    line.trades(1)
    line.send("btcusdt@miniTicker", mini(NOW_MS))
    line.seal()
    line.recorder.most = 2
    for number in range(2, 30):
        line.trades(number)
        line.send("btcusdt@miniTicker", mini(NOW_MS + number))
    assert line.ledger.frames.dropped > 0
    line.recorder.most = 1000
    line.pipeline.drain()
    line.trades(30)
    line.send("btcusdt@miniTicker", mini(NOW_MS + 30))

    markers, _ = line.seal()

    final = [marker for marker in markers if marker["state"] == "unfillable"]
    assert {(m["stream_name"], m["reason"]) for m in final} == {
        ("btcusdt@trade", "overload"),
        ("btcusdt@miniTicker", "overload"),
    }
    ids = [record["trade_id"] for record in line.records()]
    [hole] = [m for m in final if m["stream_name"] == "btcusdt@trade"]
    assert ids == [*range(1, hole["before_id"] + 1), *range(hole["after_id"], 31)]
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
    [way] = line.routes.values()
    way.carries_other_product, way.other_product = (
        True,
        replace(way, product="coinm", series={}, feeds=[]),
    )
    routes = {b"!bookTicker": way}
    line.pipeline.receive(routes, ticks(1), NOW_MS * 1000, Source())
    line.seal()
    line.recorder.most = 0
    line.pipeline.receive(routes, ticks(2, 3), NOW_MS * 1000, Source())
    assert line.ledger.frames.dropped > 0
    line.recorder.most = 1_000_000
    line.pipeline.drain()
    line.pipeline.receive(routes, ticks(4), NOW_MS * 1000, Source())
    markers, _ = line.seal()

    told = {(one["product"], one["symbol"], one["reason"]) for one in markers}
    assert told == {("usdm", "BTCUSDT", "overload"), ("coinm", "BTCUSD_PERP", "overload")}


def test_stopping_says_where_the_coverage_of_every_series_ends() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11)
    line.seal()
    line.continuity.end_coverage(line.series(), "restart")

    [marker], [progress] = line.seal()

    assert (marker["state"], marker["before_id"], marker["before_time"]) == (
        "stopped",
        11,
        NOW_MS + 11,
    )
    assert progress["last_id"] == 11


def test_a_series_that_is_read_again_begins_its_coverage_anew() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11)
    line.continuity.end_coverage(line.series(), "plan_changed")
    line.trades(20, 21)

    markers, _ = line.seal()

    assert states(markers) == [
        ("started", "restart"),
        ("stopped", "plan_changed"),
        ("started", "restart"),
    ]
    assert markers[2]["after_id"] == 20
    assert [record["gap_id"] for record in line.records()] == [None] * 4


def test_the_first_transaction_takes_over_the_progress_of_the_writer_before() -> None:
    name = "spot/btcusdt@trade/BTCUSDT"
    line = Line("btcusdt@trade", stored={name: stored(20), "x": stored(5, shard=2)})

    [(topic, value, key, *_)] = line.continuity.outbox.rewrite_progress(1, NOW_MS * 1000)

    record = plain(avro_oracle.read_avro(load("progress"), value or b""))
    assert (topic, key.decode() if key else "") == ("binance.progress", name)
    assert record == stored(20) | {"run": "r1", "commit_number": 1}
    assert line.continuity.outbox.sealed == {name: 1}
    assert line.continuity.outbox.rewrite_progress(2, NOW_MS * 1000) == []


def test_ids_that_began_anew_are_a_new_epoch_and_no_repeats() -> None:
    line = Line("btcusdt@trade")
    line.trades(1000, 1001)
    doubted: list[Series] = []
    line.continuity.doubt = doubted.append
    line.trades(*range(1, 60))
    assert doubted == line.series()

    line.fill_everything()
    line.pipeline.reset(doubted[0])
    line.trades(60, 61)
    markers, [progress] = line.seal()

    told = [("started", "restart"), ("unfillable", "ids_reset"), ("opened", "sequence")]
    assert states(markers) == told
    assert [(one["before_id"], one["id_epoch"]) for one in markers[1:]] == [(1001, 0), (0, 1)]
    assert [record["trade_id"] for record in line.records()] == [1000, 1001, 60, 61]
    assert line.records()[2]["gap_id"] == markers[1]["gap_id"]
    assert (progress["last_id"], progress["id_epoch"]) == (61, 1)
    # What was taken for repeats is fetched.
    asked = [(gap.before_id, gap.after_id, gap.missing) for gap in line.filled]
    assert asked == [(1001, None, None), (0, 60, 59)]  # of the first one a book, if it has one


def test_a_gap_that_opens_before_the_record_of_another_one_is_settled_too() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.send("btcusdt@trade", trade(11) | {"p": "x"})
    line.continuity.suspect(line.series(), "connection_lost")
    line.trades(12)
    markers, _ = line.seal()

    assert states(markers) == [
        ("started", "restart"),
        ("unfillable", "dead_letter"),
        ("opened", "connection_lost"),
        ("clear", "connection_lost"),
    ]
    assert line.records()[1]["gap_id"] == markers[1]["gap_id"]


UNFINISHED = {
    "gap_id": "00ff",
    "reason": "sequence",
    "product": "spot",
    "stream_name": "btcusdt@trade",
    "symbol": "BTCUSDT",
    "before_id": 5,
    "before_time": NOW_MS,
    "after_id": 9,
    "after_time": NOW_MS + 9,
    "missing": 3,
    "id_epoch": 0,
}


def after_a_crash(marker: dict[str, Any], *fillings: dict[str, Any]) -> Line:
    line = Line("btcusdt@trade")
    line.fill_everything()
    before = stored(20, open_gaps=["00ff"], fillings=list(fillings))
    line.continuity.begin(IDS, {"spot/btcusdt@trade/BTCUSDT": before}, [marker])
    return line


def test_a_gap_that_was_being_filled_at_a_crash_is_filled_by_the_next_writer() -> None:
    line = after_a_crash(UNFINISHED)
    line.trades(21)

    _, [progress] = line.seal()

    assert [(gap.id, gap.before_id, gap.after_id, gap.missing) for gap in line.filled] == [
        ("00ff", 5, 9, 3)
    ]
    assert (progress["open_gaps"], progress["fillings"]) == (["00ff"], [])


def test_a_filling_goes_on_behind_what_the_writer_before_had_stored_of_it() -> None:
    filling = {"gap_id": "00ff", "filled_to": 7, "recovered": 1, "gone": 1}
    line = after_a_crash(UNFINISHED, filling)
    line.trades(21)

    _, [progress] = line.seal()

    [gap] = line.filled
    assert (gap.filled_to, gap.recovered, gap.expired) == (7, 1, 1)
    assert progress["fillings"] == [filling]


def test_progress_tells_how_far_a_filling_has_come_with_the_records_it_speaks_of() -> None:
    line = Line("btcusdt@trade")
    line.fill_everything()
    line.trades(10, 20)
    [gap], [series] = line.filled, line.series()
    line.seal()
    line.continuity.on_recovered(series, gap, 11)
    line.continuity.on_recovered(series, gap, 12)

    _, [progress] = line.seal()

    assert progress["fillings"] == [{"gap_id": gap.id, "filled_to": 12, "recovered": 2, "gone": 0}]


def test_a_new_listing_that_was_being_filled_is_filled_from_its_first_event() -> None:
    listing = {"reason": "plan_changed", "before_id": None, "before_time": None, "missing": None}
    line = after_a_crash(UNFINISHED | listing)
    line.trades(21)

    [gap] = line.filled
    assert (gap.whole, gap.after_id) == (True, 9)


def test_a_record_kafka_did_not_take_is_a_gap_of_its_own() -> None:
    line = Line("btcusdt@trade")
    line.trades(10, 11, 12)
    line.seal()
    topic, value, *_ = line.recorder.records[1]
    line.continuity.on_refused(topic, value, "dead_letter")

    [marker], _ = line.seal()

    assert (marker["state"], marker["reason"]) == ("unfillable", "dead_letter")
    assert (marker["before_id"], marker["after_id"], marker["missing"]) == (10, 12, 1)


def test_records_kafka_did_not_take_are_gaps_of_their_own_where_ids_tell_nothing_too() -> None:
    line = Line("btcusdt@bookTicker", "btcusdt@miniTicker")
    line.send("btcusdt@bookTicker", ticker(5), ticker(9), ticker(12))
    line.send("btcusdt@miniTicker", mini(NOW_MS), mini(NOW_MS + 5), mini(NOW_MS + 9))
    line.seal()
    for topic, value, *_ in (line.recorder.records[place] for place in (0, 1, 4)):
        line.continuity.on_refused(topic, value, "dead_letter")

    markers, _ = line.seal()

    edges = [(m["before_id"], m["after_id"], m["before_time"], m["after_time"]) for m in markers]
    ids, times = [(4, 6, None, None), (8, 10, None, None)], (None, None, NOW_MS + 4, NOW_MS + 6)
    assert edges == [*ids, times]
    assert len({marker["gap_id"] for marker in markers}) == 3
    assert len({marker["marker_id"] for marker in markers}) == 3


def test_a_gap_nobody_will_see_the_end_of_is_settled_when_the_coverage_ends() -> None:
    line = Line("btcusdt@trade", "btcusdt@miniTicker")
    line.trades(10)
    line.send("btcusdt@miniTicker", mini(NOW_MS))
    both = [*line.series(), *line.series("btcusdt@miniTicker")]
    line.continuity.suspect(both, "connection_lost")
    line.continuity.end_coverage(both, "plan_changed")

    markers, _ = line.seal()

    told = [(m["state"], m["before_id"], m["after_id"]) for m in markers if m["kind"] == "trade"]
    assert told == [
        ("started", None, 10),
        ("opened", 10, None),
        ("clear", 10, 11),
        ("stopped", 10, None),
    ]
    [settled] = [m for m in markers if (m["kind"], m["state"]) == ("mini-ticker", "clear")]
    assert (settled["before_time"], settled["after_time"]) == (NOW_MS, NOW_MS + 1)
    assert line.continuity.open_gaps == 0


def test_the_progress_of_a_series_let_go_of_is_deleted_and_it_begins_anew() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    line.continuity.end_coverage(line.series(), "plan_changed")
    line.continuity.forget(line.series())
    line.seal()
    assert line.deleted == ["spot/btcusdt@trade/BTCUSDT"]

    line.routes[b"btcusdt@trade"].series.clear()
    line.trades(5_000)
    markers, [progress] = line.seal()
    assert states(markers) == [("started", "restart")]
    assert progress["last_id"] == 5_000


def test_a_series_let_go_of_while_a_gap_is_filled_is_kept_until_that_is_settled() -> None:
    line = Line("btcusdt@trade")
    line.fill_everything()
    line.trades(10, 20)
    [series], [gap] = line.series(), line.filled
    line.continuity.forget([series])
    line.seal()
    assert line.deleted == []
    line.continuity.close_gap(series, gap, "filled")

    markers, _ = line.seal()

    assert states(markers) == [("filled", "sequence")]
    assert line.deleted == [series.name]
    assert line.continuity.open_gaps == 0


def test_the_count_of_ids_that_began_anew_outlives_its_series() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    [series] = line.series()
    line.pipeline.reset(series)
    line.trades(1)
    line.continuity.forget([series])
    line.seal()
    line.routes[b"btcusdt@trade"].series.clear()
    line.trades(7)

    _, [progress] = line.seal()

    assert (line.deleted, progress["id_epoch"]) == ([], 1)


def test_new_ids_that_tell_nothing_have_both_edges_once_they_go_on() -> None:
    line = Line("btcusdt@bookTicker")
    line.send("btcusdt@bookTicker", ticker(1_000))
    [series] = line.series("btcusdt@bookTicker")
    line.pipeline.reset(series)
    line.send("btcusdt@bookTicker", ticker(7))

    markers, _ = line.seal()

    told = [(m["state"], m["reason"], m["before_id"], m["after_id"]) for m in markers[1:]]
    assert told == [("unfillable", "ids_reset", 1_000, None), ("unfillable", "ids_reset", 1_000, 7)]
    assert len({marker["gap_id"] for marker in markers[1:]}) == 1
    assert line.continuity.gaps == {"ids_reset": 1}


def test_a_gap_found_twice_with_nothing_in_between_is_counted_once() -> None:
    line = Line("btcusdt@miniTicker")
    line.send("btcusdt@miniTicker", mini(NOW_MS))
    [series] = line.series("btcusdt@miniTicker")
    for _ in range(2):
        line.continuity.suspect([series], "connection_lost")
        line.continuity.confirm([series], NOW_MS + 50)

    assert line.continuity.gaps == {"connection_lost": 1}


def test_a_record_refused_after_its_series_has_moved_is_marked_where_it_was() -> None:
    line = Line("btcusdt@trade")
    line.trades(10)
    [series], [(topic, value, *_)] = line.series(), line.recorder.records
    line.continuity.change_topic(series, "elsewhere", series.record_prefix, series.key)
    line.seal()
    line.continuity.on_refused(topic, value, "delivery")

    [marker], _ = line.seal()

    assert (marker["state"], marker["topic"]) == ("unfillable", "binance.spot.trade")
