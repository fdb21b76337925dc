"""An answer of REST is evidence, not truth: which rows are taken, what is asked for again."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.backfill.pages import LISTING_LOOK_BACK_MS, RestPage, Span, after
from connector.backfill.row_reader import RowReader
from connector.binance.stream_name import parse
from connector.codec.rest_rows import RestEvent
from connector.continuity.gap import Gap
from tests.support.backfill import gap_around

DAY_MS = 86_400_000
MINUTE_MS = 60_000
LATER_MS = 400 * DAY_MS  # everything has settled
PATIENT_S = 600.0


@dataclass
class Reading:
    """A reader, and the ids that it gave to be published; all were."""

    reader: RowReader
    gap: Gap
    ids: list[int] = field(default_factory=list)

    def answer(self, *numbers: int, now_ms: float = LATER_MS) -> list[int]:
        """Answer the next call with rows; return the ids that are to be published."""
        reader, stream = self.reader, self.reader.stream
        candle = stream.row.sequence.rule == "candle"
        rows = [
            RestEvent(b"", number, number, after(stream, number) if candle else 0)
            for number in numbers
        ]
        taken = [row.first for row in reader.read(reader.next_page(), rows, now_ms)]
        self.gap.recovered += len(taken)
        self.ids += taken
        return taken

    @property
    def outcome(self) -> tuple[str, int, int]:
        """State, events missing, events recovered."""
        state, _ = self.reader.result()
        return state, self.reader.missing, self.gap.recovered

    @property
    def detail(self) -> str:
        return self.reader.result()[1]


def reading(
    name: str = "btcusdt@aggTrade",
    span: Span | None = None,
    *,
    whole: bool = False,
    patience_s: float = 0.0,
    product: str = "",
) -> Reading:
    product = product or ("usdm" if name == "btcusdt@trade" else "spot")
    stream = parse(product, name)  # type: ignore[arg-type]
    gap = gap_around(stream, span or Span(100, 2_599))
    if whole:
        gap.before_id, gap.before_ms, gap.whole = None, None, True
    return Reading(RowReader(stream, "BTCUSDT", gap, 0.0, patience_s), gap)


def test_a_gap_is_filled_page_by_page() -> None:
    gap = reading()
    gap.answer(*range(100, 1_100))
    assert gap.reader.left == Span(1_100, 2_599)
    gap.answer(*range(1_100, 2_100))
    gap.answer(*range(2_100, 2_600))
    assert gap.reader.left is None
    assert (gap.outcome, gap.detail) == (("filled", 2_500, 2_500), "")


def test_rows_outside_the_gap_are_not_its_own() -> None:
    gap = reading(span=Span(100, 102))
    assert gap.answer(98, 99, 100, 101, 102, 103) == [100, 101, 102]
    assert gap.outcome == ("filled", 3, 3)


# Rows in another form than they were asked for


def test_descending_and_doubled_rows_are_taken_once_and_in_order() -> None:
    gap = reading(span=Span(100, 104), patience_s=PATIENT_S)
    assert gap.answer(104, 104, 103, 102, 102, 101, 100) == [100, 101, 102, 103, 104]
    assert gap.outcome == ("filled", 5, 5)


def test_a_short_page_is_not_the_end() -> None:
    gap = reading(patience_s=PATIENT_S)
    gap.answer(*range(100, 200))
    assert (gap.reader.left, gap.reader.wait_s) == (Span(200, 2_599), 0.0)


def test_a_page_that_begins_early_is_followed_by_a_longer_one() -> None:
    gap = reading(span=Span(100, 109), patience_s=PATIENT_S)
    assert gap.reader.next_page().params["limit"] == 10
    assert gap.answer(*range(90, 100)) == []
    assert gap.reader.next_page().params["limit"] == 1_000
    assert gap.answer(*range(90, 200)) == list(range(100, 110))
    assert gap.outcome == ("filled", 10, 10)


def test_rows_published_before_are_never_given_again() -> None:
    gap = reading(span=Span(100, 109), patience_s=PATIENT_S)
    gap.answer(*range(100, 105))
    assert gap.answer(*range(95, 107)) == [105, 106]


def test_rows_behind_a_hole_wait_for_it() -> None:
    gap = reading(span=Span(100, 105), patience_s=PATIENT_S)
    assert gap.answer(100, 101, 104, 105) == [100, 101]
    assert gap.answer(104, 105) == []
    assert gap.answer(102, 103, 104, 105) == [102, 103, 104, 105]
    assert gap.outcome == ("filled", 6, 6)


# Rows that do not come


def test_rest_behind_the_stream_is_asked_again_with_back_off() -> None:
    gap = reading(span=Span(100, 102), patience_s=PATIENT_S)
    waits = []
    for _ in range(4):
        gap.answer()
        waits.append(gap.reader.wait_s)
    assert waits == [0.25, 0.5, 1.0, 2.0]
    gap.answer(100)
    assert gap.reader.wait_s == 0.0
    gap.answer(101, 102)
    assert gap.outcome == ("filled", 3, 3)


def test_rest_is_not_asked_in_a_hurry_for_what_is_only_just_made() -> None:
    """An id far ahead opens a gap that REST fills as the exchange goes on."""
    gap = reading(span=Span(100, 50_000_000), patience_s=PATIENT_S)
    gap.answer(*range(100, 200))
    waits = []
    for first in range(200, 240, 10):
        gap.answer(*range(first, first + 10))
        waits.append(gap.reader.wait_s)
    assert waits == [0.25, 0.5, 1.0, 2.0]


def test_capped_pages_are_asked_for_one_after_the_other() -> None:
    gap, first, waits = reading(patience_s=PATIENT_S), 100, []
    for length in (5, 3, 4, 5, 3):
        gap.answer(*range(first, first + length))
        first += length
        waits.append(gap.reader.wait_s)
    assert (gap.ids, waits) == (list(range(100, 120)), [0.0] * 5)


def test_a_gap_is_unfillable_when_the_patience_is_spent_and_says_why() -> None:
    gap = reading(span=Span(100, 102), patience_s=PATIENT_S)
    waits = []
    while gap.reader.left is not None:
        gap.answer()
        waits.append(gap.reader.wait_s)
    assert sum(waits[:-1]) == PATIENT_S  # the last answer ended it
    assert gap.outcome == ("unfillable", 3, 0)
    assert gap.detail == (
        "REST does not have 3 of them; asked again for 600 s: REST shows nothing from 100 on"
    )


def test_an_answer_that_is_none_is_asked_for_again_and_then_named() -> None:
    gap = reading(span=Span(100, 102), patience_s=1.0)
    for _ in range(4):
        gap.reader.note_bad_answer("REST answered no JSON: b'<html>'")
    assert gap.reader.left is None
    assert gap.outcome == ("unfillable", 3, 0)
    assert gap.detail.endswith("asked again for 1 s: REST answered no JSON: b'<html>'")


def test_what_rest_shows_behind_a_hole_is_taken_when_the_patience_is_spent() -> None:
    gap = reading(span=Span(100, 105), patience_s=1.0)
    while gap.reader.left is not None:
        gap.answer(*(number for number in (100, 101, 104, 105) if number not in gap.ids))
    assert gap.ids == [100, 101, 104, 105]
    assert gap.outcome == ("partial", 6, 4)
    assert gap.detail == (
        "REST does not have 2 of them; asked again for 1 s: REST shows 104 and not 102 before it"
    )


def test_without_patience_the_first_answer_counts() -> None:
    gap = reading(span=Span(100, 199))
    assert gap.answer() == []
    assert gap.reader.left is None
    assert gap.detail == "REST does not have 100 of them"
    assert gap.outcome == ("unfillable", 100, 0)


def test_a_hole_inside_an_answer_is_not_called_filled() -> None:
    gap = reading(span=Span(100, 103))
    gap.answer(100, 101, 103, 104)
    assert gap.outcome == ("partial", 4, 3)


def test_an_empty_window_of_candles_is_not_the_end() -> None:
    gap = reading("btcusd_perp@kline_1d", Span(0, 300 * DAY_MS), product="coinm")
    gap.answer()
    assert gap.reader.left == Span(200 * DAY_MS, 300 * DAY_MS)


# What REST has no more


def test_ids_older_than_retention_are_gone() -> None:
    gap = reading(span=Span(100, 199))
    assert gap.answer(*range(150, 250)) == list(range(150, 200))
    assert gap.outcome == ("partial", 100, 50)
    assert gap.detail == "REST has nothing before 150: 50 are gone for good"


def test_a_gap_older_than_retention_is_unfillable() -> None:
    gap = reading(span=Span(100, 199))
    assert gap.answer(*range(500, 600)) == []
    assert gap.outcome == ("unfillable", 100, 0)
    assert gap.detail == "REST has nothing before 500: 100 are gone for good"


def test_a_late_beginning_is_believed_at_once_where_rest_looks_back_so_far_only() -> None:
    late = reading("btcusdt@aggTrade", Span(100, 199), product="usdm", patience_s=PATIENT_S)
    assert late.answer(*range(150, 200), now_ms=2 * DAY_MS) == list(range(150, 200))
    assert late.outcome == ("partial", 100, 50)

    new = reading("btcusdt@aggTrade", Span(100, 199), product="usdm", patience_s=PATIENT_S)
    assert new.answer(*range(150, 200), now_ms=3_600_000) == []


def latest_rows() -> Reading:
    """Return the reading of a gap that REST fills by its latest 500 rows alone."""
    name = "btc-261225-100000-c@optionTrade"
    return reading(name, Span(100, 199), product="options", patience_s=PATIENT_S)


def test_what_is_older_than_the_latest_rows_is_gone() -> None:
    gap = latest_rows()
    assert gap.answer(*range(150, 650)) == list(range(150, 200))
    assert gap.outcome == ("partial", 100, 50)


def test_latest_rows_that_are_too_few_are_asked_for_again_and_kept() -> None:
    gap = latest_rows()
    assert gap.answer(*range(150, 220)) == []
    assert gap.answer(*range(100, 160)) == list(range(100, 200))
    assert gap.outcome == ("filled", 100, 100)


def test_missing_candles_are_counted_by_their_interval() -> None:
    gap = reading("btcusdt@kline_1m", Span(60_000, 240_000))
    gap.answer(120_000, 180_000, 300_000)
    assert gap.outcome == ("partial", 4, 2)
    assert "nothing before 120000: 1 are gone" in gap.detail


# USD-M: ids that REST never lists


def test_usdm_ids_that_rest_never_lists_leave_a_gap_filled() -> None:
    gap = reading("btcusdt@trade", Span(100, 109), patience_s=PATIENT_S)
    gap.answer(*(n for n in range(101, 111) if n != 105))
    assert gap.outcome == ("filled", 10, 8)
    assert gap.detail.startswith("2 ids REST never lists")


def test_usdm_ids_older_than_retention_are_gone_all_the_same() -> None:
    gap = reading("btcusdt@trade", Span(100, 109))
    gap.answer(105, 106, 108, 109, 110)
    assert gap.outcome == ("partial", 10, 4)
    assert gap.detail == (
        "REST has nothing before 105: 5 are gone for good; "
        "1 ids REST never lists (insurance fund, ADL, or spent without a fill)"
    )


def test_usdm_ids_without_any_answer_are_not_called_filled() -> None:
    gap = reading("btcusdt@trade", Span(100, 109))
    gap.answer()
    assert gap.outcome == ("unfillable", 10, 0)


def test_ids_behind_a_refused_answer_are_not_called_never_listed() -> None:
    gap = reading("btcusdt@trade", Span(1_000, 3_999))
    gap.answer(*range(1_000, 1_500))
    gap.reader.refuse("HTTP 400")
    assert gap.outcome == ("partial", 3_000, 500)
    assert gap.detail == "HTTP 400"


def test_an_end_that_rest_has_not_answered_is_not_called_never_listed() -> None:
    gap = reading("btcusdt@trade", Span(100, 109))
    gap.answer(*range(100, 108))
    gap.answer()
    assert gap.outcome == ("partial", 10, 8)
    assert gap.detail == "REST does not have 2 of them"


# Candles that may still change


def test_a_candle_that_is_not_final_is_asked_for_again() -> None:
    gap = reading("btcusdt@kline_1m", Span(0, MINUTE_MS), patience_s=PATIENT_S)
    candles = (0, MINUTE_MS, 2 * MINUTE_MS)
    assert gap.answer(*candles, now_ms=2 * MINUTE_MS) == [0]
    assert gap.answer(*candles, now_ms=3 * MINUTE_MS) == [MINUTE_MS]
    assert gap.outcome == ("filled", 2, 2)


def test_candles_are_asked_for_when_the_last_one_may_be_final() -> None:
    gap = reading("btcusdt@kline_1m", Span(0, MINUTE_MS), patience_s=PATIENT_S)
    assert gap.reader.wait_until_final(2 * MINUTE_MS) == 10.0
    assert gap.reader.wait_until_final(3 * MINUTE_MS) == 0.0


def test_a_candle_that_never_settles_stays_missing_and_is_named() -> None:
    gap = reading("btcusdt@kline_1m", Span(0, 0), patience_s=1.0)
    while gap.reader.left is not None:
        gap.answer(0, now_ms=MINUTE_MS)
    assert gap.outcome == ("unfillable", 1, 0)
    assert gap.detail.endswith("asked again for 1 s: the candle of 0 is not final yet")


# New listings


def test_a_listing_begins_where_rest_begins() -> None:
    gap = reading(span=Span(0, 199), whole=True, patience_s=PATIENT_S)
    assert gap.reader.span == Span(0, 199)
    assert gap.answer(*range(150, 350)) == list(range(150, 200))
    assert gap.outcome == ("filled", 50, 50)


def test_candles_of_a_new_listing_are_asked_for_from_some_hours_back() -> None:
    opened = 1_795_000_020_000
    gap = reading("btcusdt@kline_1m", Span(opened, opened), whole=True)
    assert gap.reader.span == Span(opened + 2 * 60_000 - LISTING_LOOK_BACK_MS, opened)


def test_a_candle_behind_a_listing_alone_means_that_nothing_was_before() -> None:
    gap = reading("btcusdt@kline_1m", Span(0, 60_000), whole=True, patience_s=PATIENT_S)
    assert gap.answer(120_000) == []
    assert gap.outcome == ("filled", 0, 0)


def test_an_empty_answer_about_a_listing_proves_nothing() -> None:
    gap = reading("btcusdt@kline_1m", Span(0, 60_000), whole=True, patience_s=PATIENT_S)
    gap.answer()
    assert (gap.reader.left, gap.reader.wait_s) == (gap.reader.span, 0.25)


# What was published, by this run and by earlier ones


def test_what_went_to_the_dead_letter_leaves_a_gap_partial() -> None:
    gap = reading(span=Span(100, 102))
    gap.answer(100, 101, 102)
    gap.gap.recovered -= 1
    assert gap.outcome == ("partial", 3, 2)


def resumed(to: int, missing: int | None, recovered: int, expired: int) -> Reading:
    """Return the reading of ids 100 to 199, of which an earlier run has filled some."""
    stream = parse("usdm", "btcusdt@trade")
    gap = gap_around(stream, Span(100, 199))
    gap.filled_to, gap.missing, gap.recovered, gap.expired = to, missing, recovered, expired
    return Reading(RowReader(stream, "BTCUSDT", gap, 0.0, PATIENT_S), gap)


def test_a_gap_goes_on_where_an_earlier_run_came_to() -> None:
    gap = resumed(149, 100, 48, 0)
    assert gap.reader.span == Span(150, 199)
    gap.answer(*range(150, 201))
    assert gap.outcome == ("filled", 100, 98)


def test_a_gap_that_an_earlier_run_came_to_the_end_of_asks_nothing() -> None:
    gap = resumed(199, 100, 98, 0)
    assert gap.reader.left is None
    assert gap.outcome == ("filled", 100, 98)


def test_what_was_gone_for_an_earlier_run_stays_missing() -> None:
    gap = resumed(149, 100, 30, 20)
    gap.answer(*range(150, 201))
    assert gap.outcome == ("partial", 100, 80)


def test_a_gap_of_unknown_size_is_counted_anew_behind_an_earlier_run() -> None:
    gap = resumed(149, None, 48, 2)
    gap.answer(*range(150, 201))
    assert gap.outcome == ("partial", 100, 98)


@pytest.mark.parametrize("patience_s", [0.0, PATIENT_S])
def test_a_gap_without_missing_events_is_filled(patience_s: float) -> None:
    stream = parse("spot", "btcusdt@trade")
    gap = Gap("g", "sequence", 4, 0, 5, 0)
    reader = RowReader(stream, "BTCUSDT", gap, 0.0, patience_s)
    assert (reader.left, reader.result()) == (None, ("filled", ""))


# Whatever the answers are: what REST had is given once and in order, or counted as missing


@dataclass
class OddRest:
    """Events that REST has, each from some call on, and answers of any form.

    Attributes:
        appears: Id, or open time, -> number of the call from which on REST shows it.
        step: Between two of them.
    """

    appears: dict[int, int]
    step: int
    calls: int = 0

    def answer(self, page: RestPage, draw: st.DataObject) -> list[int] | None:
        """Return an odd answer to a page; None: one that is no answer."""
        self.calls += 1
        if not draw.draw(st.booleans(), "an answer"):
            return None
        shown = [number for number, since in self.appears.items() if since <= self.calls]
        rows = _page_of(shown, page, draw.draw(st.integers(0, 5), "early") * self.step)
        rows = rows[: draw.draw(st.integers(0, 12), "cap")]
        rows += draw.draw(st.lists(st.sampled_from(rows), max_size=3)) if rows else []
        return draw.draw(st.permutations(rows), "order")

    def good_answer(self, page: RestPage) -> list[int]:
        """Return the answer as it should be, of everything that REST ever shows."""
        return _page_of(list(self.appears), page)


def _page_of(numbers: list[int], page: RestPage, early: int = 0) -> list[int]:
    params = page.params
    first = int(params["fromId"] if "fromId" in params else params["startTime"]) - early
    last = int(params.get("endTime", max(numbers, default=0)))
    return [number for number in sorted(numbers) if first <= number <= last][: page.limit]


FIRST, LAST = 100, 130  # of the gap, in steps
ODD_ANSWERS = 12
STREAMS = st.sampled_from([("btcusdt@aggTrade", 1), ("btcusdt@kline_1m", MINUTE_MS)])
APPEARS = st.dictionaries(st.integers(90, 145), st.integers(0, 10))


def odd(
    appears: dict[int, int], name: str, step: int, patience_s: float
) -> tuple[Reading, OddRest]:
    """Return the reading of a gap of a stream, and its REST."""
    gap = reading(name, Span(FIRST * step, LAST * step), patience_s=patience_s)
    return gap, OddRest({number * step: since for number, since in appears.items()}, step)


@given(appears=APPEARS, stream=STREAMS, draw=st.data())
def test_every_event_that_rest_had_is_given_once_and_in_order(
    appears: dict[int, int], stream: tuple[str, int], draw: st.DataObject
) -> None:
    gap, rest = odd(appears, *stream, PATIENT_S)
    for _ in range(ODD_ANSWERS):
        if gap.reader.left is None:
            break
        rows = rest.answer(gap.reader.next_page(), draw)
        if rows is None:
            gap.reader.note_bad_answer("no answer")
        else:
            gap.answer(*rows)
    while gap.reader.left is not None:
        gap.answer(*rest.good_answer(gap.reader.next_page()))

    listed = [number * rest.step for number in sorted(appears) if FIRST <= number <= LAST]
    assert gap.ids == listed
    state, missing, recovered = gap.outcome
    assert (missing, recovered) == (31, len(listed))
    assert state == ("filled" if len(listed) == 31 else "partial" if listed else "unfillable")


@given(appears=APPEARS, stream=STREAMS, patience_s=st.sampled_from([0.0, 0.5, 3.0]), draw=st.data())
def test_without_much_patience_what_was_not_given_is_counted(
    appears: dict[int, int], stream: tuple[str, int], patience_s: float, draw: st.DataObject
) -> None:
    gap, rest = odd(appears, *stream, patience_s)
    while gap.reader.left is not None:
        rows = rest.answer(gap.reader.next_page(), draw)
        if rows is None:
            gap.reader.note_bad_answer("no answer")
        else:
            gap.answer(*rows)

    assert gap.ids == sorted(set(gap.ids))
    state, missing, recovered = gap.outcome
    assert (missing, recovered) == (31, len(gap.ids))
    assert (state == "filled") == (len(gap.ids) == 31)
    assert (gap.detail == "") == (state == "filled")
