"""Feeds of one series for tests: frames, schedules, and all that an arbiter decides about them.

The frames of a feed are in order in themselves. A schedule picks whose frame comes next; a feed is
closed right after its last one.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from connector.binance.catalogue.row import Row
from connector.continuity.arbiter import FeedArbiter
from connector.continuity.arbitration_rules import arbiter_for
from connector.continuity.tracker import REPEATED, IdGap, Verdict
from tests.support.catalogue import find

TRADE = find("spot", "<symbol>@trade")
RANGE = find("spot", "<symbol>@depth[@100ms]")
CHAINED = find("usdm", "<symbol>@depth[@<speed>]")
INCREASING = find("spot", "<symbol>@bookTicker")
CANDLE = find("spot", "<symbol>@kline_<interval>")
IDENTITY = find("spot", "<symbol>@miniTicker")
FORCE_ORDER = find("usdm", "<symbol>@forceOrder")


NOT_LISTENING: Mapping[int, float] = {}


@dataclass(frozen=True)
class Frame:
    """One event of one feed; `name` is the same for every feed's frame of it, however stamped."""

    first: int
    last: int
    previous: int | None = None
    final: bool = True
    name: Any = None


@dataclass
class Run:
    """An arbiter, and all that it has decided, in order."""

    arbiter: FeedArbiter[Frame]
    now: float = 0.0
    out: list[tuple[Verdict, Frame, IdGap | None]] = field(default_factory=list)

    def offer(self, feed: int, frame: Frame) -> None:
        ids = (frame.first, frame.last, frame.previous)
        self.out += self.arbiter.offer(feed, *ids, frame, self.now, frame.final)

    def close(self, feed: int) -> None:
        self.out += self.arbiter.feed_closed(feed)

    def may_close(self, feed: int, listening: Mapping[int, float] = NOT_LISTENING) -> bool:
        return self.arbiter.may_close(feed, self.now, listening)

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.out += self.arbiter.expire(self.now)

    @property
    def published(self) -> list[Frame]:
        return [frame for verdict, frame, _ in self.out if verdict is not REPEATED]

    @property
    def verdicts(self) -> list[Verdict]:
        return [verdict for verdict, _, _ in self.out]

    @property
    def gaps(self) -> list[IdGap]:
        return [gap for _, _, gap in self.out if gap is not None]


def begin(row: Row, feeds: int = 2, **settings_: float) -> Run:
    arbiter: FeedArbiter[Frame] = arbiter_for(row, **settings_)  # type: ignore[arg-type]
    for feed in range(feeds):
        arbiter.feed_opened(feed)
    return Run(arbiter)


def play(row: Row, feeds: list[list[Frame]], schedule: list[int], tick: float = 0.0) -> Run:
    """Offer all frames; the schedule picks feeds, and the rest comes feed after feed."""
    run = begin(row, len(feeds))
    left = [list(frames) for frames in feeds]
    live = set(range(len(feeds)))
    for pick in [*schedule, *(feed for feed, frames in enumerate(feeds) for _ in frames)]:
        feed = pick % len(feeds)
        if left[feed]:
            run.offer(feed, left[feed].pop(0))
            run.tick(tick)
        if not left[feed] and feed in live:
            live.discard(feed)
            run.close(feed)
    for feed in live:
        run.close(feed)
    return run


def number(id_: int) -> Frame:
    return Frame(id_, id_, name=id_)


def accounted(run: Run, feeds: list[list[Frame]]) -> bool:
    """Return whether each frame was decided once, and nothing is held any more."""
    offered = sorted(map(id, (frame for frames in feeds for frame in frames)))
    return sorted(id(frame) for _, frame, _ in run.out) == offered and run.arbiter.held == 0


def span(previous: int, last: int, feed: int, first: int | None = None) -> Frame:
    return Frame(previous + 1 if first is None else first, last, previous, name=feed)


schedules = st.lists(st.integers(0, 1), max_size=80)


@st.composite
def handovers(draw: st.DrawFn) -> tuple[int, int, int]:
    """Feed A delivers 0..a, feed B delivers b..n, with b <= a <= n: at least one event of both."""
    length = draw(st.integers(1, 30))
    ends = draw(st.integers(0, length))
    begins = draw(st.integers(0, ends))
    return ends, begins, length


@st.composite
def cuts(draw: st.DrawFn, first: int, last: int) -> list[tuple[int, int]]:
    """Cut first..last into spans at any places."""
    inner = draw(st.sets(st.integers(first, last), max_size=12)) - {last}
    edges = [first - 1, *sorted(inner), last]
    return [(low + 1, high) for low, high in itertools.pairwise(edges)]


def thinned(draw: st.DrawFn, frames: list[Frame]) -> list[Frame]:
    """The frames without some of them."""
    lost = draw(st.sets(st.integers(0, max(0, len(frames) - 1)), max_size=len(frames) // 2))
    return [frame for place, frame in enumerate(frames) if place not in lost]


@st.composite
def lossy_ids(draw: st.DrawFn) -> list[list[Frame]]:
    whole = range(draw(st.integers(1, 25)))
    return [thinned(draw, [number(id_) for id_ in whole]) for _ in range(2)]
