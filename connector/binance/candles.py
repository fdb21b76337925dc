"""When a candle opens and when the next one does, for every interval Binance has.

Pure. Weeks begin on Monday, months on the first, days at midnight: UTC, or UTC+8 for streams that
end in `@+08:00` (klines page of binance-spot-api-docs, `timeZone`, 2026-07-21).
"""

from datetime import UTC, datetime

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
_UNITS_MS = {"s": 1_000, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_FIRST_MONDAY_MS = 4 * DAY_MS  # 1970-01-05: weeks are counted from it
_DECEMBER = 12
_FIRST_YEAR = 1970


def length_ms(interval: str) -> int | None:
    """Return an interval's length in milliseconds; None for months, which have several."""
    unit = _UNITS_MS.get(interval[-1])
    return None if unit is None else int(interval[:-1]) * unit


def open_time(interval: str, at_ms: int, zone_ms: int = 0) -> int:
    """Return when the candle that holds a moment opened, epoch milliseconds.

    Args:
        interval: 1s, 1m, ... 1M.
        at_ms: The moment, epoch milliseconds.
        zone_ms: How much earlier than UTC its days begin (8 hours for UTC+8).
    """
    length = length_ms(interval)
    local = at_ms + zone_ms
    if length is None:
        return _month(local, 0) - zone_ms
    shift = _FIRST_MONDAY_MS if interval.endswith("w") else 0
    return at_ms - (local - shift) % length


def next_open(interval: str, open_ms: int, zone_ms: int = 0) -> int:
    """Return when the candle after the one that opened at `open_ms` opens."""
    length = length_ms(interval)
    return open_ms + length if length is not None else _month(open_ms + zone_ms, 1) - zone_ms


def nth_open(interval: str, open_ms: int, number: int, zone_ms: int = 0) -> int:
    """Return when the candle opens that comes so many after the one at `open_ms`; -1: before it."""
    length = length_ms(interval)
    if length is not None:
        return open_ms + number * length
    return _month(open_ms + zone_ms, number) - zone_ms


def index_of(interval: str, at_ms: int, zone_ms: int = 0) -> int:
    """Return the number of the candle that holds a moment: that of the next one is one higher."""
    length = length_ms(interval)
    opened = open_time(interval, at_ms, zone_ms)
    if length is not None:
        return (opened - open_time(interval, 0, zone_ms)) // length
    day = datetime.fromtimestamp((opened + zone_ms) / 1000, UTC)
    return (day.year - _FIRST_YEAR) * _DECEMBER + day.month - 1


def open_of_index(interval: str, number: int, zone_ms: int = 0) -> int:
    """Return when the candle opens that has this number by `index_of`, epoch milliseconds."""
    return nth_open(interval, open_time(interval, 0, zone_ms), number, zone_ms)


def _month(local_ms: int, later: int) -> int:
    """Return when the month of a moment began, or one so many later (earlier, below 0)."""
    day = datetime.fromtimestamp(local_ms / 1000, UTC)
    years, month = divmod(day.month - 1 + later, _DECEMBER)
    begin = datetime(day.year + years, month + 1, 1, tzinfo=UTC)
    return int(begin.timestamp()) * 1000


def candles_between(interval: str, first_ms: int, last_ms: int, zone_ms: int = 0) -> int:
    """Return how many candles open from one opening time to another, both included."""
    length = length_ms(interval)
    if length is not None:
        return max(0, (last_ms - first_ms) // length + 1)
    count, at = 0, first_ms
    while at <= last_ms:
        count, at = count + 1, next_open(interval, at, zone_ms)
    return count
