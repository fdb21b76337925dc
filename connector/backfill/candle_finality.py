"""When a candle that REST shows is final: it was closed when the answer was made, and is settled.

PURE. All times are the exchange's, in epoch milliseconds.
"""

from collections.abc import Sequence
from itertools import pairwise

from connector.backfill.pages import after
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent

# A candle may still change for so long after its close: 1.5 s were seen, by a REST that may be 8 s
# behind.
CANDLE_SETTLES_MS = 10_000
# No cache or replica of REST is older. The newest candle of an answer may be an open one of so long
# ago; a candle that has another one behind it was closed when the answer was made.
MAX_REST_LAG_MS = 600_000


def seconds_left(stream: Stream, opened: int, now_ms: float) -> float:
    """Return the seconds until the candle of this open time may be final; 0 where ids are asked."""
    if stream.row.sequence.rule != "candle":
        return 0.0
    final_ms = after(stream, opened) + CANDLE_SETTLES_MS
    return max(0.0, (final_ms - now_ms) / 1000)


def final_rows(
    stream: Stream, rows: Sequence[RestEvent], last: int, now_ms: float
) -> Sequence[RestEvent]:
    """Return the rows up to the first candle that may still change; all where rows are no candles.

    Args:
        stream: The stream of the rows.
        rows: In ascending order.
        last: Open time of the last candle that is wanted; those behind it only prove that REST has
            come so far.
        now_ms: The exchange's time.
    """
    if stream.row.sequence.rule != "candle":
        return rows
    for number, (row, later) in enumerate(pairwise([*rows, None])):
        assert row is not None  # noqa: S101 - the last one alone is None
        settles_ms = MAX_REST_LAG_MS if later is None else CANDLE_SETTLES_MS
        if row.first <= last and (row.time_ms or 0) + settles_ms > now_ms:
            return rows[:number]
    return rows
