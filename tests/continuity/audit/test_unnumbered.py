"""Series without ids in a row, as far as their records and markers prove anything."""

from typing import Any

import pytest

from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL
from connector.continuity.audit.report import report_of
from tests.support.audit import holes, live, marker, series


@pytest.mark.parametrize("name", ["btcusdt@bookTicker", "btcusdt@miniTicker"])
@pytest.mark.parametrize(
    ("ends", "found"), [(160, []), (150, [(150, 159, "short")])], ids=["next record", "before it"]
)
def test_a_gap_without_ids_ends_with_the_record_behind_it(
    name: str, ends: int, found: list[tuple[int, int, str]]
) -> None:
    audited = series("spot", name)
    audited.coverage.add(marker("unfillable", before_time=100, after_time=ends))
    live(audited, 7, time=100)
    live(audited, 8, time=160, gap=b"g1")

    assert holes(audited) == found


def test_a_gap_without_ids_that_was_closed_with_nothing_behind_it_reaches_to_the_end() -> None:
    audited = series("spot", "btcusdt@bookTicker", window=(0, 1_000))
    audited.coverage.add(marker("unfillable", before_time=100, after_time=150))
    live(audited, 7, time=100)

    assert holes(audited) == [(150, 999, "short")]
    assert report_of("t", audited).unexplained == 1


@pytest.mark.parametrize(
    "own",
    [{"reason": "dead_letter"}, {"state": "opened"}, {"state": "clear"}, {"after_time": None}],
    ids=str,
)
def test_gaps_that_need_not_end_with_a_record_are_not_short(own: dict[str, Any]) -> None:
    audited = series("spot", "btcusdt@bookTicker", window=(0, 1_000))
    edges = {"before_time": 100, "after_time": 150} | own
    audited.coverage.add(marker(str(edges.pop("state", "unfillable")), **edges))
    live(audited, 7, time=100)

    assert holes(audited) == []


def test_times_that_the_broker_stamped_prove_nothing_of_a_gap() -> None:
    audited = series("spot", "btcusdt@bookTicker")
    audited.has_event_times = False
    audited.coverage.add(marker("unfillable", before_time=100, after_time=150))
    live(audited, 7, time=100)
    live(audited, 8, time=160, gap=b"g1")

    assert holes(audited) == []


def test_the_longest_silence_without_a_marker_is_told_where_ids_prove_nothing() -> None:
    audited = series("spot", "btcusdt@bookTicker", window=(0, 100_000))
    audited.coverage.add(marker("unfillable", before_time=30_000, after_time=50_000))
    for number, time in enumerate((1_000, 1_500, 9_000, 30_000, 50_000, 54_000, 200_000)):
        live(audited, number, time=time, gap=b"g1" if time == 50_000 else None)

    assert audited.longest_silence == (54_000, 200_000)
    audited.coverage.add(marker("stopped", None, before_time=54_000))
    assert audited.longest_silence == (9_000, 30_000)
    assert series().longest_silence is None


def test_what_lies_before_the_first_record_is_no_silence() -> None:
    audited = series("spot", "btcusdt@bookTicker", window=(BEFORE_ALL, AFTER_ALL))
    for number, time in enumerate((50_000, 51_000, 54_000)):
        live(audited, number, time=time)

    assert audited.longest_silence == (51_000, 54_000)
