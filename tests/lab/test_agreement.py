"""All streams of a symbol show the same trades and the same book, and REST shows them too.

A minute of lab time, driven through the generator: nothing waits.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from connector.binance.products import Product
from connector.binance.stream_name import Stream, parse
from connector.lab.clock import Clock
from connector.lab.delivery import Delivery
from connector.lab.generator import Generator
from connector.lab.market import Market
from connector.lab.oracle import Oracle
from connector.lab.rest import paths

MINUTE_S, MINUTE_MS, SECOND_MS = 1_795_000_020, 60_000, 1_000
BEFORE_S, SECONDS = 3.0, 66.0  # from 3 s before a minute on, to 3 s after its end
STEP_S, RATE = 0.05, 80.0
COMMON = ("bookTicker", "depth@100ms", "depth5@100ms", "kline_1m", "kline_5m", "miniTicker")
SYMBOLS: dict[Product, str] = {
    "spot": "BTCUSDT",
    "usdm": "BTCUSDT",
    "coinm": "BTCUSD_PERP",
    "options": "BTC-261225-100000-C",
}
STREAMS: dict[Product, tuple[str, ...]] = {
    "spot": (*COMMON, "trade", "aggTrade", "kline_1s", "ticker", "avgPrice", "ticker_1h"),
    "usdm": (*COMMON, "trade", "aggTrade", "ticker", "markPrice@1s"),
    "coinm": (*COMMON, "trade", "aggTrade", "ticker", "markPrice@1s"),
    "options": ("optionTrade", "kline_1m", "depth@100ms", "bookTicker"),
}
PAIRS = {"usdm": "btcusdt_perpetual", "coinm": "btcusd_perpetual"}
TRADES = {"options": "optionTrade"}
CONTRACT_USD = 100
PREFIXES = {"spot": "/api/v3", "usdm": "/fapi/v1", "coinm": "/dapi/v1", "options": "/eapi/v1"}


class Day:
    """What one product's streams sent, by the name behind the symbol, and its REST side."""

    def __init__(self, product: Product, seconds: float = SECONDS) -> None:
        self.product, self.symbol = product, SYMBOLS[product]
        self.now_s = MINUTE_S - BEFORE_S
        self.market = Market(4)
        self.data: dict[str, list[Any]] = defaultdict(list)
        delivery = Delivery(Oracle(), Clock(lambda: self.now_s))
        names = [f"{self.symbol.lower()}@{name}" for name in STREAMS[product]]
        if product in PAIRS:
            names.append(f"{PAIRS[product]}@continuousKline_1m")
        for name in names:
            delivery.begin(parse(product, name))
        delivery.filters.append(self._take)
        generator = Generator(self.market, RATE)
        while self.now_s < MINUTE_S - BEFORE_S + seconds:
            generator.advance(delivery, STEP_S)
            self.now_s += STEP_S

    def _take(self, message: Any) -> tuple[()]:
        self.data[message.name.partition("@")[2]].append(json.loads(message.payload))
        return ()

    @property
    def trades(self) -> list[dict[str, Any]]:
        return self.data[TRADES.get(self.product, "trade")]

    @property
    def fills(self) -> list[dict[str, Any]]:
        """Return the trades without ids spent without a fill."""
        return [trade for trade in self.trades if Decimal(trade["q"])]

    def stream(self, name: str) -> Stream:
        return parse(self.product, f"{self.symbol.lower()}@{name}")

    def rest(self, path: str, **query: Any) -> Any:
        full = PREFIXES[self.product] + path
        known = next(known for known in paths(self.market) if known.path == full)
        parameters = {"symbol": self.symbol} | {name: str(value) for name, value in query.items()}
        keyed = {"X-MBX-APIKEY": "k" * 64}
        return known.answer(parameters, keyed, round(self.now_s * 1000))

    def value(self, trade: Mapping[str, Any]) -> Decimal:
        price, quantity = Decimal(trade["p"]), Decimal(trade["q"])
        value = quantity * CONTRACT_USD / price if self.product == "coinm" else quantity * price
        return value.quantize(Decimal("0.00000001"))

    def candle(self, opened: int, length_ms: int) -> dict[str, Any]:
        """Return the candle that the trades make, by the keys of a candle stream."""
        inside = [trade for trade in self.fills if opened <= trade["T"] < opened + length_ms]
        prices = [Decimal(trade["p"]) for trade in inside]
        bought = [trade for trade in inside if not trade["m"]]
        return {
            "t": opened,
            "f": inside[0]["t"],
            "L": inside[-1]["t"],
            "o": prices[0],
            "h": max(prices),
            "l": min(prices),
            "c": prices[-1],
            "v": sum(Decimal(trade["q"]) for trade in inside),
            "n": len(inside),
            "q": sum(map(self.value, inside)),
            "V": sum(Decimal(trade["q"]) for trade in bought),
            "Q": sum(map(self.value, bought)),
        }


day = cache(Day)
PRODUCTS = tuple(SYMBOLS)


def numbers(candle: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a stream's candle can be computed from trades."""
    exact = {key: candle[key] for key in "tfLn"}
    return exact | {key: Decimal(candle[key]) for key in "ohlcvqVQ"}


def closed(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["k"] for event in events if event["k"]["x"]]


@pytest.mark.parametrize("product", PRODUCTS)
def test_candles_of_a_stream_are_those_of_its_trades(product: Product) -> None:
    made = day(product)
    candles = [candle for candle in closed(made.data["kline_1m"]) if candle["t"] >= MINUTE_S * 1000]

    assert [numbers(candle) for candle in candles] == [made.candle(MINUTE_S * 1000, MINUTE_MS)]


def test_candles_of_a_second_are_those_of_its_trades() -> None:
    made = day("spot")
    candles = [candle for candle in closed(made.data["kline_1s"]) if candle["n"]]

    assert len(candles) > 50
    for candle in candles[1:]:
        assert numbers(candle) == made.candle(candle["t"], SECOND_MS)


@pytest.mark.parametrize("product", PAIRS)
def test_candles_of_a_pair_are_those_of_its_contract(product: Product) -> None:
    made = day(product)
    own = {candle["t"]: candle for candle in closed(made.data["kline_1m"])}
    of_pair = closed(made.data["continuousKline_1m"])

    assert of_pair
    for candle in of_pair:
        assert numbers(candle) == numbers(own[candle["t"]])


@pytest.mark.parametrize("product", PRODUCTS)
def test_rest_has_the_same_candles(product: Product) -> None:
    made = day(product)
    rows = made.rest("/klines", interval="1m", startTime=MINUTE_S * 1000, limit=1)

    for row in rows:
        made_of = made.candle(row[0], MINUTE_MS)
        columns = (0, 1, 2, 3, 4, 5, 7, 8, 9, 10)
        assert [Decimal(row[column]) for column in columns] == [
            made_of[key] for key in "tohlcvqnVQ"
        ]


def test_an_interval_first_asked_for_now_has_the_candles_of_before() -> None:
    made = day("spot")
    minutes = made.rest("/klines", interval="1m", startTime=MINUTE_S * 1000, limit=1)
    rows = made.rest("/klines", interval="1h")
    [first, *_] = made.fills
    seconds = made.rest("/klines", interval="1s", limit=1000)

    assert len(rows) == 1
    assert Decimal(rows[0][1]) == Decimal(first["p"])
    assert rows[0][8] == len(made.fills)
    inside = [row for row in seconds if minutes[0][0] <= row[0] <= minutes[0][6]]
    assert sum(row[8] for row in inside) == minutes[0][8]


@pytest.mark.parametrize("product", ["spot", "usdm", "coinm"])
def test_aggregates_are_sums_of_trades(product: Product) -> None:
    made = day(product)
    trades = {trade["t"]: trade for trade in made.fills}
    aggregates = made.data["aggTrade"]
    spans = [range(aggregate["f"], aggregate["l"] + 1) for aggregate in aggregates]

    assert {number for span in spans for number in span} >= trades.keys()
    assert any(len(span) > 1 for span in spans)
    for aggregate, span in zip(aggregates, spans, strict=True):
        parts = [trades[number] for number in span]
        assert {(part["p"], part["m"]) for part in parts} == {(aggregate["p"], aggregate["m"])}
        assert Decimal(aggregate["q"]) == sum(Decimal(part["q"]) for part in parts)


@pytest.mark.parametrize("product", PRODUCTS)
def test_rest_has_the_same_trades(product: Product) -> None:
    made = day(product)
    rows = made.rest("/trades", limit=100)
    last = made.fills[-100:]

    key = "tradeId" if product == "options" else "id"
    assert [(row[key], row["price"], row["qty"], row["time"]) for row in rows] == [
        (trade["t"], trade["p"], trade["q"], trade["T"]) for trade in last
    ]


@pytest.mark.parametrize("product", ["spot", "usdm", "coinm"])
def test_rest_has_the_same_aggregates(product: Product) -> None:
    made = day(product)
    rows = made.rest("/aggTrades", limit=100)

    keys = "apqflT"
    assert [[row[key] for key in keys] for row in rows] == [
        [aggregate[key] for key in keys] for aggregate in made.data["aggTrade"][-100:]
    ]


@pytest.mark.parametrize("product", ["spot", "usdm", "coinm"])
def test_statistics_of_a_day_grow_by_the_trades(product: Product) -> None:
    made = day(product)
    tickers = made.data["ticker"]
    for before, after in pairwise(tickers):
        between = [trade for trade in made.fills if before["L"] < trade["t"] <= after["L"]]
        assert after["n"] - before["n"] == len(between)
        assert Decimal(after["v"]) - Decimal(before["v"]) == sum(
            Decimal(trade["q"]) for trade in between
        )
        assert Decimal(after["q"]) - Decimal(before["q"]) == sum(map(made.value, between))
    prices = {trade["t"]: trade["p"] for trade in made.fills}
    assert all(after["c"] == prices[after["L"]] for after in tickers[1:])
    assert all(Decimal(t["l"]) <= Decimal(t["c"]) <= Decimal(t["h"]) for t in tickers)


@pytest.mark.parametrize("product", ["spot", "usdm", "coinm"])
def test_rest_has_the_statistics_of_a_day(product: Product) -> None:
    made = day(product)
    mini = made.data["miniTicker"][-1]
    row = made.rest("/ticker/24hr")

    assert row["lastPrice"] == made.fills[-1]["p"]
    assert row["openPrice"] == mini["o"]
    assert (Decimal(row["lowPrice"]), Decimal(row["highPrice"])) == (
        min(Decimal(mini["l"]), *(Decimal(t["p"]) for t in made.fills)),
        max(Decimal(mini["h"]), *(Decimal(t["p"]) for t in made.fills)),
    )
    assert row["lastId"] == made.fills[-1]["t"]


def test_a_window_of_an_hour_has_the_trades_since_the_start() -> None:
    made = day("spot")
    window = made.data["ticker_1h"][-1]
    since = [trade for trade in made.fills if trade["t"] <= window["L"]]

    assert (window["F"], window["n"]) == (since[0]["t"], len(since))
    assert Decimal(window["v"]) == sum(Decimal(trade["q"]) for trade in since)
    assert (window["o"], window["c"]) == (since[0]["p"], since[-1]["p"])


def test_the_average_price_is_that_of_the_trades() -> None:
    made = day("spot")
    average = made.data["avgPrice"][-1]
    since = [trade for trade in made.fills if trade["T"] <= average["T"]]
    value = sum(map(made.value, since), Decimal(0))

    assert Decimal(average["w"]) == round(value / sum(Decimal(t["q"]) for t in since), 8)


@pytest.mark.parametrize("product", PRODUCTS)
def test_book_ticker_changes_and_snapshot_are_of_one_book(product: Product) -> None:
    made = day(product)
    changes, tickers = made.data["depth@100ms"], made.data["bookTicker"]
    for ids in ([change["u"] for change in changes], [ticker["u"] for ticker in tickers]):
        assert ids == sorted(set(ids))
    book = made.market.book(product, made.symbol)
    assert book.update_id >= max(changes[-1]["u"], tickers[-1]["u"])

    [last] = made.market.next_events(made.stream("depth@100ms"), round(made.now_s * 1000))
    levels: dict[tuple[str, str], Decimal] = {}
    for change in (*changes, last.data):
        levels |= {(side, p): Decimal(q) for side in "ba" for p, q in change[side]}
    shown = made.rest("/depth", limit=1000)
    assert shown["lastUpdateId"] == last.data["u"]
    assert (shown["bids"][0], shown["asks"][0]) == book.best()
    for side, rows in (("b", shown["bids"]), ("a", shown["asks"])):
        present = {price: Decimal(quantity) for price, quantity in rows}
        for (changed_side, price), quantity in levels.items():
            if changed_side == side and quantity:
                assert present[price] == quantity


@pytest.mark.parametrize("product", PRODUCTS)
def test_trades_are_at_the_best_price(product: Product) -> None:
    made = day(product)
    spread = Decimal("0.1") if product == "coinm" else Decimal("0.01")
    for ticker in made.data["bookTicker"]:
        assert Decimal(ticker["a"]) - Decimal(ticker["b"]) == spread
    quoted = [Decimal(ticker["b"]) for ticker in made.data["bookTicker"]]
    traded = [Decimal(trade["p"]) for trade in made.fills]
    assert abs(max(quoted) - max(traded)) < Decimal("5.0")


@pytest.mark.parametrize("product", ["usdm", "coinm"])
def test_mark_and_index_prices_are_near_the_trades(product: Product) -> None:
    made = day(product)
    marks = made.data["markPrice@1s"]
    low = min(Decimal(trade["p"]) for trade in made.fills) - 1
    high = max(Decimal(trade["p"]) for trade in made.fills) + 1

    assert len(marks) > 50
    assert all(low < Decimal(mark[key]) < high for mark in marks for key in "pi")


def test_the_index_price_of_a_pair_follows_its_contract() -> None:
    market = Market(4)
    stream, trades = parse("coinm", "btcusd@indexPrice"), parse("coinm", "btcusd_perp@trade")
    for number in range(200):
        [trade] = market.next_events(trades, MINUTE_S * 1000 + number)
        [index] = market.next_events(stream, MINUTE_S * 1000 + number)
        assert abs(Decimal(index.data["p"]) - Decimal(trade.data["p"])) < 1


def test_the_same_seed_makes_the_same_messages() -> None:
    assert Day("spot", 10.0).data == Day("spot", 10.0).data


def test_to_ask_rest_changes_no_event() -> None:
    untouched, queried = Market(4), Market(4)
    names = ("trade", "kline_1m", "aggTrade", "miniTicker", "avgPrice")
    streams = [parse("spot", f"btcusdt@{name}") for name in names]
    for number in range(50):
        now = MINUTE_S * 1000 + 700 * number
        for path in paths(queried):
            if path.path in ("/api/v3/depth", "/api/v3/klines", "/api/v3/ticker/24hr"):
                path.answer({"symbol": "BTCUSDT", "interval": "5m"}, {}, now)
        for stream in streams:
            assert queried.next_events(stream, now) == untouched.next_events(stream, now)


def test_every_stream_has_events_and_all_of_them_come_at_the_rate() -> None:
    market, made, now_s = Market(4), defaultdict[str, int](int), float(MINUTE_S)
    delivery = Delivery(Oracle(), Clock(lambda: now_s))
    names = {f"btcusdt@{name}" for name in STREAMS["spot"]}
    for name in names:
        delivery.begin(parse("spot", name))

    def count(message: Any) -> tuple[()]:
        made[message.name] += 1
        return ()

    delivery.filters.append(count)
    generator = Generator(market, 500.0)
    for _ in range(1_000):
        generator.advance(delivery, 0.01)
        now_s += 0.01

    assert made.keys() == names
    assert 4_990 <= sum(made.values()) <= 5_010


def test_a_state_that_is_sent_by_the_clock_has_one_message_a_time() -> None:
    sent: list[str] = []
    delivery = Delivery(Oracle(), Clock(lambda: float(MINUTE_S)))
    for name in ("btcusdt@markPrice", "btcusdt@trade"):
        delivery.begin(parse("usdm", name))

    def note(message: Any) -> tuple[()]:
        sent.append(message.name)
        return ()

    delivery.filters.append(note)
    Generator(Market(4), 500.0).advance(delivery, 0.1)

    assert sent.count("btcusdt@markPrice") == 1
    assert sent.count("btcusdt@trade") > 10
