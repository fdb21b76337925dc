"""Several feeds, one tracker: the rules by which an arbiter publishes the events of one series.

Each feed by itself is in order. Events are held for MAX_WAIT_S and in a bounded number at most:

- contiguous, range, chained (`ChainArbiter`): an event follows where the last one published ended.
  A jump is held until every feed has gone past it. An overlap is held while the leading feed lives
  and is not past it, so that the lead passes where both feeds cut the ids alike, if they ever do.
- increasing, identity (`NewestArbiter`): a new feed is muted until it delivers what is published
  already, or no other feed is left, or the others fall silent, which may be a gap. After that the
  first arrival is published.
- candle (`CandleArbiter`): the same for the states of one candle. The event after a candle that was
  not closed or is missing is held as a jump is.

Feeds may stamp one event with times 1 ms apart: `skew` is what counts as the same time.
"""

from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from connector.binance.catalogue.row import Row, SequenceRule
from connector.continuity.arbiter import Decision, FeedArbiter, HeldEvent, Item, Order
from connector.continuity.candle_tracker import CandleTracker
from connector.continuity.sequence_rules import tracker_for
from connector.continuity.tracker import GAP, NEW, OVERLAP, REPEATED, IdGap, Tracker, Verdict

MAX_WAIT_S = 0.5  # an event is held so long: some times the difference of two feeds' delays
MAX_HELD_EVENTS = 256  # of one series


class ChainArbiter(FeedArbiter[Item]):
    """Rules contiguous, range and chained: each event spans the ids that follow another's end."""

    @override
    def may_close(self, feed: int, now: float, listening: Mapping[int, float]) -> bool:
        """Return whether nothing is lost, and no chain of ids broken, if this feed closes now.

        Feeds may never be cut alike: callers set a deadline, and an overlap follows.
        """
        if not super().may_close(feed, now, listening):
            return False
        if self._rule == "contiguous" or self._leader != feed:
            return True
        last = self.tracker.last
        others = [other for name, other in self._feeds.items() if name != feed]
        caught_up = [other for other in others if other.caught_up]
        return not caught_up or any(other.reached == last for other in caught_up)

    @override
    def _ready(self, event: HeldEvent[Item]) -> Verdict | None:
        verdict = self.tracker.judge(event.first, event.last, event.previous)
        may_overlap = verdict is OVERLAP and self._leader in (None, event.feed)
        return verdict if verdict in (NEW, REPEATED) or may_overlap else None

    @override
    def _is_passed(self) -> bool:
        last = self.tracker.last
        return last is None or self._all_beyond(last)

    @override
    def _order(self, first: int, last: int, previous: int | None) -> Order:
        """Return the id it follows: the first held event then leaves the smallest gap."""
        return (first - 1 if previous is None else previous), last


class NewestArbiter(FeedArbiter[Item]):
    """Rules increasing and identity: what is newer than all before it is published."""

    @override
    def _ready(self, event: HeldEvent[Item]) -> Verdict | None:
        newest = self.tracker.newest
        if newest is None or event.feed == self._leader:
            return self.tracker.judge(event.first, event.last)
        if event.last <= newest + self._slack:
            return REPEATED
        return NEW if self._may_lead(event.feed) else None

    @override
    def _take(self, event: HeldEvent[Item], verdict: Verdict | None) -> Decision[Item]:
        """Decide an event. What a new feed alone has delivered may follow a gap (verdict GAP).

        The other feeds would have delivered it too, had they not fallen silent, at an unknown time.
        """
        feed, before = self._feeds.get(event.feed), self.tracker.last
        alone = verdict is None and feed is not None and not feed.caught_up and before is not None
        decision = super()._take(event, verdict)
        if not alone or self._rule == "candle" or decision.verdict is REPEATED:
            return decision
        gap = IdGap(before, event.last, None) if self.tracker.has_ids else IdGap(None, None, None)
        return Decision(GAP, event.item, gap)

    def _may_lead(self, feed: int) -> bool:
        caught_up = [each for each, state in self._feeds.items() if state.caught_up]
        return feed in caught_up or not caught_up

    @override
    def _is_passed(self) -> bool:
        return False

    @override
    def _order(self, first: int, last: int, previous: int | None) -> Order:
        return last, 0


class CandleArbiter(NewestArbiter[Item]):
    """Rule candle: by open time and event time; the closing state is published once, always."""

    tracker: CandleTracker

    @override
    def _ready(self, event: HeldEvent[Item]) -> Verdict | None:
        verdict = self.tracker.judge(event.first, event.last, event.previous, event.final)
        if verdict is not NEW or event.feed == self._leader or self.tracker.newest is None:
            return None if verdict is GAP else verdict
        time, running = event.previous, event.first == self.tracker.running and not event.final
        if running and time is not None and time <= self.tracker.newest + self._skew:
            return REPEATED
        return NEW if self._may_lead(event.feed) else None

    @override
    def _is_passed(self) -> bool:
        current = self.tracker.current
        return current is None or self._all_beyond(current)

    @override
    def _order(self, first: int, last: int, previous: int | None) -> Order:
        return first, previous or 0

    @property
    @override
    def _published(self) -> int | None:
        return self.tracker.current

    @override
    def _reach(self, first: int, last: int) -> int:
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
    """Return an arbiter for one series of this row, around its tracker; see `FeedArbiter`.

    Open its feeds next, first of all the one whose events the tracker has observed (`leading`).
    """
    kind: type[FeedArbiter[Item]] = _RULES[row.sequence.rule]
    return kind(row, tracker or tracker_for(row), wait_s, hold, skew)
