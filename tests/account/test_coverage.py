import pytest

from connector.account.coverage import SourceCoverage
from connector.account.feed_items import AccountRefused, Covered, Interrupted
from connector.errors import Refused

COVERED = Covered("desk-1", "margin")


def lost(since_us: int) -> Interrupted:
    return Interrupted("desk-1", "margin", since_us, "connection_lost", "reset")


def down(coverage: SourceCoverage, path: str, since_us: int) -> list[object]:
    return list(coverage.down(path, since_us, "connection_lost", "reset"))


@pytest.fixture
def coverage() -> SourceCoverage:
    return SourceCoverage("desk-1", "margin")


def test_the_first_path_covers(coverage: SourceCoverage) -> None:
    assert not coverage.is_covered
    assert coverage.up("a") == [COVERED]
    assert coverage.up("a") == []
    assert coverage.is_covered


def test_the_loss_of_all_paths_interrupts_once(coverage: SourceCoverage) -> None:
    assert coverage.lose_all(4, "connection_lost", "reset") == []
    coverage.up("a")
    coverage.up("b")

    assert coverage.lose_all(5, "connection_lost", "reset") == [lost(5)]
    assert not coverage.is_covered
    assert coverage.up("c") == [COVERED]


def test_a_path_that_takes_over_from_another_is_not_reported(coverage: SourceCoverage) -> None:
    assert coverage.up("old") == [COVERED]
    assert coverage.up("new") == []
    assert down(coverage, "old", 5) == []
    assert (coverage.is_up("old"), coverage.is_up("new")) == (False, True)
    assert down(coverage, "new", 6) == [lost(6)]


def test_a_path_that_never_was_up_ends_nothing(coverage: SourceCoverage) -> None:
    coverage.up("old")

    assert down(coverage, "new", 5) == []
    assert coverage.is_covered


def test_one_refusal_is_reported_once_until_it_is_covered_again(coverage: SourceCoverage) -> None:
    rejected = Refused("-2015")

    assert coverage.refuse(rejected) == [AccountRefused("desk-1", "margin", rejected)]
    assert coverage.refuse(Refused("-2015")) == []
    assert len(coverage.refuse(Refused("-1022"))) == 1
    coverage.up("a")
    assert len(coverage.refuse(Refused("-1022"))) == 1
