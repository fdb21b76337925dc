"""The rules of examples/python/candles.py: what a candle holds, and when it is complete."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from examples.python.candles import KEPT_WINDOWS, Candles, Record, line

MINUTE_MS = 60_000
START_MS = 1_795_000_020_000  # of a minute
SERIES = ("spot", "btcusdt@trade", "BTCUSDT")
HEAD = {"product": "spot", "stream_name": "btcusdt@trade", "symbol": "BTCUSDT"}
WINDOW = SERIES, START_MS


def at(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def trade(
    number: int, price: str, quantity: str = "1", ms: int = 0, origin: str = "live"
) -> Record:
    amounts = {"price": Decimal(price), "quantity": Decimal(quantity)}
    return HEAD | amounts | {"trade_id": number, "trade_time": at(START_MS + ms), "origin": origin}


def marker(state: str, before: int | None, after: int | None, gap: str | None = "g") -> Record:
    times = {"before_time": before, "after_time": after}
    shifted = {key: None if ms is None else at(START_MS + ms) for key, ms in times.items()}
    return HEAD | shifted | {"state": state, "gap_id": gap}


def progress(until: int | None, generation: int | None = 1, number: int = 1) -> Record:
    time = None if until is None else at(START_MS + until)
    return HEAD | {"complete_until": time, "generation": generation, "commit_number": number}


def candles(*records: Record, read: bool = True) -> Candles:
    """Return candles after these records; `read`: all topics have been read to their ends."""
    made = Candles(MINUTE_MS)
    for record in records:
        if "trade_id" in record:
            made.add_trade(record)
        elif "state" in record:
            made.add_marker(record)
        else:
            made.add_progress(record)
    if read:
        made.complete_until = {series: until for series, (_, until) in made.heard.items()}
    return made


def test_trades_make_one_candle_in_whatever_order_they_come() -> None:
    trades = [trade(7, "10", "1"), trade(8, "14", "2"), trade(9, "9", "1"), trade(10, "12", "4")]

    [first] = candles(*trades).candles.values()
    [second] = candles(*reversed(trades)).candles.values()

    assert first == second
    assert (first.first, first.last) == ((7, Decimal(10)), (10, Decimal(12)))
    assert (first.high, first.low, first.count) == (Decimal(14), Decimal(9), 4)
    assert (first.volume, first.value, first.vwap) == (Decimal(8), Decimal(95), Decimal("11.875"))


def test_a_trade_belongs_to_the_window_of_its_time() -> None:
    made = candles(trade(1, "1", ms=-1), trade(2, "1", ms=0), trade(3, "1", ms=MINUTE_MS))

    assert [start for _, start in made.candles] == [
        START_MS - MINUTE_MS,
        START_MS,
        START_MS + MINUTE_MS,
    ]


def test_an_id_without_a_fill_is_no_trade() -> None:
    assert candles(trade(1, "0", "0")).candles == {}


END = MINUTE_MS
CASES: list[tuple[str, str, list[Any]]] = [
    ("nothing is known", "open", []),
    ("progress is before its end", "open", [progress(END - 1)]),
    ("progress promises nothing", "open", [progress(None)]),
    ("progress is at its end", "whole", [progress(END)]),
    ("a gap in it is open", "filling", [progress(0), marker("opened", 1, 2)]),
    ("a gap is open, and progress has passed", "filling", [progress(END), marker("opened", 1, 2)]),
    ("a gap has no right edge yet", "filling", [progress(0), marker("opened", 1, None)]),
    ("a gap begins at its last millisecond", "filling", [marker("opened", END - 1, END + 9)]),
    ("a gap begins after it", "open", [marker("opened", END, END + 9)]),
    ("a gap ends at its first millisecond", "filling", [marker("opened", -9, 0)]),
    ("a gap ended before it", "open", [marker("opened", -9, -1)]),
    ("a gap was filled", "whole", [progress(END), marker("opened", 1, 2), marker("filled", 1, 2)]),
    ("nothing was missed", "whole", [progress(END), marker("clear", 1, 2)]),
    ("a part is lost", "lacking", [progress(END), marker("partial", 1, 2)]),
    ("all is lost", "lacking", [progress(END), marker("unfillable", None, 2)]),
    ("it was lost elsewhere", "whole", [progress(END), marker("unfillable", END, END + 1)]),
    ("reading began in it", "cut", [progress(END), marker("started", None, 5, None)]),
    ("reading ended in it", "cut", [progress(END), marker("stopped", END - 1, None, None)]),
    ("reading began before it", "whole", [progress(END), marker("started", None, -1, None)]),
    ("a newer writer knows less", "open", [progress(END, 1, 9), progress(0, 2, 1)]),
    ("an older record comes later", "whole", [progress(END, 2, 1), progress(0, 1, 9)]),
    ("a record of an old version comes later", "whole", [progress(END), progress(0, None, 9)]),
]


@pytest.mark.parametrize(
    ("status", "records"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_the_status_of_a_window_if(status: str, records: list[Any]) -> None:
    assert candles(*records).status(WINDOW) == status


def test_progress_counts_when_the_topics_have_been_read_to_their_ends() -> None:
    made = candles(trade(1, "1"), progress(END), read=False)

    assert list(made.changed()) == []


def test_a_candle_is_shown_when_it_is_held_when_it_is_whole_and_when_it_is_corrected() -> None:
    made = candles(trade(1, "1"), trade(5, "5"), marker("opened", 1, 2), progress(0))

    def shown() -> list[tuple[int, str]]:
        return [(candle.count, status) for _, candle, status in made.changed()]

    assert [shown(), shown()] == [[(2, "filling")], []]
    made.add_trade(trade(2, "2", origin="backfill"))
    made.add_marker(marker("filled", 1, 2))
    made.complete_until[SERIES] = START_MS + END
    assert [shown(), shown()] == [[(3, "whole")], []]
    made.add_trade(trade(3, "3", origin="backfill"))
    assert [shown(), shown()] == [[(4, "whole")], []]


def test_windows_that_settled_long_ago_are_forgotten() -> None:
    made = candles(trade(1, "1"), progress(KEPT_WINDOWS * MINUTE_MS + 1))
    assert [status for *_, status in made.changed()] == ["whole"]

    made.add_trade(trade(2, "2", origin="backfill"))

    assert made.candles == {}


def test_a_line_says_what_was_fetched_and_whether_it_is_complete() -> None:
    made = candles(
        trade(1, "10"), trade(2, "12", origin="backfill"), marker("unfillable", 1, 2), progress(END)
    )

    [(window, candle, status)] = made.changed()

    assert line(window, candle, status).split(" ", 1)[1] == (
        "BTCUSDT 10.00 12.00 10.00 12.00 volume 2.00000 vwap 11.0000 2 trades, 1 fetched: lacking"
    )
