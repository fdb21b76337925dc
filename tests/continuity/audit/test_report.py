"""A report says whether all is well."""

from connector.continuity.audit.report import VerifyReport, report_of
from tests.support.audit import live, marker, series


def test_a_report_is_good_without_unexplained_holes_and_repeats() -> None:
    audited = series()
    audited.coverage.add(marker("unfillable", before_id=1, after_id=5))
    live(audited, 1)
    live(audited, 5)
    assert VerifyReport([report_of("t", audited)], 2).good

    live(audited, 5)
    assert not VerifyReport([report_of("t", audited)], 3).good
    assert not VerifyReport([], 0, {"t": 1}).good
    assert VerifyReport([report_of("t", audited)], 3).as_json()["repeats"] == 1
