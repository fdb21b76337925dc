"""What the candles of an engine must be: while a gap is open, and once it has been filled."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.support.candles import Amounts

Candle = Mapping[str, Any]  # an engine's columns
Candles = dict[int, Candle]  # by epoch ms of the window's begin


@dataclass(frozen=True, slots=True)
class Seen:
    """The candles of an engine while the gap is open, and at the end; and the exchange's own."""

    before: Candles
    after: Candles
    truth: Mapping[int, Amounts]


def amounts(candle: Candle) -> Amounts:
    """Return a candle's values as numbers."""
    prices = [Decimal(candle[f"{name}_price"]) for name in ("open", "high", "low", "close")]
    volume, value = Decimal(candle["volume"]), Decimal(candle["quote_volume"])
    return (prices[0], prices[1], prices[2], prices[3], volume, value, candle["trade_count"])


def having(candles: Candles, status: str) -> list[int]:
    """Return the windows with a status, in order."""
    return sorted(at for at, candle in candles.items() if candle["status"] == status)


def assert_held_back(seen: Seen) -> None:
    """While trades are missing no candle from the gap on is whole, and some are wrong."""
    held = having(seen.before, "filling")
    assert held != []
    assert [at for at in having(seen.before, "whole") if at >= held[0]] == []
    assert [at for at in held if amounts(seen.before[at]) != seen.truth[at]] != []


def assert_equal_to_the_exchange(seen: Seen) -> None:
    """Whole candles have the exchange's own values, those that were held back too."""
    whole = having(seen.after, "whole")
    assert {at: amounts(seen.after[at]) for at in whole} == {at: seen.truth[at] for at in whole}
    assert set(having(seen.before, "filling")) <= set(whole)
    assert sum(seen.after[at]["fetched_count"] for at in whole) > 0


def assert_mean_prices(seen: Seen) -> None:
    """The VWAP is the exchange's value by its volume, to 8 decimals."""
    for at in having(seen.after, "whole"):
        *_, volume, value, _ = seen.truth[at]
        assert abs(Decimal(seen.after[at]["vwap"]) - value / volume) <= Decimal("1E-8")


def assert_first_is_cut(seen: Seen) -> None:
    """The candle in which reading began is not called whole."""
    assert having(seen.after, "cut") == [min(seen.after)]
