"""The lab remembers what it made, answers as the exchange's REST does, and keeps true books."""

import json
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from connector.binance.stream_name import Stream, parse
from connector.lab.market import Market
from connector.lab.rest import Rest, paths
from connector.lab.rest.query import Complaint, Path
from connector.lab.trade_history import History, TradeRow

NOW_MS = 1_795_000_000_000
HOUR_MS = 3_600_000
KEY = {"X-MBX-APIKEY": "k" * 64}


def made(market: Market, stream: Stream, events: int, step_ms: int = 10) -> list[dict[str, Any]]:
    return [
        market.next_events(stream, NOW_MS + number * step_ms)[0].data for number in range(events)
    ]


def answer(market: Market, path: str, query: str, headers: Mapping[str, str] | None = None) -> Any:
    route = next(candidate for candidate in paths(market) if candidate.path == path)
    parameters = dict(part.split("=") for part in query.split("&"))
    return route.answer(parameters, headers or {}, NOW_MS + 10 * HOUR_MS)


def complaint(market: Market, path: str, query: str) -> tuple[int, int, str]:
    with pytest.raises(Complaint) as refused:
        answer(market, path, query)
    return refused.value.status, refused.value.code, str(refused.value)


# Trades


def test_trades_are_found_again_by_their_id() -> None:
    market = Market(1)
    trades = made(market, parse("spot", "btcusdt@trade"), 30)
    first = trades[10]

    rows = answer(market, "/api/v3/historicalTrades", f"symbol=BTCUSDT&fromId={first['t']}&limit=2")

    assert [row["id"] for row in rows] == [first["t"], first["t"] + 1]
    assert rows[0] == {
        "id": first["t"],
        "price": first["p"],
        "qty": first["q"],
        "quoteQty": f"{Decimal(first['p']) * Decimal(first['q']):f}",
        "time": first["T"],
        "isBuyerMaker": first["m"],
        "isBestMatch": True,
    }


def test_without_an_id_the_latest_are_given() -> None:
    market = Market(1)
    trades = made(market, parse("spot", "btcusdt@trade"), 30)
    rows = answer(market, "/api/v3/trades", "symbol=BTCUSDT&limit=3")
    assert [row["id"] for row in rows] == [trade["t"] for trade in trades[-3:]]


def test_an_id_that_is_too_old_is_answered_from_later_on() -> None:
    market = Market(1)
    market.history.retention = 5
    trades = made(market, parse("spot", "btcusdt@trade"), 30)
    rows = answer(market, "/api/v3/historicalTrades", f"symbol=BTCUSDT&fromId={trades[0]['t']}")
    assert [row["id"] for row in rows] == [trade["t"] for trade in trades[-5:]]


def test_aggregates_are_found_by_time_too() -> None:
    market = Market(1)
    trades = made(market, parse("spot", "btcusdt@aggTrade"), 30)
    times = f"startTime={trades[4]['T']}&endTime={trades[6]['T']}"
    rows = answer(market, "/api/v3/aggTrades", f"symbol=BTCUSDT&{times}")
    assert [row["a"] for row in rows] == [trade["a"] for trade in trades[4:7]]


def test_futures_aggregates_reach_back_a_day_only() -> None:
    market = Market(1)
    market.history.horizon_ms = 10 * HOUR_MS - 100  # the calls come 10 h after the first trade
    trades = made(market, parse("usdm", "btcusdt@aggTrade"), 30)
    rows = answer(market, "/fapi/v1/aggTrades", f"symbol=BTCUSDT&fromId={trades[0]['a']}")
    assert [row["a"] for row in rows] == [trade["a"] for trade in trades[10:]]


def test_usdm_ids_spent_without_a_fill_are_sent_and_never_listed() -> None:
    market = Market(1)
    trades = made(market, parse("usdm", "btcusdt@trade"), 400)
    spent = [trade["t"] for trade in trades if trade["q"] == "0"]
    rows = answer(
        market,
        "/fapi/v1/historicalTrades",
        f"symbol=BTCUSDT&fromId={trades[0]['t']}&limit=500",
        KEY,
    )
    assert spent
    assert [row["id"] for row in rows] == [trade["t"] for trade in trades if trade["q"] != "0"]


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/fapi/v1/historicalTrades", "symbol=BTCUSDT", (401, -2014)),
        ("/dapi/v1/historicalTrades", "symbol=BTCUSD_PERP", (401, -2014)),
        ("/api/v3/historicalBlockTrades", "symbol=BTCUSDT", (400, -1102)),
        ("/api/v3/aggTrades", "symbol=NOPE", (400, -1121)),
        ("/api/v3/aggTrades", "limit=5", (400, -1102)),
        ("/api/v3/aggTrades", "symbol=BTCUSDT&fromId=x", (400, -1100)),
        ("/api/v3/aggTrades", "symbol=BTCUSDT&limit=0", (400, -1130)),
        ("/fapi/v1/aggTrades", "symbol=BTCUSDT&fromId=1&startTime=2", (400, -1128)),
        ("/dapi/v1/aggTrades", "symbol=BTCUSD_PERP&startTime=0&endTime=3600000", (400, -1127)),
        ("/fapi/v1/depth", "symbol=BTCUSDT&limit=30", (400, -1130)),
        ("/fapi/v1/rpiDepth", "symbol=BTCUSDT&limit=500", (400, -1130)),
        ("/api/v3/klines", "symbol=BTCUSDT&interval=7m", (400, -1120)),
        ("/api/v3/klines", "symbol=NOPEUSDT&interval=1m", (400, -1121)),
        ("/api/v3/klines", "symbol=BTCUSDT&interval=1m&timeZone=3", (400, -1100)),
    ],
)
def test_a_wrong_call_is_refused_with_the_exchanges_code(
    path: str, query: str, expected: tuple[int, int]
) -> None:
    assert complaint(Market(1), path, query)[:2] == expected


def test_memory_is_bounded() -> None:
    history = History(retention=10)
    for number in range(100):
        row = TradeRow(number, "1", "1", number, maker=True)
        history.note("spot", "trade", "BTCUSDT", row)
    assert [trade.id for trade in history.known("spot", "trade", "BTCUSDT", 0)] == list(
        range(90, 100)
    )


# Candles


def test_every_candle_ends_idle_ones_too() -> None:
    market, stream = Market(1), parse("spot", "btcusdt@kline_1s")
    events = [market.next_events(stream, NOW_MS + n * 900)[0].data["k"] for n in range(40)]
    closed = [candle["t"] for candle in events if candle["x"]]
    assert closed == list(range(NOW_MS, closed[-1] + 1, 1_000))
    assert any(candle["n"] == 0 and candle["f"] == -1 for candle in events if candle["x"])


def test_a_market_nobody_asked_for_a_while_does_not_replay_the_past() -> None:
    market, stream = Market(1), parse("spot", "btcusdt@kline_1s")
    market.next_events(stream, NOW_MS)
    [event] = market.next_events(stream, NOW_MS + 60_500)
    assert (event.data["k"]["t"], event.data["k"]["x"]) == (NOW_MS + 60_000, False)
    end = NOW_MS + 59_000
    rows = answer(
        market, "/api/v3/klines", f"symbol=BTCUSDT&interval=1s&startTime={NOW_MS}&endTime={end}"
    )
    assert [row[0] for row in rows] == list(range(NOW_MS, end + 1, 1_000))


def test_a_candles_volumes_are_the_sum_of_its_trades() -> None:
    market, stream = Market(1), parse("spot", "btcusdt@kline_1m")
    [*_, last] = made(market, stream, 50)
    candle = last["k"]
    assert candle["n"] == candle["L"] - candle["f"] + 1
    assert Decimal(candle["l"]) <= Decimal(candle["o"]) <= Decimal(candle["h"])
    assert Decimal(0) < Decimal(candle["V"]) < Decimal(candle["v"])
    assert Decimal(candle["l"]) <= Decimal(candle["q"]) / Decimal(candle["v"])
    assert Decimal(candle["q"]) / Decimal(candle["v"]) <= Decimal(candle["h"])


def test_asking_rest_changes_nothing_on_the_stream() -> None:
    queried, untouched = Market(1), Market(1)
    stream = parse("spot", "btcusdt@kline_1s")
    for number in range(30):
        now = NOW_MS + number * 700
        for row in paths(queried):
            if row.path == "/api/v3/klines":
                row.answer({"symbol": "BTCUSDT", "interval": "1s"}, {}, now)
        assert queried.next_events(stream, now) == untouched.next_events(stream, now)


# Books


def apply(book: dict[str, dict[str, str]], data: Mapping[str, Any]) -> None:
    for side in "ba":
        for price, quantity in data[side]:
            if Decimal(quantity) == 0:
                book[side].pop(price, None)
            else:
                book[side][price] = quantity


def snapshot(market: Market, stream: Stream, symbol: str) -> dict[str, Any]:
    path = stream.row.backfill.path  # type: ignore[union-attr]
    limit = 5000 if stream.product == "spot" else 1000
    found: dict[str, Any] = answer(market, path, f"symbol={symbol}&limit={limit}")
    return found


BOOKS = [
    ("spot", "btcusdt@depth@100ms", "BTCUSDT"),
    ("spot", "xrpusdt@depth", "XRPUSDT"),
    ("usdm", "btcusdt@depth", "BTCUSDT"),
    ("usdm", "btcusdt@rpiDepth@500ms", "BTCUSDT"),
    ("coinm", "btcusd_perp@depth@500ms", "BTCUSD_PERP"),
    ("options", "btc-261225-100000-c@depth@100ms", "BTC-261225-100000-C"),
]


@pytest.mark.parametrize(("product", "name", "symbol"), BOOKS)
def test_a_snapshot_and_the_changes_after_it_make_the_true_book(
    product: Any, name: str, symbol: str
) -> None:
    market, stream = Market(1), parse(product, name)
    made(market, stream, 20)
    begun = snapshot(market, stream, symbol)
    book = {"b": dict(begun["bids"]), "a": dict(begun["asks"])}
    last, chained = begun["lastUpdateId"], False

    for data in made(market, stream, 300):
        if not chained and product == "spot":
            assert data["U"] <= last + 1 <= data["u"]
        elif not chained:
            assert data["pu"] <= last <= data["u"]
        elif product == "spot":
            assert data["U"] == last + 1
        else:
            assert data["pu"] == last
        chained, last = True, data["u"]
        apply(book, data)

    ended = snapshot(market, stream, symbol)
    assert ended["lastUpdateId"] == last
    true = market.book(stream.product, symbol, stream.row.kind)
    assert {side: len(levels) for side, levels in book.items()} == {
        side: len(levels) for side, levels in true.sides.items()
    }
    depth = len(ended["bids"])
    best = sorted(book["b"].items(), key=lambda level: -Decimal(level[0]))[:depth]
    assert [list(level) for level in best] == ended["bids"]
    best = sorted(book["a"].items(), key=lambda level: Decimal(level[0]))[: len(ended["asks"])]
    assert [list(level) for level in best] == ended["asks"]
    assert Decimal(ended["bids"][0][0]) < Decimal(ended["asks"][0][0])


def test_streams_of_one_book_cut_the_same_changes_differently() -> None:
    market = Market(1)
    fast, slow = parse("usdm", "btcusdt@depth@100ms"), parse("usdm", "btcusdt@depth@500ms")
    made(market, slow, 1)
    quick = made(market, fast, 5)
    [after] = made(market, slow, 1)
    assert after["U"] <= quick[0]["U"]
    assert after["u"] > quick[-1]["u"]


def test_a_stream_too_far_behind_begins_anew() -> None:
    market = Market(1)
    slow = parse("spot", "btcusdt@depth")
    [before] = made(market, slow, 1)
    made(market, parse("spot", "btcusdt@depth@100ms"), 2_500)
    [after] = made(market, slow, 1)
    assert after["U"] > before["u"] + 1


def test_partial_books_show_the_best_levels() -> None:
    market, stream = Market(1), parse("spot", "btcusdt@depth20")
    [data] = made(market, stream, 1)
    best = answer(market, "/api/v3/depth", "symbol=BTCUSDT&limit=20")
    assert data == best


# Over HTTP


@pytest.fixture
async def served() -> AsyncIterator[tuple[Market, str]]:
    market = Market(1)
    rest = Rest(market)
    await rest.start()
    yield market, rest.url
    await rest.stop()


async def test_answers_and_complaints_travel_as_json(served: tuple[Market, str]) -> None:
    market, url = served
    trades = made(market, parse("spot", "btcusdt@trade"), 3)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/api/v3/trades?symbol=BTCUSDT") as response:
            assert response.content_type == "application/json"
            assert [row["id"] for row in await response.json()] == [trade["t"] for trade in trades]
        async with session.get(f"{url}/api/v3/trades") as response:
            text = "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."
            assert response.status == 400
            assert json.loads(await response.text()) == {"code": -1102, "msg": text}


def test_a_call_weighs_what_the_exchange_says() -> None:
    weights: dict[str, Path] = {entry.path: entry for entry in paths(Market(1))}
    assert weights["/api/v3/aggTrades"].weigh({}) == 4
    assert weights["/fapi/v1/historicalTrades"].weigh({}) == 200
    assert weights["/fapi/v1/klines"].weigh({"limit": "1500"}) == 10
    assert weights["/fapi/v1/klines"].weigh({}) == 5
    assert weights["/api/v3/depth"].weigh({"limit": "5000"}) == 250
    assert weights["/eapi/v1/depth"].weigh({"limit": "x"}) == 5
