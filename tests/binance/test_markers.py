"""Markers and progress: ids, the life of a gap, and what is promised."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.binance.markers import (
    OUTCOMES,
    REASONS,
    STATES,
    OpenGap,
    Outcome,
    Record,
    Series,
    complete_until,
    edge_marker,
    gap_id,
    progress,
)
from connector.binance.sequence import Gap
from connector.codec.records import decode_record, encode_record
from connector.codec.schema import load

NOW_US = 1_795_000_000_123_456
SERIES = Series(
    "production", "spot", "btcusdt@trade", "BTCUSDT", "trade", "binance.spot.trade", 2, "desk"
)
HOLE = Gap(7, 11, 3, 1_000, 2_000)


def fits(schema: str, record: Record) -> bool:
    return decode_record(load(schema), encode_record(load(schema), 1, record)) == record


def test_the_lists_are_closed_and_the_schema_names_them() -> None:
    docs = {field.name: field.doc for field in load("marker").fields}

    assert [state for state in STATES if state not in docs["state"]] == []
    assert [reason for reason in REASONS if reason not in docs["reason"]] == []
    assert ("started", "stopped", "opened", *OUTCOMES) == STATES


def test_the_markers_fields_are_those_of_the_contract() -> None:
    names = (
        "marker_id state reason product stream_name symbol kind topic gap_id marked_time "
        "marked_time_us before_id after_id before_time after_time missing recovered id_epoch "
        "repeats_possible shard instance detail"
    )

    assert [field.name for field in load("marker").fields] == names.split()


def test_a_gap_id_is_the_hash_of_its_series_epoch_and_edge() -> None:
    text = "production|spot|btcusdt@trade|BTCUSDT|0|7"

    assert (
        gap_id("production", "spot", "btcusdt@trade", "BTCUSDT", 0, 7)
        == (hashlib.sha256(text.encode()).hexdigest()[:16])
    )
    assert OpenGap(SERIES, HOLE, "sequence").id == gap_id(
        "production", "spot", "btcusdt@trade", "BTCUSDT", 0, 7
    )


def test_a_gap_without_ids_is_named_by_its_time() -> None:
    gap = OpenGap(SERIES, Gap(None, None, None, 1_000, 2_000), "connection_lost", id_epoch=3)

    assert gap.id == gap_id("production", "spot", "btcusdt@trade", "BTCUSDT", 3, 1_000)


def test_the_same_facts_have_the_same_ids_after_a_crash() -> None:
    before = OpenGap(SERIES, HOLE, "sequence").opened(NOW_US)
    after = OpenGap(SERIES, HOLE, "restart").opened(NOW_US + 5_000_000)

    assert (before["marker_id"], before["gap_id"]) == (after["marker_id"], after["gap_id"])


def test_an_opened_gap_tells_both_edges() -> None:
    record = OpenGap(SERIES, HOLE, "sequence").opened(NOW_US, "after a reset")

    assert fits("marker", record)
    assert {name: value for name, value in record.items() if not name.endswith("_id")} == {
        "state": "opened",
        "reason": "sequence",
        "product": "spot",
        "stream_name": "btcusdt@trade",
        "symbol": "BTCUSDT",
        "kind": "trade",
        "topic": "binance.spot.trade",
        "marked_time": NOW_US // 1000,
        "marked_time_us": NOW_US,
        "before_time": 1_000,
        "after_time": 2_000,
        "missing": 3,
        "recovered": None,
        "id_epoch": 0,
        "repeats_possible": False,
        "shard": 2,
        "instance": "desk",
        "detail": "after a reset",
    }
    assert (record["before_id"], record["after_id"]) == (7, 11)


@pytest.mark.parametrize(
    ("missing", "recovered", "complete", "outcome"),
    [
        (3, 3, False, "filled"),
        (3, 2, False, "partial"),
        (3, 2, True, "filled"),
        (3, 0, False, "unfillable"),
        (3, 0, True, "clear"),
        (0, 0, False, "clear"),
        (None, 0, False, "unfillable"),
        (None, 0, True, "clear"),
        (None, 9, False, "partial"),
        (None, 9, True, "filled"),
    ],
)
def test_a_gap_ends_by_what_was_missing_and_fetched(
    missing: int | None, recovered: int, complete: bool, outcome: Outcome
) -> None:
    gap = OpenGap(SERIES, Gap(7, 11, missing, 1_000, 2_000), "connection_lost")
    gap.recover(recovered)

    assert gap.ends(complete) == outcome
    record = gap.ended(gap.ends(complete), NOW_US)
    assert (record["state"], record["recovered"], gap.state) == (outcome, recovered, outcome)
    assert record["gap_id"] == gap.id
    assert record["marker_id"] != gap.opened(NOW_US)["marker_id"]
    assert fits("marker", record)


def test_a_gap_ends_once() -> None:
    gap = OpenGap(SERIES, HOLE, "sequence")
    gap.ended("filled", NOW_US)

    with pytest.raises(ValueError, match="spot/btcusdt@trade/BTCUSDT has ended: filled"):
        gap.ended("unfillable", NOW_US)
    with pytest.raises(ValueError, match="has ended: filled"):
        gap.recover(1)


def test_a_gap_cannot_end_as_it_began() -> None:
    with pytest.raises(ValueError, match="cannot end as 'opened'"):
        OpenGap(SERIES, HOLE, "sequence").ended("opened", NOW_US)  # type: ignore[arg-type]


def test_coverage_is_bounded_by_the_first_and_the_last_record() -> None:
    started = edge_marker(SERIES, "started", "restart", NOW_US, 5, 900)
    stopped = edge_marker(
        SERIES, "stopped", "plan_changed", NOW_US, 7, 1_000, detail="unsubscribed"
    )

    assert fits("marker", started)
    assert fits("marker", stopped)
    edges = ("gap_id", "before_id", "after_id", "before_time", "after_time")
    assert [started[name] for name in edges] == [None, None, 5, None, 900]
    assert [stopped[name] for name in edges] == [None, 7, None, 1_000, None]
    assert started["marker_id"] != stopped["marker_id"]
    assert started["marker_id"] == edge_marker(SERIES, "started", "stale", 1, 5, 901)["marker_id"]


def test_coverage_without_ids_is_bounded_by_times() -> None:
    first, second = (edge_marker(SERIES, "started", "restart", 1, None, t) for t in (900, 901))

    assert first["marker_id"] != second["marker_id"]


# --- progress -------------------------------------------------------------------------------


def gap_at(before_time: int | None, before_id: int = 1) -> OpenGap:
    return OpenGap(SERIES, Gap(before_id, None, None, before_time, None), "connection_lost")


@pytest.mark.parametrize(
    ("last_time", "gaps", "promised"),
    [
        (5_000, [], 5_000),
        (5_000, [gap_at(3_000)], 3_000),
        (5_000, [gap_at(4_000), gap_at(3_000)], 3_000),
        (5_000, [gap_at(None)], None),
        (None, [], None),
        (None, [gap_at(3_000)], None),
    ],
)
def test_a_promise_ends_where_the_first_open_gap_begins(
    last_time: int | None, gaps: list[OpenGap], promised: int | None
) -> None:
    assert complete_until(last_time, gaps) == promised


@given(st.lists(st.tuples(st.integers(1, 99), st.booleans(), st.booleans()), min_size=1))
def test_a_gap_that_opens_never_takes_a_promise_back(told: list[tuple[int, bool, bool]]) -> None:
    """A gap begins at the newest record: nothing before it was promised in vain."""
    gaps: list[OpenGap] = []
    promises: list[int] = []
    for time, opens, ends in sorted(told):
        if opens:
            gaps.append(gap_at(time))
        if ends:
            gaps = gaps[1:]
        promise = complete_until(time, gaps)
        assert promise is not None
        promises.append(promise)

    assert promises == sorted(promises)


def test_progress_names_the_open_gaps() -> None:
    gap = OpenGap(SERIES, HOLE, "sequence")

    record = progress(SERIES, NOW_US, 12, 2_500, [gap], id_epoch=1)

    assert fits("progress", record)
    assert (record["last_id"], record["complete_until"], record["open_gaps"]) == (
        12,
        1_000,
        [gap.id],
    )
    assert (record["id_epoch"], record["written_time"]) == (1, NOW_US // 1000)
    assert SERIES.key == "spot/btcusdt@trade/BTCUSDT"


def test_progress_before_the_first_record_promises_nothing() -> None:
    record = progress(SERIES, NOW_US, None, None)

    assert fits("progress", record)
    assert record["complete_until"] is None
