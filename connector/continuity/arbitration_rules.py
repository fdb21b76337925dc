"""Two legs, one tracker: puts the events of several connections of one series in publishing order.

Used while more than one leg of a series is live: rotation, shutdown notices, suspects, changed
plans, redundancy. Pure: `now` is an argument, in seconds of any clock that only goes forward.

Each leg is in order in itself. What may wait does so for a short time and in a bounded number:

- contiguous, range, chained (`ChainArbiter`): an event joins where the last one published ended. A
  jump waits until each live leg has gone past it. An overlap waits while the leg that published
  last is live and not past it, so that legs change where they are cut alike, if they ever are.
- increasing, identity (`NewestArbiter`): a new leg is muted until it delivers what is published
  already, or no other leg is left, or the others fell silent, which may be a hole; then the first
  arrival wins.
- candle (`CandleArbiter`): the same for the states of one candle, and a candle that is not closed
or was left out waits as a jump does.

Legs may stamp one event with times 1 ms apart: `skew` is what counts as the same time.
"""

from typing import Any

from connector.binance.catalogue.row import Row, SequenceRule
from connector.continuity.arbiter import (
    MAX_HELD_EVENTS,
    MAX_WAIT_S,
    Decision,
    FeedArbiter,
    HeldEvent,
    Item,
    Order,
)
from connector.continuity.sequence_rules import CandleTracker, tracker_for
from connector.continuity.tracker import GAP, NEW, OVERLAP, REPEATED, IdGap, Tracker, Verdict

__all__ = ["Decision", "FeedArbiter", "arbiter_for"]


class ChainArbiter(FeedArbiter[Item]):
    """Rules contiguous, range and chained: each event spans what follows the end of another."""

    def may_close(self, leg: int) -> bool:
        """See `FeedArbiter.may_close`; a chain goes on only where another leg is cut like its end.

        Where legs are never cut alike that would be for ever: the caller has a deadline, and what
        comes then is an overlap.
        """
        if self._rule == "contiguous" or self._leader != leg:
            return super().may_close(leg)
        last = self.tracker.last
        others = (one for name, one in self._feeds.items() if name != leg)
        return any(one.caught_up and one.reached == last for one in others)

    def _ready(self, one: HeldEvent[Item]) -> Verdict | None:
        verdict = self.tracker.judge(one.first, one.last, one.previous)
        if verdict is REPEATED:
            return verdict
        if verdict is NEW:
            return None if self.tracker.is_tolerated_skip(one.first) else verdict
        speaking = self._leader is None or self._leader == one.feed
        return verdict if verdict is OVERLAP and speaking else None

    def _is_passed(self) -> bool:
        last = self.tracker.last
        return last is None or self._all_beyond(last)

    def _order(self, first: int, last: int, previous: int | None) -> Order:
        """By what it follows: the first one that waits leaves the smallest hole."""
        return (first - 1 if previous is None else previous), last


class NewestArbiter(FeedArbiter[Item]):
    """Rules increasing and identity: what is newer than all before it is published."""

    def _ready(self, one: HeldEvent[Item]) -> Verdict | None:
        newest = self.tracker.newest
        if newest is None or one.feed == self._leader:
            return self.tracker.judge(one.first, one.last)
        if one.last <= newest + self._slack():
            return REPEATED
        return NEW if self._may_lead(one.feed) else None

    def _take(self, one: HeldEvent[Item], verdict: Verdict | None) -> Decision[Item]:
        """Decide an event. One that a new leg alone has brought comes after a hole, perhaps.

        The others would have brought it too, had they not fallen silent: since when, nobody knows.
        """
        leg, before = self._feeds.get(one.feed), self.tracker.last
        alone = verdict is None and leg is not None and not leg.caught_up and before is not None
        real, item, hole = super()._take(one, verdict)
        if not alone or self._rule == "candle" or real is REPEATED:
            return real, item, hole
        if not self.tracker.has_ids:
            return GAP, item, IdGap(None, None, None)
        return GAP, item, IdGap(before, one.last, None)

    def _slack(self) -> int:
        return 0 if self._rule == "increasing" else self._skew

    def _may_lead(self, leg: int) -> bool:
        state = self._feeds.get(leg)
        if state is not None and state.caught_up:
            return True
        return not any(other.caught_up for other in self._feeds.values())

    def _is_passed(self) -> bool:
        return False

    def _order(self, first: int, last: int, previous: int | None) -> Order:
        del first, previous
        return last, 0


class CandleArbiter(NewestArbiter[Item]):
    """Rule candle: by open time and event time; the closing state is published once, always."""

    tracker: CandleTracker

    def _ready(self, one: HeldEvent[Item]) -> Verdict | None:
        verdict = self.tracker.judge(one.first, one.last, one.previous, one.final)
        if verdict is not NEW or one.feed == self._leader or self.tracker.newest is None:
            return None if verdict is GAP else verdict
        same = one.first == self.tracker.running and not one.final and one.previous is not None
        if same and one.previous is not None and one.previous <= self.tracker.newest + self._skew:
            return REPEATED
        return NEW if self._may_lead(one.feed) else None

    def _is_passed(self) -> bool:
        current = self.tracker.current
        return current is None or self._all_beyond(current)

    def _order(self, first: int, last: int, previous: int | None) -> Order:
        del last
        return first, previous or 0

    def _reach(self, first: int, last: int) -> int:
        del last
        return first


_RULES: dict[SequenceRule, type[FeedArbiter[Any]]] = {
    "contiguous": ChainArbiter,
    "range": ChainArbiter,
    "chained": ChainArbiter,
    "increasing": NewestArbiter,
    "candle": CandleArbiter,
    "identity": NewestArbiter,
}


def arbiter_for(
    row: Row,
    tracker: Tracker | None = None,
    wait_s: float = MAX_WAIT_S,
    hold: int = MAX_HELD_EVENTS,
    skew: int = 1,
) -> FeedArbiter[Item]:
    """A merge for one series of this row, around the tracker it has; see `FeedArbiter`.

    Open its legs next, first of all the one that has been publishing (`speaking=True`).
    """
    kind: type[FeedArbiter[Item]] = _RULES[row.sequence.rule]
    return kind(row, tracker or tracker_for(row), wait_s, hold, skew)
