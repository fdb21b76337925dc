"""Estimates against what was measured, and what follows from volumes and speeds."""

import pytest

from connector.binance.catalogue import ROWS, subscribable
from connector.binance.catalogue.row import Row
from connector.binance.products import Product
from connector.binance.stream_name import example, parse
from connector.planning.traffic import MIN_RATE, estimate
from tests.support.plan import Wanted, plan, universe

# Messages of the BTCUSDT perpetual in 25 s on 2026-07-30 (reference of the bench's weights).
MEASURED = {
    "bookTicker": 1993,
    "depth20@100ms": 229,
    "trade": 149,
    "aggTrade": 117,
    "kline_1m": 47,
    "ticker": 12,
    "markPrice@1s": 25,
}


@pytest.mark.parametrize(("stream", "counted"), MEASURED.items())
def test_the_measured_streams_come_out_as_measured(stream: str, counted: int) -> None:
    traffic = estimate(parse("usdm", f"btcusdt@{stream}"), volume_share=1.0)

    assert traffic.messages * 25 == pytest.approx(counted, rel=0.1)


@pytest.mark.parametrize(
    ("product", "name", "messages"),
    [
        ("spot", "btcusdt@depth", 1.0),
        ("spot", "btcusdt@depth@100ms", 10.0),
        ("usdm", "btcusdt@depth", 4.0),
        ("usdm", "btcusdt@depth@500ms", 2.0),
        ("usdm", "btcusdt@rpiDepth@500ms", 2.0),
        ("usdm", "!markPrice@arr", 1 / 3),
        ("usdm", "!markPrice@arr@1s", 1.0),
        ("usdm", "!bookTicker", 721 / 5),
        ("coinm", "btcusd_perp@miniTicker", 2.0),
        ("spot", "btcusdt@kline_1m", 0.5),
        ("spot", "btcusdt@kline_1s", 1.0),
        ("options", "btcusdt@openInterest@261225", 1 / 60),
        ("options", "btcusdt@optionIndexPrice", 1.0),
    ],
)
def test_the_update_speed_bounds_a_stream(product: Product, name: str, messages: float) -> None:
    assert estimate(parse(product, name), 1.0).messages == pytest.approx(messages)


def test_activity_scales_what_the_market_moves_and_nothing_else() -> None:
    trade, price = parse("usdm", "xusdt@trade"), parse("usdm", "xusdt@markPrice@1s")

    assert estimate(trade, 0.5).messages == pytest.approx(estimate(trade, 1.0).messages / 2)
    assert estimate(trade, 0.0).messages == MIN_RATE
    assert estimate(price, 0.0) == estimate(price, 1.0)


def test_without_volumes_bitcoin_is_busy_and_a_stranger_is_not() -> None:
    busy, quiet = (estimate(parse("spot", f"{name}@trade"), None) for name in ("btcusdt", "xusdt"))

    assert busy.messages == pytest.approx(10 * quiet.messages)


def test_an_array_weighs_what_is_listed() -> None:
    stream = parse("usdm", "!ticker@arr")
    few, many = estimate(stream, None, 10), estimate(stream, None, 1000)

    assert few.messages == many.messages
    assert 50 < many.bytes / few.bytes < 100


SERVED = [row for row in ROWS if subscribable(row)]


@pytest.mark.parametrize("row", SERVED, ids=[f"{row.product}-{row.pattern}" for row in SERVED])
def test_every_stream_has_an_estimate(row: Row) -> None:
    traffic = estimate(parse(row.product, example(row)), None)

    assert 0 < traffic.messages <= 200
    assert traffic.bytes / traffic.messages >= 60


def test_a_plan_scales_by_the_share_of_volume() -> None:
    listed = universe("usdm", "BTCUSDT", "ETHUSDT", "XUSDT", BTCUSDT=100.0, ETHUSDT=50.0)
    wanted = Wanted("usdm", ["trade"], ["BTCUSDT", "ETHUSDT", "XUSDT"])

    first, second, third = plan(wanted, universe=listed).streams

    assert second.rate == pytest.approx(first.rate / 2)
    assert third.rate == MIN_RATE


def test_a_pair_is_as_busy_as_its_contracts_together() -> None:
    listed = universe("coinm", "BTCUSD_PERP", "BTCUSD_261225", BTCUSD_PERP=100.0, BTCUSD_261225=7.0)
    stream = "<pair>_perpetual@continuousKline_1m"

    [pair] = plan(Wanted("coinm", [stream], ["BTCUSD_PERP"]), universe=listed).streams
    [symbol] = plan(Wanted("coinm", ["kline_1m"], ["BTCUSD_PERP"]), universe=listed).streams

    assert pair.rate == symbol.rate
