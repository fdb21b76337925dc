"""Open times of candles, for every interval Binance has. Pure.

Intervals are written 1s, 1m, ... 1M. Weeks begin on Monday, months on the first, days at midnight:
UTC, or UTC+8 for streams that end in `@+08:00` (klines page of binance-spot-api-docs, `timeZone`,
2026-07-21). `zone_ms` is how much earlier than UTC a stream's days begin: 0, or 8 hours for UTC+8.
"""

from datetime import UTC, datetime

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
_UNITS_MS = {"s": 1_000, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}
_FIRST_MONDAY_MS = 4 * DAY_MS  # 1970-01-05: weeks are counted from this day
_MONTHS_PER_YEAR = 12
_EPOCH_YEAR = 1970


def length_ms(interval: str) -> int | None:
    """Return an interval's length in milliseconds; None for months, whose lengths differ."""
    unit = _UNITS_MS.get(interval[-1])
    return None if unit is None else int(interval[:-1]) * unit


def open_time(interval: str, at_ms: int, zone_ms: int = 0) -> int:
    """Return the open time of the candle that contains a moment, both epoch milliseconds."""
    length = length_ms(interval)
    local = at_ms + zone_ms
    if length is None:
        return _month(local, 0) - zone_ms
    shift = _FIRST_MONDAY_MS if interval.endswith("w") else 0
    return at_ms - (local - shift) % length


def next_open(interval: str, open_ms: int, zone_ms: int = 0) -> int:
    """Return the open time of the candle after the one that opens at `open_ms`."""
    return nth_open(interval, open_ms, 1, zone_ms)


def nth_open(interval: str, open_ms: int, number: int, zone_ms: int = 0) -> int:
    """Return the open time of the candle `number` after that at `open_ms`; -1: before it."""
    length = length_ms(interval)
    if length is not None:
        return open_ms + number * length
    return _month(open_ms + zone_ms, number) - zone_ms


def index_of(interval: str, at_ms: int, zone_ms: int = 0) -> int:
    """Return the index of the candle that contains a moment; consecutive candles differ by 1."""
    length = length_ms(interval)
    open_ms = open_time(interval, at_ms, zone_ms)
    if length is not None:
        return (open_ms - open_time(interval, 0, zone_ms)) // length
    day = datetime.fromtimestamp((open_ms + zone_ms) / 1000, UTC)
    return (day.year - _EPOCH_YEAR) * _MONTHS_PER_YEAR + day.month - 1


def open_of_index(interval: str, index: int, zone_ms: int = 0) -> int:
    """Return the open time of the candle with this index (see `index_of`), epoch milliseconds."""
    return nth_open(interval, open_time(interval, 0, zone_ms), index, zone_ms)


def _month(local_ms: int, later: int) -> int:
    """Return the start of a moment's month, or of a month `later` ones on (below 0: earlier)."""
    day = datetime.fromtimestamp(local_ms / 1000, UTC)
    years, month = divmod(day.month - 1 + later, _MONTHS_PER_YEAR)
    start = datetime(day.year + years, month + 1, 1, tzinfo=UTC)
    return int(start.timestamp()) * 1000


def candles_between(interval: str, first_ms: int, last_ms: int, zone_ms: int = 0) -> int:
    """Return how many candles open from one open time to another, both included."""
    if last_ms < first_ms:
        return 0
    length = length_ms(interval)
    if length is not None:
        return (last_ms - first_ms) // length + 1
    return index_of(interval, last_ms, zone_ms) - index_of(interval, first_ms, zone_ms) + 1
