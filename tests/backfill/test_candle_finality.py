"""A candle is taken when it cannot change any more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.backfill.candle_finality import (
    CANDLE_SETTLES_MS,
    MAX_REST_LAG_MS,
    final_rows,
    seconds_left,
)
from connector.backfill.pages import after
from connector.binance.stream_name import parse
from connector.codec.rest_rows import RestEvent

MINUTE_MS = 60_000
MINUTES, TRADES = parse("spot", "btcusdt@kline_1m"), parse("spot", "btcusdt@trade")


def final(*opened: int, now_ms: float, last: int = MINUTE_MS) -> list[int]:
    """Return the open times of the rows that are final."""
    rows = [RestEvent(b"", each, each, after(MINUTES, each)) for each in opened]
    return [row.first for row in final_rows(MINUTES, rows, last, now_ms)]


@pytest.mark.parametrize(
    ("since_close_ms", "candles"),
    [(0, [0]), (CANDLE_SETTLES_MS - 1, [0]), (CANDLE_SETTLES_MS, [0, MINUTE_MS, 2 * MINUTE_MS])],
)
def test_a_candle_just_closed_may_still_change(since_close_ms: int, candles: list[int]) -> None:
    now_ms = 2 * MINUTE_MS + since_close_ms
    assert final(0, MINUTE_MS, 2 * MINUTE_MS, now_ms=now_ms) == candles


@pytest.mark.parametrize(
    ("since_close_ms", "candles"),
    [(CANDLE_SETTLES_MS, [0]), (MAX_REST_LAG_MS - 1, [0]), (MAX_REST_LAG_MS, [0, MINUTE_MS])],
)
def test_the_newest_candle_of_an_answer_may_be_open_when_rest_is_behind(
    since_close_ms: int, candles: list[int]
) -> None:
    assert final(0, MINUTE_MS, now_ms=2 * MINUTE_MS + since_close_ms) == candles


def test_a_candle_behind_those_wanted_need_not_be_final() -> None:
    assert final(0, MINUTE_MS, now_ms=MINUTE_MS + CANDLE_SETTLES_MS, last=0) == [0, MINUTE_MS]


@given(
    lag_ms=st.integers(0, CANDLE_SETTLES_MS - 1_500),
    changes_for_ms=st.integers(0, 1_500),
    now_ms=st.integers(MINUTE_MS, 4 * MINUTE_MS),
    interval_s=st.sampled_from([1, 60]),
)
def test_no_candle_is_taken_that_could_change_though_rest_is_behind(
    lag_ms: int, changes_for_ms: int, now_ms: int, interval_s: int
) -> None:
    stream = parse("spot", f"btcusdt@kline_{'1s' if interval_s == 1 else '1m'}")
    seen_ms = now_ms - lag_ms  # what the answer shows is of this moment
    opened = range(0, seen_ms + 1, interval_s * 1_000)
    rows = [RestEvent(b"", each, each, after(stream, each)) for each in opened]
    taken = final_rows(stream, rows, 4 * MINUTE_MS, now_ms)
    assert all((row.time_ms or 0) + changes_for_ms <= seen_ms for row in taken)


def test_trades_are_final() -> None:
    rows = [RestEvent(b"", 7, 7, 1_000)]
    assert list(final_rows(TRADES, rows, 7, 1_000)) == rows
    assert seconds_left(TRADES, 7, 1_000) == 0.0


@pytest.mark.parametrize(("now_ms", "seconds"), [(MINUTE_MS, 10.0), (10 * MINUTE_MS, 0.0)])
def test_a_candle_is_awaited_until_it_may_be_final(now_ms: int, seconds: float) -> None:
    assert seconds_left(MINUTES, 0, now_ms) == seconds
