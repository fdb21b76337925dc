"""Candles open where Binance says: at midnight, on Mondays, on the first of a month."""

from datetime import UTC, datetime

import pytest

from connector.binance.candles import (
    candles_between,
    index_of,
    length_ms,
    next_open,
    nth_open,
    open_of_index,
    open_time,
)
from connector.binance.catalogue.kinds import INTERVALS_WITH_1S


def ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp()) * 1000


AT = ms(2026, 9, 22, 13, 47) + 123  # a Tuesday


@pytest.mark.parametrize(
    ("interval", "opened"),
    [
        ("1m", ms(2026, 9, 22, 13, 47)),
        ("5m", ms(2026, 9, 22, 13, 45)),
        ("4h", ms(2026, 9, 22, 12)),
        ("1d", ms(2026, 9, 22)),
        ("1w", ms(2026, 9, 21)),
        ("1M", ms(2026, 9, 1)),
    ],
)
def test_a_candle_opens_at_the_last_round_time(interval: str, opened: int) -> None:
    assert open_time(interval, AT) == opened


def test_days_of_utc_plus_8_open_eight_hours_earlier() -> None:
    assert open_time("1d", AT, 8 * 3_600_000) == ms(2026, 9, 21, 16)
    assert open_time("1M", ms(2026, 9, 30, 17), 8 * 3_600_000) == ms(2026, 9, 30, 16)


def test_a_month_is_followed_by_the_next_one_over_the_year() -> None:
    assert next_open("1M", ms(2026, 12, 1)) == ms(2027, 1, 1)
    assert next_open("1M", ms(2026, 11, 1)) == ms(2026, 12, 1)
    assert length_ms("1M") is None


@pytest.mark.parametrize("interval", INTERVALS_WITH_1S)
def test_each_candle_opens_where_the_one_before_ended(interval: str) -> None:
    opened = open_time(interval, AT)
    after = next_open(interval, opened)
    assert open_time(interval, after - 1) == opened
    assert open_time(interval, after) == after
    assert candles_between(interval, opened, after) == 2
    assert candles_between(interval, after, opened) == 0


@pytest.mark.parametrize("interval", INTERVALS_WITH_1S)
@pytest.mark.parametrize("zone", [0, 8 * 3_600_000])
def test_candles_are_numbered_without_a_break(interval: str, zone: int) -> None:
    opened = open_time(interval, AT, zone)
    number = index_of(interval, opened, zone)
    after = next_open(interval, opened, zone)
    assert [index_of(interval, at, zone) for at in (opened - 1, after - 1, after)] == [
        number - 1,
        number,
        number + 1,
    ]
    assert [open_of_index(interval, index, zone) for index in (number, number + 1)] == [
        opened,
        after,
    ]


@pytest.mark.parametrize("interval", INTERVALS_WITH_1S)
def test_the_nth_candle_is_counted_in_both_directions(interval: str) -> None:
    opened = open_time(interval, AT)
    assert nth_open(interval, opened, 0) == opened
    assert nth_open(interval, opened, 1) == next_open(interval, opened)
    assert nth_open(interval, nth_open(interval, opened, -13), 13) == opened
