"""What the markers of a series explain of its missing ids."""

from typing import Any

from connector.continuity.audit.coverage import Coverage, Marker, MissingRange, id_edges
from connector.continuity.audit.ranges import BEFORE_ALL
from tests.support.audit import marker


def explainer_of(*markers: Marker, epoch: int = 0) -> Any:
    coverage = Coverage()
    for each in markers:
        coverage.add(each)
    return coverage.explainer(epoch, id_edges)


def test_missing_ids_are_split_by_the_markers_that_explain_them() -> None:
    explain = explainer_of(
        marker("unfillable", "a", before_id=10, after_id=13),
        marker("partial", "b", before_id=15, after_id=20),
    )

    assert explain(11, 22) == [
        MissingRange(11, 12, "unfillable", "a"),
        MissingRange(13, 15, "unmarked"),
        MissingRange(16, 19, "partial", "b"),
        MissingRange(20, 22, "unmarked"),
    ]


def test_the_last_state_of_a_gap_counts_with_the_edges_of_earlier_markers() -> None:
    explain = explainer_of(
        marker("opened", "a", before_id=10, after_id=13), marker("unfillable", "a", before_id=10)
    )

    assert explain(11, 12) == [MissingRange(11, 12, "unfillable", "a")]


def test_an_open_edge_reaches_to_the_end() -> None:
    assert explainer_of(marker(before_id=10))(11, 999) == [MissingRange(11, 999, "opened", "g1")]
    assert explainer_of(marker(after_id=10))(-5, 9) == [MissingRange(-5, 9, "opened", "g1")]


def test_a_missing_gap_explains_ids_before_a_filled_one_does() -> None:
    explain = explainer_of(
        marker("filled", "a", before_id=10, after_id=20),
        marker("unfillable", "b", before_id=11, after_id=13),
    )

    assert explain(12, 13) == [
        MissingRange(12, 12, "unfillable", "b"),
        MissingRange(13, 13, "filled", "a"),
    ]


def test_a_long_range_below_short_ones_is_found() -> None:
    explain = explainer_of(
        marker("unfillable", "long", before_id=0, after_id=1_000),
        *(marker("partial", f"s{n}", before_id=n, after_id=n + 2) for n in range(10, 100, 10)),
    )

    assert explain(500, 501) == [MissingRange(500, 501, "unfillable", "long")]


def test_a_marker_of_another_epoch_explains_nothing() -> None:
    assert explainer_of(marker(before_id=10, after_id=20, id_epoch=1))(12, 12) == [
        MissingRange(12, 12, "unmarked")
    ]


def run(state: str, shard: int = 0, **edges: int) -> Marker:
    return marker(state, None, shard=shard, **edges)


def test_between_stopped_and_started_nothing_was_covered() -> None:
    explain = explainer_of(
        run("started", after_id=5), run("stopped", before_id=9), run("started", after_id=20)
    )

    assert explain(10, 19) == [MissingRange(10, 19, "uncovered")]
    assert explain(1, 4) == [MissingRange(1, 4, "uncovered")]
    assert explain(7, 7) == [MissingRange(7, 7, "unmarked")]


def test_a_killed_run_covers_what_it_did_not_stop_to_cover() -> None:
    explain = explainer_of(run("started", after_id=5), run("started", after_id=20))

    assert explain(10, 19) == [MissingRange(10, 19, "unmarked")]


def test_a_run_covers_the_epoch_that_began_while_it_ran() -> None:
    started, stopped = marker("started", None, after_id=800), marker("stopped", None, before_id=850)
    killed = marker("started", None, after_id=860)
    again = marker("started", None, after_id=5, id_epoch=1)

    assert explainer_of(started, stopped, killed, again, epoch=1)(2, 4) == [
        MissingRange(2, 4, "unmarked")
    ]
    assert explainer_of(started, stopped, again, epoch=1)(2, 4) == [MissingRange(2, 4, "uncovered")]


def test_another_shard_may_take_over_before_the_first_stops() -> None:
    explain = explainer_of(
        run("started", after_id=5),
        run("started", shard=1, after_id=15),
        run("stopped", before_id=18),
    )

    assert explain(30, 31) == [MissingRange(30, 31, "unmarked")]


def test_the_newest_marker_of_a_gap_is_that_of_the_last_place() -> None:
    coverage = Coverage()
    coverage.add(marker("unfillable", "a", before_id=10, place=9))
    coverage.add(marker("opened", "a", before_id=10, after_id=13, place=5))

    [gap] = coverage.gaps.values()
    assert (gap.state, gap.after_id) == ("unfillable", 13)


def test_a_series_was_read_from_each_start_to_its_end_and_from_the_last_as_far_as_is_known() -> (
    None
):
    coverage = Coverage()
    coverage.add(marker("started", None, after_time=100, place=1))
    coverage.add(marker("started", None, after_time=400, place=3))
    coverage.add(marker("stopped", None, before_time=200, place=2))

    assert list(coverage.times(900)) == [(100, 200), (400, 900)]
    assert list(coverage.times(None)) == [(100, 200), (400, 400)]


def test_without_markers_a_series_was_read_as_far_as_its_progress_says() -> None:
    assert list(Coverage().times(900)) == [(BEFORE_ALL, 900)]
    assert list(Coverage().times(None)) == []
