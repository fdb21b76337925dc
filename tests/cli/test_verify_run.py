"""What `bkc verify` prints about a hole."""

from connector.cli.verify_run import CAUSES, unexplained_holes
from connector.continuity.audit.report import report_of
from connector.continuity.audit.series import UNEXPLAINED
from tests.support.audit import live, marker, series


def test_every_state_of_an_unexplained_hole_has_its_words() -> None:
    assert CAUSES.keys() == UNEXPLAINED


def test_a_marker_that_ends_too_early_is_named_with_times() -> None:
    audited = series("spot", "btcusdt@bookTicker")
    audited.coverage.add(marker("unfillable", before_time=100, after_time=150))
    live(audited, 7, time=100)
    live(audited, 8, time=160, gap=b"g1")

    assert list(unexplained_holes(report_of("t", audited))) == [
        "t btcusdt@bookTicker BTCUSDT: 1970-01-01T00:00:00.150+00:00..1970-01-01T00:00:00.159+00:00"
        " missing, its marker ends before the next record"
    ]
