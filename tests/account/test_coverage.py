import pytest

from connector.account.coverage import SourceCoverage
from connector.account.feed_items import AccountRefused, Covered, Interrupted
from connector.errors import Refused

COVERED = Covered("desk-1", "margin")


def lost(since_us: int) -> Interrupted:
    return Interrupted("desk-1", "margin", since_us, "connection_lost", "reset")


def down(coverage: SourceCoverage, part: str, path: str, since_us: int) -> list[object]:
    return list(coverage.down(part, path, since_us, "connection_lost", "reset"))


@pytest.fixture
def two_parts() -> SourceCoverage:
    return SourceCoverage("desk-1", "margin", ["cross", "BTCUSDT"])


def test_it_is_covered_when_every_part_is(two_parts: SourceCoverage) -> None:
    assert two_parts.up("cross", "a") == []
    assert two_parts.up("BTCUSDT", "b") == [COVERED]
    assert two_parts.up("BTCUSDT", "b") == []


def test_the_loss_of_all_paths_interrupts_once(two_parts: SourceCoverage) -> None:
    assert two_parts.lose_all(4, "connection_lost", "reset") == []
    for part, path in (("cross", "a"), ("cross", "b"), ("BTCUSDT", "c")):
        two_parts.up(part, path)

    assert two_parts.lose_all(5, "connection_lost", "reset") == [lost(5)]
    assert not two_parts.is_covered


def test_the_first_part_that_is_lost_interrupts_and_the_last_covers_again(
    two_parts: SourceCoverage,
) -> None:
    two_parts.up("cross", "a")
    two_parts.up("BTCUSDT", "b")

    assert down(two_parts, "cross", "a", 5) == [lost(5)]
    assert down(two_parts, "BTCUSDT", "b", 6) == []
    assert two_parts.up("cross", "a") == []
    assert two_parts.up("BTCUSDT", "b") == [COVERED]


def test_a_path_that_takes_over_from_another_is_not_reported() -> None:
    coverage = SourceCoverage("desk-1", "margin", ["cross"])

    assert coverage.up("cross", "old") == [COVERED]
    assert coverage.up("cross", "new") == []
    assert down(coverage, "cross", "old", 5) == []
    assert (coverage.is_up("cross", "old"), coverage.is_up("cross", "new")) == (False, True)
    assert down(coverage, "cross", "new", 6) == [lost(6)]


def test_a_path_that_never_was_up_ends_nothing() -> None:
    coverage = SourceCoverage("desk-1", "margin", ["cross"])
    coverage.up("cross", "old")

    assert down(coverage, "cross", "new", 5) == []
    assert coverage.is_covered


def test_one_refusal_is_reported_once_until_it_is_covered_again() -> None:
    coverage, rejected = SourceCoverage("desk-1", "margin", ["cross"]), Refused("-2015")

    assert coverage.refuse(rejected) == [AccountRefused("desk-1", "margin", rejected)]
    assert coverage.refuse(Refused("-2015")) == []
    assert len(coverage.refuse(Refused("-1022"))) == 1
    coverage.up("cross", "a")
    assert len(coverage.refuse(Refused("-1022"))) == 1
