"""Two legs, one tracker: puts the events of several connections of one series in publishing order.

Used while more than one leg of a series is live: rotation, shutdown notices, suspects, changed
plans, redundancy. Pure: `now` is an argument, in seconds of any clock that only goes forward.

Each leg is in order in itself. What may wait does so for a short time and in a bounded number:

- contiguous, range, chained (`ChainMerge`): an event joins where the last one published ended. A
  jump waits until each live leg has gone past it. An overlap waits while the leg that published
  last is live and not past it, so that legs change where they are cut alike, if they ever are.
- increasing, identity (`NewestMerge`): a new leg is muted until it delivers what is published
  already, or no other leg is left, or the others fell silent, which may be a hole; then the first
  arrival wins.
- candle (`CandleMerge`): the same for the states of one candle, and a candle that is not closed or
  was left out waits as a jump does.

Legs may stamp one event with times 1 ms apart: `skew` is what counts as the same time.
"""

from typing import Any

from connector.binance.catalogue.row import Row, SequenceRule
from connector.continuity.arbiter import HOLD, WAIT_S, Decided, Held, Item, Merge, Order
from connector.continuity.sequence_rules import CandleTracker, tracker_for
from connector.continuity.tracker import GAP, NEW, OVERLAP, REPEATED, Gap, Tracker, Verdict

__all__ = ["Decided", "Merge", "merge_for"]


class ChainMerge(Merge[Item]):
    """Rules contiguous, range and chained: each event spans what follows the end of another."""

    def may_close(self, leg: int) -> bool:
        """See `Merge.may_close`; a chain goes on only where another leg is cut like its end.

        Where legs are never cut alike that would be for ever: the caller has a deadline, and what
        comes then is an overlap.
        """
        if self._rule == "contiguous" or self._speaker != leg:
            return super().may_close(leg)
        last = self.tracker.last
        others = (one for name, one in self._legs.items() if name != leg)
        return any(one.joined and one.reached == last for one in others)

    def _ready(self, one: Held[Item]) -> Verdict | None:
        verdict = self.tracker.judge(one.first, one.last, one.previous)
        if verdict is REPEATED:
            return verdict
        if verdict is NEW:
            return None if self.tracker.skips(one.first) else verdict
        speaking = self._speaker is None or self._speaker == one.leg
        return verdict if verdict is OVERLAP and speaking else None

    def _is_passed(self) -> bool:
        last = self.tracker.last
        return last is None or self._all_beyond(last)

    def _order(self, first: int, last: int, previous: int | None) -> Order:
        """By what it follows: the first one that waits leaves the smallest hole."""
        return (first - 1 if previous is None else previous), last


class NewestMerge(Merge[Item]):
    """Rules increasing and identity: what is newer than all before it is published."""

    def _ready(self, one: Held[Item]) -> Verdict | None:
        newest = self.tracker.newest
        if newest is None or one.leg == self._speaker:
            return self.tracker.judge(one.first, one.last)
        if one.last <= newest + self._slack():
            return REPEATED
        return NEW if self._may_speak(one.leg) else None

    def _take(self, one: Held[Item], verdict: Verdict | None) -> Decided[Item]:
        """Decide an event. One that a new leg alone has brought comes after a hole, perhaps.

        The others would have brought it too, had they not fallen silent: since when, nobody knows.
        """
        leg, before = self._legs.get(one.leg), self.tracker.last
        alone = verdict is None and leg is not None and not leg.joined and before is not None
        real, item, hole = super()._take(one, verdict)
        if not alone or self._rule == "candle" or real is REPEATED:
            return real, item, hole
        if not self.tracker.has_ids:
            return GAP, item, Gap(None, None, None)
        return GAP, item, Gap(before, one.last, None)

    def _slack(self) -> int:
        return 0 if self._rule == "increasing" else self._skew

    def _may_speak(self, leg: int) -> bool:
        state = self._legs.get(leg)
        if state is not None and state.joined:
            return True
        return not any(other.joined for other in self._legs.values())

    def _is_passed(self) -> bool:
        return False

    def _order(self, first: int, last: int, previous: int | None) -> Order:
        del first, previous
        return last, 0


class CandleMerge(NewestMerge[Item]):
    """Rule candle: by open time and event time; the closing state is published once, always."""

    tracker: CandleTracker

    def _ready(self, one: Held[Item]) -> Verdict | None:
        verdict = self.tracker.judge(one.first, one.last, one.previous, one.final)
        if verdict is not NEW or one.leg == self._speaker or self.tracker.newest is None:
            return None if verdict is GAP else verdict
        same = one.first == self.tracker.running and not one.final and one.previous is not None
        if same and one.previous is not None and one.previous <= self.tracker.newest + self._skew:
            return REPEATED
        return NEW if self._may_speak(one.leg) else None

    def _is_passed(self) -> bool:
        current = self.tracker.current
        return current is None or self._all_beyond(current)

    def _order(self, first: int, last: int, previous: int | None) -> Order:
        del last
        return first, previous or 0

    def _reach(self, first: int, last: int) -> int:
        del last
        return first


_RULES: dict[SequenceRule, type[Merge[Any]]] = {
    "contiguous": ChainMerge,
    "range": ChainMerge,
    "chained": ChainMerge,
    "increasing": NewestMerge,
    "candle": CandleMerge,
    "identity": NewestMerge,
}


def merge_for(
    row: Row,
    tracker: Tracker | None = None,
    wait_s: float = WAIT_S,
    hold: int = HOLD,
    skew: int = 1,
) -> Merge[Item]:
    """A merge for one series of this row, around the tracker it has; see `Merge`.

    Open its legs next, first of all the one that has been publishing (`speaking=True`).
    """
    kind: type[Merge[Item]] = _RULES[row.sequence.rule]
    return kind(row, tracker or tracker_for(row), wait_s, hold, skew)
