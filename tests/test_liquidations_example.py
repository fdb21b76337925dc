"""examples/python/liquidations.py: when the sum of a minute rises above the bound."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from examples.python.liquidations import Liquidations, Record

BEGIN = datetime(2026, 11, 24, tzinfo=UTC)


def order(second: float, quantity: str, symbol: str = "BTCUSDT", price: str = "100") -> Record:
    return {
        "symbol": symbol,
        "trade_time": BEGIN + timedelta(seconds=second),
        "average_price": Decimal(price),
        "filled_quantity": Decimal(quantity),
    }


def sums(*orders: Record) -> list[Decimal | None]:
    found = Liquidations(Decimal(1000))
    return [found.take(order) for order in orders]


def test_one_large_order_is_an_alert() -> None:
    assert sums(order(0, "10.01")) == [Decimal(1001)]


def test_the_bound_itself_is_none() -> None:
    assert sums(order(0, "10")) == [None]


def test_orders_of_a_minute_add_up_to_one_alert() -> None:
    assert sums(order(0, "6"), order(59.9, "6"), order(59.9, "6")) == [None, Decimal(1200), None]


def test_an_order_of_a_minute_ago_counts_no_more() -> None:
    assert sums(order(0, "6"), order(60, "6")) == [None, None]


def test_after_a_calm_the_next_rise_is_an_alert_again() -> None:
    assert sums(order(0, "11"), order(90, "12")) == [Decimal(1100), Decimal(1200)]


def test_symbols_are_counted_apart() -> None:
    assert sums(order(0, "6"), order(1, "6", "ETHUSDT")) == [None, None]
