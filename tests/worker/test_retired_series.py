"""What has left the plan while no writer ran is settled as what leaves a running plan."""

from typing import Any

import pytest

from connector.continuity.gap_tracker import GapTracker
from connector.continuity.rest_requests import FillGap
from connector.continuity.series_registry import KEEP_LEFT_MS, LEFT_PLAN
from connector.planning.model import Plan
from connector.planning.placement import shard_of
from connector.worker.retired_series import retire_series
from tests.support.continuity import EVERYTHING, IDS, NOW_MS, TRADES_KEY, UNFINISHED, stored
from tests.support.continuity import decoded as read
from tests.support.plan import Wanted, plan

OTHER_SYMBOL = Wanted("spot", ["trade"], ["ETHUSDT"])  # the topic is in the plan, the stream is not
OTHER_TOPIC = Wanted("spot", ["aggTrade"], ["ETHUSDT"])
SCHEMA_IDS = {"binance.spot.trade": 7, "binance.spot.agg-trade": 8}


class Restart:
    """A writer that has taken over and got its first plan.

    Args:
        now: The plan.
        progress: That of the writer before, which read the spot trades of BTCUSDT.
        shard: Index and number of shards.
        unfinished: Opening markers of its gaps.
    """

    def __init__(
        self,
        now: Plan,
        progress: dict[str, Any] | None = None,
        shard: tuple[int, int] = (1, 2),
        unfinished: tuple[dict[str, Any], ...] = (),
    ) -> None:
        before = {TRADES_KEY: progress or stored(20)}
        self.tracker = GapTracker(
            "binance", shard=1, instance="market", run="r1", policy=EVERYTHING
        )
        self.tracker.begin(IDS, before, unfinished)
        self.tracker.outbox.rewrite_progress(1, NOW_MS * 1000)
        retire_series(self.tracker, now, SCHEMA_IDS, "market", *shard)
        self._number = 1

    def written(self) -> tuple[list[tuple[str, str | None]], list[str]]:
        """Return state and detail of each marker, and the keys of tombstones."""
        self._number += 1
        records = self.tracker.outbox.drain(self._number, NOW_MS * 1000, 0)
        markers = [read(value) for topic, value, *_ in records if topic == "binance.markers"]
        tombstones = [(key or b"").decode() for _, value, key, *_ in records if value is None]
        return [(marker["state"], marker["detail"]) for marker in markers], tombstones


@pytest.fixture(autouse=True)
def _our_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    """All streams are those of shard 1, of two."""
    monkeypatch.setattr("connector.worker.retired_series.shard_of", lambda *_: 1)


def test_the_coverage_of_a_series_that_left_ends_and_its_progress_is_deleted_after_a_day() -> None:
    restart = Restart(plan(OTHER_SYMBOL))

    markers, tombstones = restart.written()
    assert ([state for state, _ in markers], tombstones) == (["clear", "stopped"], [])

    restart.tracker.forget_left(NOW_MS + KEEP_LEFT_MS)
    assert restart.written() == ([], [TRADES_KEY])


def test_the_day_of_a_quiet_series_begins_when_it_was_read_last() -> None:
    quiet = stored(20, last_time=NOW_MS - 3 * KEEP_LEFT_MS, complete_until=NOW_MS)
    restart = Restart(plan(OTHER_SYMBOL), quiet)
    restart.written()

    restart.tracker.forget_left(NOW_MS + KEEP_LEFT_MS - 1)
    assert restart.written() == ([], [])
    restart.tracker.forget_left(NOW_MS + KEEP_LEFT_MS)
    assert restart.written() == ([], [TRADES_KEY])


def test_a_gap_of_it_is_filled_where_its_topic_is_still_written() -> None:
    progress = stored(20, open_gaps=["00ff"])
    restart = Restart(plan(OTHER_SYMBOL), progress, unfinished=(UNFINISHED,))

    requests = [each.gap.id for each in restart.tracker.requests if isinstance(each, FillGap)]
    assert requests == ["00ff"]
    restart.tracker.forget_left(NOW_MS + KEEP_LEFT_MS)
    assert restart.written()[1] == []


def test_a_gap_of_it_is_settled_where_its_topic_has_left_as_well() -> None:
    progress = stored(20, open_gaps=["00ff"])
    restart = Restart(plan(OTHER_TOPIC), progress, unfinished=(UNFINISHED,))

    markers, _ = restart.written()

    assert not restart.tracker.requests
    assert ("unfillable", LEFT_PLAN) in markers
    assert restart.tracker.open_gaps == 0


def test_a_series_whose_stream_is_planned_waits_for_its_next_event() -> None:
    restart = Restart(plan(Wanted("spot", ["trade"], ["BTCUSDT", "ETHUSDT"])))

    assert restart.written() == ([], [])
    assert list(restart.tracker.unclaimed) == [TRADES_KEY]


@pytest.mark.parametrize(
    ("change", "shards", "retired"),
    [
        ({"instance": "other"}, 2, False),
        ({"shard": 0}, 2, False),
        ({"shard": 5}, 2, True),  # a shard that is no more
        ({"stream_name": "btcusdt@nothing"}, 2, False),
    ],
)
def test_only_series_of_this_writer_are_settled(
    change: dict[str, Any], shards: int, retired: bool
) -> None:
    restart = Restart(plan(OTHER_SYMBOL), stored(20, **change), (1, shards))

    assert bool(restart.written()[0]) == retired


def test_a_series_that_another_shard_may_read_now_is_left_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connector.worker.retired_series.shard_of", lambda *_: 0)

    assert Restart(plan(OTHER_SYMBOL)).written() == ([], [])
    assert {shard_of("spot", f"s{n}@trade", 2) for n in range(20)} == {0, 1}
