"""A gap is marked, counted once, and requested where REST has its events."""

import pytest

from connector.continuity.gap_marking import GapMarking
from connector.continuity.outbox import Outbox
from connector.continuity.rest_requests import FillGap, FillPolicy, SnapshotBook
from connector.continuity.series import Series
from tests.support.continuity import EVERYTHING, NOTHING, Line, depth

pytestmark = pytest.mark.usefixtures("both_codecs")


def marking(policy: FillPolicy) -> GapMarking:
    return GapMarking("binance", Outbox("binance", 1, "market", "r1"), policy)


def series(name: str = "btcusdt@trade") -> Series:
    """Return a series of which ids up to 20 were published."""
    line = Line(name)
    if name.endswith("depth"):
        line.send(name, depth(15, 20))
    else:
        line.trades(20)
    [made] = line.series(name)
    return made


@pytest.mark.parametrize(("policy", "opened"), [(EVERYTHING, True), (NOTHING, False)])
def test_a_gap_is_open_only_where_its_events_are_requested(
    policy: FillPolicy, opened: bool
) -> None:
    gaps, trades = marking(policy), series()
    gap = trades.gap("binance", "sequence")
    gap.after_id, gap.missing = 25, 4

    name = gaps._count(trades, gap)

    assert (list(trades.open_gaps), [type(each) for each in gaps.requests]) == (
        ([name], [FillGap]) if opened else ([], [])
    )
    assert (gaps.gaps, gaps.missing, gaps.recovered) == ({"sequence": 1}, 4, 0)


def test_a_gap_that_was_counted_when_it_was_suspected_is_not_counted_again() -> None:
    gaps, trades = marking(NOTHING), series()
    gap = trades.gap("binance", "stale")

    gaps._count(trades, gap)
    gaps._count(trades, gap, already_counted=True)

    assert gaps.gaps == {"stale": 1}


def test_a_gap_of_a_book_asks_for_its_state_in_place_of_its_changes() -> None:
    gaps, book = marking(EVERYTHING), series("btcusdt@depth")
    gap = book.gap("binance", "sequence")

    gaps._count(book, gap)

    assert [type(each) for each in gaps.requests] == [SnapshotBook]
    assert book.open_gaps == {}
