"""Markers and progress: the life of a gap, and how far a series is complete.

Pure: returns the records as dicts that fit schemas/marker.avsc and schemas/progress.avsc; times
are epoch milliseconds, `now_us` our clock in microseconds. Ids are hashes of facts, so that a
process that writes a fact again after a crash writes it under the same id.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from connector.binance.products import Product
from connector.binance.sequence import Gap

Edge = Literal["started", "stopped"]
Outcome = Literal["clear", "filled", "partial", "unfillable"]
State = Literal["started", "stopped", "opened", "clear", "filled", "partial", "unfillable"]
Reason = Literal[
    "connection_lost",
    "server_shutdown",
    "lifetime",
    "stale",
    "sequence",
    "ids_reset",
    "overload",
    "delivery",
    "dead_letter",
    "restart",
    "plan_changed",
]
Record = dict[str, Any]

STATES: tuple[State, ...] = get_args(State)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)  # a gap's last state
REASONS: tuple[Reason, ...] = get_args(Reason)
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Series:
    """What has one sequence, and who writes its records.

    Attributes:
        environment: production, testnet, demo or a name of one's own: what the ids belong to.
        stream_name: Wire name of the stream.
        kind: Record type.
        topic: Topic of its records.
        shard: Index of the shard that writes it.
        instance: The writer's name (setting `instance`).
    """

    environment: str
    product: Product
    stream_name: str
    symbol: str
    kind: str
    topic: str
    shard: int = 0
    instance: str = "market"

    @property
    def key(self) -> str:
        """Kafka key of its markers and its progress."""
        return f"{self.product}/{self.stream_name}/{self.symbol}"

    def head(self) -> Record:
        """The fields that name it in both records."""
        return {
            "product": self.product,
            "stream_name": self.stream_name,
            "symbol": self.symbol,
            "kind": self.kind,
            "topic": self.topic,
            "shard": self.shard,
            "instance": self.instance,
        }


def digest(*parts: object) -> str:
    """The first 16 hex digits of the SHA-256 of these parts, joined by `|`."""
    text = "|".join(map(str, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def gap_id(
    environment: str, product: str, stream_name: str, symbol: str, id_epoch: int, before: int | None
) -> str:
    """Id of the gap that begins after this id, or after this time where there are no ids."""
    return digest(environment, product, stream_name, symbol, id_epoch, before)


def edge_marker(
    series: Series,
    state: Edge,
    reason: Reason,
    now_us: int,
    id_: int | None,
    time: int | None,
    id_epoch: int = 0,
    *,
    repeats_possible: bool = False,
    detail: str | None = None,
) -> Record:
    """The record that coverage began (`id_` and `time` of the first record covered) or ended.

    Two markers of one edge of one series are the same fact, and have the same id.
    """
    side = "after" if state == "started" else "before"
    where = time if id_ is None else id_
    name = (series.environment, series.product, series.stream_name, series.symbol, id_epoch)
    return _marker(
        series,
        now_us,
        {
            "marker_id": digest(*name, state, where),
            "state": state,
            "reason": reason,
            f"{side}_id": id_,
            f"{side}_time": time,
            "id_epoch": id_epoch,
            "repeats_possible": repeats_possible,
            "detail": detail,
        },
    )


@dataclass(slots=True)
class OpenGap:
    """A gap from its opening to its last state. Open: what is missing may still be fetched.

    Attributes:
        series: Whose gap.
        gap: Its edges, with their times.
        reason: Why there is one.
        id_epoch: The epoch of its ids.
        repeats_possible: Records near its edges may stand in the topic twice.
        state: opened, then one of OUTCOMES.
        recovered: Ids fetched and written so far.
        id: The `gap_id` of its markers and of the records after and inside it.
    """

    series: Series
    gap: Gap
    reason: Reason
    id_epoch: int = 0
    repeats_possible: bool = False
    state: State = "opened"
    recovered: int = 0
    id: str = field(init=False)

    def __post_init__(self) -> None:
        one = self.series
        gap = self.gap
        before = gap.before_time if gap.before_id is None else gap.before_id
        name = (one.environment, one.product, one.stream_name, one.symbol)
        self.id = gap_id(*name, self.id_epoch, before)

    def opened(self, now_us: int, detail: str | None = None) -> Record:
        """The first record of its life."""
        return self._record("opened", now_us, None, detail)

    def recover(self, ids: int) -> None:
        """Count ids that were fetched and written."""
        self._still_open()
        self.recovered += ids

    def ends(self, complete: bool) -> Outcome:
        """How it would end now.

        Args:
            complete: REST answered for all of the span, and all it gave is written; what is
                missing then was never there (single ids, candles without trades).
        """
        if self.gap.missing == 0 or (complete and not self.recovered):
            return "clear"
        if complete or (self.gap.missing is not None and self.recovered >= self.gap.missing):
            return "filled"
        return "partial" if self.recovered else "unfillable"

    def ended(self, outcome: Outcome, now_us: int, detail: str | None = None) -> Record:
        """The last record of its life.

        Raises:
            ValueError: it has ended before, or cannot end so.
        """
        self._still_open()
        if outcome not in OUTCOMES:
            raise ValueError(f"a gap cannot end as {outcome!r}; it ends as {', '.join(OUTCOMES)}")
        self.state = outcome
        return self._record(outcome, now_us, self.recovered, detail)

    def _still_open(self) -> None:
        if self.state != "opened":
            raise ValueError(f"gap {self.id} of {self.series.key} has ended: {self.state}")

    def _record(
        self, state: State, now_us: int, recovered: int | None, detail: str | None
    ) -> Record:
        gap = self.gap
        return _marker(
            self.series,
            now_us,
            {
                "marker_id": digest(self.id, state),
                "state": state,
                "reason": self.reason,
                "gap_id": self.id,
                "before_id": gap.before_id,
                "after_id": gap.after_id,
                "before_time": gap.before_time,
                "after_time": gap.after_time,
                "missing": gap.missing,
                "recovered": recovered,
                "id_epoch": self.id_epoch,
                "repeats_possible": self.repeats_possible,
                "detail": detail,
            },
        )


_NULLS: Record = dict.fromkeys(
    ("gap_id", "before_id", "after_id", "before_time", "after_time", "missing", "recovered")
)


def _marker(series: Series, now_us: int, facts: Record) -> Record:
    times = {"marked_time": now_us // 1000, "marked_time_us": now_us}
    return {**_NULLS, **series.head(), **times, **facts}


def complete_until(last_time: int | None, open_gaps: Iterable[OpenGap]) -> int | None:
    """The time before which everything is in the topic or marked as missing for good.

    Args:
        last_time: Record time of the newest record; more may come with the very same time.
        open_gaps: The series' gaps that have not ended; one that does not say when the last
            record before it was leaves nothing to promise.
    """
    times = [last_time, *(gap.gap.before_time for gap in open_gaps)]
    known = [time for time in times if time is not None]
    return min(known) if len(known) == len(times) else None


def progress(
    series: Series,
    now_us: int,
    last_id: int | None,
    last_time: int | None,
    open_gaps: Iterable[OpenGap] = (),
    id_epoch: int = 0,
) -> Record:
    """How far a series is complete; `last_id` is null where it has no ids (`Tracker.has_ids`)."""
    gaps = list(open_gaps)
    return {
        **series.head(),
        "last_id": last_id,
        "last_time": last_time,
        "complete_until": complete_until(last_time, gaps),
        "open_gaps": [gap.id for gap in gaps],
        "id_epoch": id_epoch,
        "written_time": now_us // 1000,
    }
