"""Ranges hold what a set of ids holds, in bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from connector.continuity.audit.ranges import Ranges


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 5)), max_size=30))
def test_ranges_hold_what_a_set_holds(spans: list[tuple[int, int]]) -> None:
    ranges, model = Ranges(), set[int]()

    for first, more in spans:
        added = set(range(first, first + more + 1))
        assert ranges.add(first, first + more) == len(added - model)
        model |= added

    if model:
        missing = set(range(min(model), max(model))) - model
        found = [set(range(first, last + 1)) for first, last in ranges.holes()]
        assert set().union(*found) == missing
        assert sum(map(len, found)) == len(missing)
        assert all(found)
        assert ranges.tip == max(model)


def test_a_caller_may_raise_the_tip() -> None:
    ranges = Ranges()
    ranges.add(1, 1)
    ranges.tip = 7

    assert ranges.add(5, 8) == 1
    assert list(ranges.holes()) == []
    assert ranges.add(10, 10) == 1
    assert list(ranges.holes()) == [(9, 9)]


def test_ranges_that_are_settled_keep_their_upper_half() -> None:
    ranges = Ranges()
    for number in range(0, 20, 2):
        ranges.add(number, number)

    assert ranges.settle() == [(1, 1), (3, 3), (5, 5), (7, 7), (9, 9)]
    assert list(ranges.holes()) == [(11, 11), (13, 13), (15, 15), (17, 17)]
    assert ranges.add(3, 3) is None
    assert ranges.add(11, 11) == 1
    assert (ranges.floor, ranges.late) == (9, 1)


def test_ids_have_been_seen_when_one_range_holds_them_all() -> None:
    ranges = Ranges()
    for first, last in ((10, 12), (15, 16)):
        ranges.add(first, last)
    ranges.tip = 17

    wanted = [(10, 12), (11, 11), (15, 17), (12, 13), (12, 15), (18, 18), (9, 10)]
    assert [ranges.has(*ids) for ids in wanted] == [True, True, True, False, False, False, False]
