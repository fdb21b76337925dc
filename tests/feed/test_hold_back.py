"""What is read while another process is the writer: what it stored is left out, no more."""

from typing import Any

import pytest

from connector.feed.router import Router
from tests.support.continuity import NOW_MS, Line, candle, mini, states, stored, ticker, trade
from tests.support.pipeline import FEED, route

MINUTE_MS = 60_000
OPENED_MS = NOW_MS - NOW_MS % MINUTE_MS


def progress(name: str, last_id: int | None, last_ms: int) -> dict[str, dict[str, Any]]:
    """Return the progress of the writer before, for one stream of BTCUSDT."""
    topic = route("spot", name).topic
    more = {"stream_name": name, "topic": topic, "last_time": last_ms, "complete_until": last_ms}
    return {f"spot/{name}/BTCUSDT": {**stored(1), **more, "last_id": last_id}}


def read_beside(name: str, *payloads: dict[str, Any]) -> Line:
    """Return a line that has subscribed a stream and read these events; it is not the writer."""
    line = Line(name)
    line.pipeline.hold_back()
    routes = list(line.routes.values())
    line.pipeline.feed_opened(routes, FEED)
    line.pipeline.feed_confirmed(routes, FEED)
    line.send(name, *payloads)
    return line


def take_over(line: Line, stored_: dict[str, dict[str, Any]], *, unbroken: bool = True) -> None:
    """Make the line the writer; `unbroken`: its predecessor has stored what it read first."""
    line.gap_tracker.begin({"marker": 8, "progress": 9, "checkpoint": 10}, stored_)
    router = Router()
    for key, own in line.routes.items():
        router._routes_by_key[("spot", key.decode())] = {"ms": own}
    if unbroken:
        line.pipeline.supersede(3, 1 << 30)  # the calls of the subscription, and nothing else
        now = line.pipeline.arbitration.now()
        assert router.continue_series(line.gap_tracker, now) == len(stored_)
    line.pipeline.go_on(NOW_MS * 1000 + 1_000_000)
    line.pipeline.tick()


def test_nothing_is_published_and_everything_waits_while_another_process_writes() -> None:
    line = read_beside("btcusdt@trade", trade(1), trade(2))
    line.pipeline.tick()

    assert (line.recorder.records, line.pipeline.waiting) == ([], 2)
    assert line.pipeline.queued


def test_what_the_writer_has_stored_leaves_the_queue_and_is_counted() -> None:
    line = read_beside("btcusdt@trade", trade(1), trade(2), trade(3))
    end = line.pipeline.end_position
    line.trades(4)

    assert line.pipeline.supersede(end, 1 << 30) == end
    assert (line.pipeline.waiting, line.ledger.frames.superseded) == (1, 3)
    assert line.ledger.frames.missing(line.pipeline.waiting) == 0


def test_the_oldest_frames_leave_a_queue_that_is_too_large() -> None:
    line = read_beside("btcusdt@trade", trade(1), trade(2), trade(3))

    oldest = line.pipeline.supersede(0, line.pipeline.queued_bytes // 2)

    assert oldest > 0
    assert line.pipeline.waiting == 1


def test_a_full_queue_is_read_on_once_its_oldest_frames_are_let_go() -> None:
    line = Line("btcusdt@trade", hold=1_000)
    line.pipeline.hold_back()
    line.trades(*range(1, 9))
    dropped = line.ledger.frames.dropped
    line.pipeline.supersede(0, 500)
    line.trades(9)

    assert dropped > 0
    assert line.ledger.frames.dropped == dropped


@pytest.mark.parametrize("unbroken", [True, False])
def test_ids_that_are_stored_are_not_published_again(unbroken: bool) -> None:
    line = read_beside("btcusdt@trade", *map(trade, range(5, 12)))
    take_over(line, progress("btcusdt@trade", 8, NOW_MS + 8), unbroken=unbroken)

    markers, _ = line.drain()

    assert [record["trade_id"] for record in line.records()] == [9, 10, 11]
    expected = [] if unbroken else [("opened", "restart")]
    assert [state for state in states(markers) if state[0] != "started"][:1] == expected
    assert line.requested() == []


@pytest.mark.parametrize("name", ["btcusdt@miniTicker", "btcusdt@bookTicker"])
def test_no_gap_is_marked_where_the_writer_had_stored_what_was_read(name: str) -> None:
    send = {"btcusdt@miniTicker": mini, "btcusdt@bookTicker": ticker}[name]
    line = read_beside(name, *(send(NOW_MS + number) for number in (0, 10, 20, 30)))
    last_id = None if send is mini else NOW_MS + 10
    take_over(line, progress(name, last_id, NOW_MS + 10))

    markers, _ = line.drain()

    assert states(markers) == [("started", "restart")]
    assert len(line.recorder.records) == 2
    assert line.ledger.records.repeated == 2


@pytest.mark.parametrize("name", ["btcusdt@miniTicker", "btcusdt@bookTicker"])
def test_a_gap_is_marked_where_that_is_not_known(name: str) -> None:
    send = {"btcusdt@miniTicker": mini, "btcusdt@bookTicker": ticker}[name]
    line = read_beside(name, send(NOW_MS + 20))
    last_id = None if send is mini else NOW_MS + 10
    take_over(line, progress(name, last_id, NOW_MS + 10), unbroken=False)

    markers, _ = line.drain()

    assert ("unfillable", "restart") in states(markers)


def test_the_states_of_a_candle_are_not_published_again_and_its_close_is() -> None:
    first, second = candle(OPENED_MS), candle(OPENED_MS) | {"E": OPENED_MS + 2_000}
    closed = candle(OPENED_MS, closed=True) | {"E": OPENED_MS + 2_000}
    line = read_beside("btcusdt@kline_1m", first, second, closed, candle(OPENED_MS + MINUTE_MS))
    take_over(line, progress("btcusdt@kline_1m", OPENED_MS - MINUTE_MS, OPENED_MS + 2_000))

    found = [(record["open_time"], record["is_closed"]) for record in line.records("kline")]

    assert [is_closed for _, is_closed in found] == [True, False]


def test_many_repeats_of_a_takeover_are_no_reason_to_ask_rest() -> None:
    line = read_beside("btcusdt@trade", *map(trade, range(1, 200)))
    take_over(line, progress("btcusdt@trade", 150, NOW_MS + 150))

    assert len(line.records()) == 49
    assert list(line.gap_tracker.requests) == []


def test_an_event_read_later_is_new_whatever_its_time() -> None:
    line = read_beside("btcusdt@miniTicker")
    line.gap_tracker.begin(
        {"marker": 8, "progress": 9, "checkpoint": 10},
        progress("btcusdt@miniTicker", None, NOW_MS + 10),
    )
    line.pipeline.go_on(NOW_MS * 1000)
    line.pipeline.tick()
    line.send("btcusdt@miniTicker", mini(NOW_MS))

    assert len(line.recorder.records) == 1
