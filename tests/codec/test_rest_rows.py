"""A record fetched through REST equals the live one, for every row that REST can fill."""

import functools
import json
from datetime import datetime
from typing import Any

import pytest

from connector.backfill.pages import Span, snapshot
from connector.binance.catalogue import ROWS, subscribable
from connector.binance.catalogue.row import Row
from connector.binance.products import Product
from connector.binance.stream_name import Stream, example, parse
from connector.codec.rest_rows import event_from_book, recover
from connector.codec.schema import load
from connector.errors import BadMessage
from connector.feed.replay import Replay, Result
from connector.lab.market import Event, Market
from tests.support import avro_oracle
from tests.support.lab_rest import ask, fetch

NOW_MS = 1_795_000_000_000
OURS = ("receive_time", "receive_time_us", "origin", "gap_id")
FILLABLE = [row for row in ROWS if subscribable(row) and row.fillable]


def row_id(row: Row) -> str:
    return f"{row.product} {row.pattern}"


def lab_stream(row: Row) -> Stream:
    name = example(row).replace("btc-251226-120000-c", "btc-261225-100000-c")
    return parse(row.product, name)


def made(market: Market, stream: Stream, events: int, step_ms: int) -> list[Event]:
    """Let the market make events of a stream, and return them."""
    return [
        event
        for number in range(events)
        for event in market.next_events(stream, NOW_MS + number * step_ms)
    ]


@functools.cache
def replay_of(product: Product) -> Replay:
    return Replay(product)


def record(stream: Stream, payload: bytes) -> tuple[dict[str, Any], Result]:
    """Return what a payload becomes, less what we fill in ourselves."""
    replay = replay_of(stream.product)
    replay.results.clear()
    replay.feed(stream, payload, (NOW_MS + 10**8) * 1000)
    [result] = replay.results
    assert result.reason == ""
    found = avro_oracle.read_avro(load(stream.row.kind), result.value)
    return {name: value for name, value in found.items() if name not in OURS}, result


def live_records(stream: Stream, events: list[Event]) -> dict[int, tuple[dict[str, Any], Result]]:
    """Return the last record of each id, or of each candle that closed."""
    found = {}
    for event in events:
        fields, result = record(stream, json.dumps(event.data).encode())
        if stream.row.sequence.rule != "candle" or fields["is_closed"]:
            found[event.identity[0]] = fields, result
    return found


@pytest.mark.parametrize("row", FILLABLE, ids=row_id)
def test_a_recovered_record_equals_the_live_one(row: Row) -> None:
    stream, market = lab_stream(row), Market(7)
    candle = row.sequence.rule == "candle"
    events = made(market, stream, 300, 25_000 if candle else 40)
    symbol = events[0].symbol
    live = live_records(stream, [event for event in events if event.symbol == symbol])
    now_ms = NOW_MS + 300 * 25_000

    span = Span(min(live), max(live))
    pages = list(fetch(market, stream, span, symbol, now_ms))
    recovered = [event for rows in pages for event in rows]

    assert row.backfill is not None
    unlisted = {
        number
        for number, (fields, _) in live.items()
        if fields.get("trade_type") not in (None, "MARKET", "BLOCK")
    }
    assert [event.first for event in recovered] == sorted(live.keys() - unlisted)
    assert len(live) > 80
    for event in recovered:
        fetched, _ = record(stream, event.payload)
        kept, result = live[event.first]
        for name in row.backfill.not_carried:
            assert fetched.pop(name) is None
            del kept[name]
        assert fetched == kept
        closed = kept.get("close_time")
        assert event.time_ms == (result.timestamp if closed is None else millis(closed) + 1)


def millis(at: datetime) -> int:
    return round((at - avro_oracle.EPOCH).total_seconds() * 1000)


def test_every_fillable_row_is_covered() -> None:
    assert {(row.product, row.kind) for row in FILLABLE} == {
        ("spot", "agg-trade"),
        ("spot", "trade"),
        ("spot", "block-trade"),
        ("spot", "kline"),
        ("usdm", "trade"),
        ("usdm", "agg-trade"),
        ("usdm", "kline"),
        ("usdm", "continuous-kline"),
        ("coinm", "trade"),
        ("coinm", "agg-trade"),
        ("coinm", "kline"),
        ("coinm", "continuous-kline"),
        ("coinm", "index-price-kline"),
        ("coinm", "mark-price-kline"),
        ("options", "trade"),
        ("options", "kline"),
    }


@pytest.mark.parametrize("row", [row for row in ROWS if row.has_snapshots], ids=row_id)
def test_a_book_becomes_a_record_without_a_first_id(row: Row) -> None:
    stream, market = lab_stream(row), Market(7)
    [event] = made(market, stream, 1, 0)
    body = ask(market, snapshot(stream, event.symbol), NOW_MS + 5)

    book = event_from_book(stream, body, event.symbol)
    found, _ = record(stream, book.payload)

    assert book.last == found["last_update_id"] == event.data["u"]
    assert (found["first_update_id"], found["previous_update_id"]) == (None, None)
    assert found["symbol"] == event.symbol
    assert found["pair"] == event.data.get("ps")
    assert [len(found["bids"]), len(found["asks"])] == [
        len(json.loads(body)["bids"]),
        len(json.loads(body)["asks"]),
    ]
    assert found["extra"] is None
    if row.product == "spot":
        assert (book.time_ms, found["event_time"]) == (None, None)
    if row.product == "usdm":
        assert book.time_ms == NOW_MS + 5


def test_a_candle_has_the_time_of_its_close() -> None:
    row = [0, "1", "2", "1", "2", "5", 59_999, "7", 3, "1", "2", "0"]
    body = json.dumps([row]).encode()

    [candle] = recover(parse("spot", "btcusdt@kline_1m"), body, "BTCUSDT")
    assert (candle.first, candle.last, candle.time_ms) == (0, 0, 60_000)


def test_the_payload_is_worded_as_the_stream_words_it() -> None:
    stream = parse("options", "btc-261225-100000-c@optionTrade")
    body = (
        b'[{"id":99,"tradeId":4,"price":"1300","qty":"0.1","quoteQty":"130","side":-1,'
        b'"time":1762780453623}]'
    )
    [event] = recover(stream, body, "BTC-261225-100000-C")
    assert json.loads(event.payload) == {
        "e": "trade",
        "s": "BTC-261225-100000-C",
        "t": 4,
        "p": "1300",
        "q": "0.1",
        "T": 1762780453623,
        "m": True,
        "S": "SELL",
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>", "json"),
        (b'{"code":-1,"msg":"x"}', "shape"),
        (b"[1]", "shape"),
        (b'[{"price":"1"}]', "field"),
    ],
)
def test_an_answer_of_another_shape_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BadMessage) as refused:
        recover(parse("spot", "btcusdt@trade"), body, "BTCUSDT")
    assert refused.value.reason == reason


def test_a_candle_without_times_is_refused() -> None:
    with pytest.raises(BadMessage, match="without its times"):
        recover(parse("spot", "btcusdt@kline_1m"), b'[["1"]]', "BTCUSDT")


def test_a_book_without_an_id_is_refused() -> None:
    with pytest.raises(BadMessage, match="lastUpdateId"):
        event_from_book(parse("spot", "btcusdt@depth"), b'{"bids":[],"asks":[]}', "BTCUSDT")
