"""Windows, id epochs and holes of one series in a topic."""

from typing import Any

import pytest

from connector.binance.products import Product
from connector.continuity.audit.ranges import MAX_RANGES
from connector.continuity.audit.report import report_of
from connector.continuity.audit.series import MAX_EXAMPLES
from tests.support.audit import filled, holes, live, marker, series


@pytest.mark.parametrize(
    ("product", "missing", "recovered", "expected"),
    [
        ("usdm", 3, 3, "denied"),
        ("usdm", 3, 2, "denied"),
        ("usdm", 3, 1, "filled"),
        ("usdm", None, None, "filled"),
        ("usdm", 3, 0, "filled"),
        ("spot", 3, 1, "denied"),  # REST lists every id of spot
        ("spot", None, None, "filled"),
    ],
)
def test_a_closed_gap_leaves_missing_what_rest_never_lists(
    product: Product, missing: int | None, recovered: int | None, expected: str
) -> None:
    audited = series(product)
    edges: dict[str, Any] = {"before_id": 10, "after_id": 14}
    audited.coverage.add(marker("filled", missing=missing, recovered=recovered, **edges))
    for number in (10, 12, 14):
        live(audited, number)

    assert holes(audited) == [(11, 11, expected), (13, 13, expected)]


def test_ids_between_the_end_of_an_epoch_and_one_far_ahead_of_it_are_not_missing() -> None:
    audited = series()
    audited.coverage.add(marker(before_id=10, after_id=50_000_000))
    audited.coverage.add(marker("partial", missing=4, recovered=3, before_id=10, after_id=15))
    audited.coverage.add(marker("unfillable", "reset", reason="ids_reset", before_id=14))
    live(audited, 10)
    live(audited, 50_000_000, gap=b"g1")
    for number in (11, 12, 14):
        filled(audited, number)
    live(audited, 15, gap=b"reset")

    assert holes(audited) == [(13, 13, "partial"), (15, 49_999_999, "clear")]
    assert audited.hole_counts().ids["partial"] == 1


def test_what_a_filled_gap_over_a_restart_lacks_is_not_called_uncovered() -> None:
    audited = series()
    for each in (
        marker("started", None, after_id=1),
        marker("stopped", None, before_id=10),
        marker("filled", missing=4, recovered=4, before_id=10, after_id=15),
        marker("started", None, after_id=15),
    ):
        audited.coverage.add(each)
    for number in (10, 15):
        live(audited, number)
    filled(audited, 12)

    assert holes(audited) == [(11, 11, "denied"), (13, 14, "denied")]


def test_ids_outside_the_window_are_there_but_do_not_count() -> None:
    audited = series(window=(10, 20))
    for number, time in ((1, 5), (2, 10), (3, 9), (4, 19), (6, 20), (8, 30)):
        live(audited, number, time=time)

    assert (audited.records, audited.id_range, holes(audited)) == (2, (2, 4), [])


def test_ids_that_began_anew_are_another_epoch() -> None:
    audited = series()
    audited.coverage.add(marker("unfillable", reason="ids_reset", before_id=900, after_id=1))
    for number in (899, 900):
        live(audited, number)
    live(audited, 1, gap=b"g1")
    for number in (2, 4):
        live(audited, number)

    assert (audited.records, audited.repeats, audited.id_range) == (5, 0, (1, 4))
    assert holes(audited) == [(3, 3, "unmarked")]


RESET = {"reason": "ids_reset", "before_id": 900, "before_time": 50, "marked_time": 60}


def test_ids_that_began_anew_before_the_first_record_are_the_only_epoch() -> None:
    audited = series(window=(100, 200))
    audited.coverage.add(marker("unfillable", "r", **RESET))
    audited.coverage.add(marker("unfillable", "old", before_id=6, after_id=8))
    audited.coverage.add(marker("filled", "g1", before_id=1, after_id=4, id_epoch=1))
    filled(audited, 2, time=70)
    filled(audited, 3, time=110)
    for number in (4, 5, 6, 8):
        live(audited, number, time=110 + number)

    assert (audited.records, audited.repeats, audited.id_range) == (5, 0, (3, 8))
    assert holes(audited) == [(7, 7, "unmarked")]


@pytest.mark.parametrize(("time", "epoch"), [(10, 0), (50, 0), (51, 1), (90, 2)])
def test_the_epoch_of_the_first_record_is_the_newest_less_the_resets_after_it(
    time: int, epoch: int
) -> None:
    audited = series()
    audited.coverage.add(marker("unfillable", "r1", **RESET))
    audited.coverage.add(marker("unfillable", "r2", **RESET | {"before_time": 80, "id_epoch": 1}))
    hidden = marker("unfillable", "h", before_id=1, after_id=3, id_epoch=epoch)
    audited.coverage.add(hidden)
    live(audited, 1, time=time)
    live(audited, 3, time=time)

    assert holes(audited) == [(2, 2, "unfillable")]


def test_progress_gives_the_epoch_when_its_markers_are_gone() -> None:
    audited = series()
    audited.coverage.note_epoch(3)
    audited.coverage.add(marker("unfillable", "h", before_id=1, after_id=3, id_epoch=3))
    live(audited, 1)
    live(audited, 3)

    assert holes(audited) == [(2, 2, "unfillable")]


def test_many_holes_are_settled_from_below_and_counted() -> None:
    audited = series()
    last = 2 * (MAX_RANGES + 1_000)
    for number in range(0, last + 1, 2):
        live(audited, number)
    filled(audited, 1)
    filled(audited, last - 1)

    report = report_of("t", audited)
    assert (report.settled, report.late, report.repeats) == (True, 1, 0)
    assert report.holes == {"unmarked": last // 2 - 1}
    assert len(report.examples) == MAX_EXAMPLES
