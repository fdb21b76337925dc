"""What a run is worth: all that was made against all that a consumer finds. Pure.

Works on the lab's own ids, not on what the connector or `bkc verify` say of themselves.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.binance.catalogue.row import Row
from tests.chaos.observer import Made

LOST = frozenset({"opened", "partial", "unfillable"})  # states that own up to what is missing
BOOKS = ("range", "chained")
# Of options REST tells the latest 500 trades; less those of the time that it takes to ask.
LATEST = 400


@dataclass(frozen=True, slots=True)
class Found:
    """One record, as a plain read_committed consumer reads it."""

    identity: tuple[Any, ...]
    origin: str
    span: tuple[int, int] | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Hole:
    """A gap as the markers tell it: its last state and the widest edges told. Times in ms."""

    state: str
    reason: str
    marked_ms: int
    before_id: int | None
    after_id: int | None
    before_ms: int | None
    after_ms: int | None

    def covers(self, number: int | None, ms: int) -> bool:
        """Say whether an event lies in it: each edge by its id where it has one, else by time."""
        if number is None or self.before_id is None:
            after_before = self.before_ms is None or self.before_ms <= ms
        else:
            after_before = self.before_id < number
        if number is None or self.after_id is None:
            return after_before and (self.after_ms is None or ms <= self.after_ms)
        return after_before and number < self.after_id


@dataclass(slots=True)
class Score:
    """What became of the events of one series or of many. Candles count once, when they close.

    Attributes:
        made: Events made.
        missing: Of them not in the topic.
        unmarked: Missing, and no marker says so.
        unfilled: Missing, though REST has it.
        backfilled: Records that came by REST.
        repeats: Records that tell what another one has told.
        blind_ms: Longest time in which events were made and none of them came live.
        examples: Some of what is wrong.
    """

    made: int = 0
    missing: int = 0
    unmarked: int = 0
    unfilled: int = 0
    backfilled: int = 0
    repeats: int = 0
    blind_ms: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, other: "Score") -> None:
        """Take in another series."""
        for name in ("made", "missing", "unmarked", "unfilled", "backfilled", "repeats"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.blind_ms = max(self.blind_ms, other.blind_ms)
        self.examples += other.examples


class Spans:
    """Ids covered by the records of a book."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._merged: list[tuple[int, int]] = []
        for first, last in sorted(spans):
            if self._merged and first <= self._merged[-1][1] + 1:
                self._merged[-1] = (self._merged[-1][0], max(last, self._merged[-1][1]))
            else:
                self._merged.append((first, last))
        self._firsts = [first for first, _ in self._merged]

    def hold(self, span: tuple[int, int]) -> bool:
        """Say whether all of a span is covered."""
        position = bisect_right(self._firsts, span[0]) - 1
        return position >= 0 and span[1] <= self._merged[position][1]


def covered(row: Row, made: Sequence[Made], markers: Sequence[Mapping[str, Any]]) -> list[Made]:
    """Return what lies between the first `started` and the last `stopped` marker of a series."""
    started = next((marker for marker in markers if marker["state"] == "started"), None)
    if started is None:
        return []
    stopped = [marker for marker in markers if marker["state"] == "stopped"]
    last = stopped[-1] if stopped else None

    def is_covered(event: Made) -> bool:
        number = _number(row, event)
        if number is None or started["after_id"] is None:
            return started["after_time"] <= event.ms and (
                last is None or event.ms <= last["before_time"]
            )
        return bool(started["after_id"] <= number) and (
            last is None or bool(number <= last["before_id"])
        )

    return [event for event in made if is_covered(event)]


def judge(
    row: Row, name: str, made: Sequence[Made], found: Sequence[Found], holes: Sequence[Hole]
) -> Score:
    """Judge one series.

    Args:
        row: Its catalogue row.
        name: How it is called in examples.
        made: All of it, in order.
        found: Its records, in order.
        holes: What its markers say.
    """
    score = Score(backfilled=sum(event.origin == "backfill" for event in found))
    score.repeats = _repeats(row, made, found)
    made = [event for event in made if event.wanted]
    score.blind_ms = _blind_ms(row, made, [event for event in found if event.origin == "live"])
    wanted = [event for event in made if event.closed] if row.sequence.rule == "candle" else made
    score.made = len(wanted)
    if score.repeats:
        score.examples.append(f"{name}: {score.repeats} repeats")
    wrong: dict[str, list[Made]] = {}
    live = sorted(event.identity for event in found if event.origin == "live")
    for event in _missing(row, wanted, found):
        fillable = event.listed and can_be_filled(row, event, live)
        if reason := _count(row, event, holes, fillable, score):
            wrong.setdefault(reason, []).append(event)
    for reason, some in wrong.items():
        first, last = some[0].identity, some[-1].identity
        score.examples.append(f"{name}: {len(some)} from {first} to {last}, {reason}")
    return score


def _count(row: Row, made: Made, holes: Sequence[Hole], fillable: bool, score: Score) -> str:
    """Count what is missing; return what is wrong with that, if anything is."""
    score.missing += 1
    covering = [hole for hole in holes if hole.covers(_number(row, made), made.ms)]
    states = sorted({hole.state for hole in covering})
    # A gap that is settled may leave out only what REST has never heard of.
    marked = any(hole.state in LOST for hole in covering) or (bool(covering) and not fillable)
    score.unmarked += not marked
    score.unfilled += fillable
    if marked and not fillable:
        return ""
    return f"{'not filled' if marked else 'unmarked'} (markers: {', '.join(states) or 'none'})"


def can_be_filled(row: Row, made: Made, live: Sequence[tuple[Any, ...]]) -> bool:
    """Say whether REST can give an event back: by id, by time, or among the latest trades.

    Args:
        row: Its catalogue row.
        made: The event.
        live: What came live of its series, in order: how old it was when it could be asked for.
    """
    if row.backfill is None or row.backfill.by in ("id", "time"):
        return row.backfill is not None
    if (row.product, row.kind) != ("options", "trade"):
        return False
    after = bisect_right(live, made.identity)
    return after < len(live) and live[after][0] - made.identity[0] < LATEST


def _number(row: Row, made: Made) -> int | None:
    """Return the id that markers count in."""
    if row.sequence.rule == "identity":
        return None
    if made.span is not None:
        return made.span[1]
    number = made.identity[0]
    return int(number)


def _missing(row: Row, wanted: Sequence[Made], found: Sequence[Found]) -> list[Made]:
    rule = row.sequence.rule
    if rule in BOOKS:
        spans = Spans(event.span for event in found if event.span is not None)
        return [
            wanted_item
            for wanted_item in wanted
            if wanted_item.span is not None and not spans.hold(wanted_item.span)
        ]
    if rule == "candle":
        closed = {event.identity[0] for event in found if event.closed}
        return [wanted_item for wanted_item in wanted if wanted_item.identity[0] not in closed]
    return _without(wanted, found)


def _without(wanted: Sequence[Made], found: Sequence[Found]) -> list[Made]:
    """Return the events that no record tells: each record tells one."""
    left = Counter(wanted_item.identity for wanted_item in found)
    missing = []
    for wanted_item in wanted:
        if left[wanted_item.identity]:
            left[wanted_item.identity] -= 1
        else:
            missing.append(wanted_item)
    return missing


def _repeats(row: Row, made: Sequence[Made], found: Sequence[Found]) -> int:
    if row.sequence.rule in BOOKS:
        return _repeated_spans([event.span for event in found if event.span is not None])
    if row.sequence.rule == "candle":
        states = Counter(event.identity for event in found if event.origin == "live")
        fetched = Counter(event.identity[0] for event in found if event.origin != "live")
        return sum(count - 1 for count in (*states.values(), *fetched.values()))
    made_count = Counter(event.identity for event in made)
    return sum(
        max(0, count - max(1, made_count[identity]))
        for identity, count in Counter(event.identity for event in found).items()
    )


def _repeated_spans(spans: Sequence[tuple[int, int]]) -> int:
    """Count those whose ids had all been told: in the order of the topic, which is that of ids."""
    repeats, reached = 0, -1
    for _, last in spans:
        repeats += last <= reached
        reached = max(reached, last)
    return repeats


def _blind_ms(row: Row, made: Sequence[Made], live: Sequence[Found]) -> int:
    lost = {id(event) for event in _not_live(row, made, live)}
    longest, since = 0, None
    for event in made:
        if id(event) in lost:
            since = event.ms if since is None else since
        elif since is not None:
            longest, since = max(longest, event.ms - since), None
    if since is not None:
        longest = max(longest, made[-1].ms - since)
    return longest


def _not_live(row: Row, made: Sequence[Made], live: Sequence[Found]) -> list[Made]:
    if row.sequence.rule in BOOKS:
        return _missing(row, made, live)
    return _without(made, live)


def holes_of(markers: Iterable[Mapping[str, Any]]) -> list[Hole]:
    """Return the gaps of one series, from its markers in order: the last state stands."""
    known: dict[str, dict[str, Any]] = {}
    for marker in markers:
        gap = marker["gap_id"]
        if gap is None:
            continue
        first = known.setdefault(gap, dict(marker))
        for name in ("before_id", "after_id", "before_time", "after_time"):
            if marker[name] is not None:
                first[name] = marker[name]
        first["state"], first["reason"] = marker["state"], marker["reason"]
    return [
        Hole(
            value["state"],
            value["reason"],
            value["marked_time"],
            value["before_id"],
            value["after_id"],
            value["before_time"],
            value["after_time"],
        )
        for value in known.values()
    ]
