"""The sequence tracker of candles, which come in many states while they are open."""

from typing_extensions import override

from connector.continuity.tracker import GAP, NEW, REPEATED, IdGap, OptId, Tracker, Verdict


class CandleTracker(Tracker):
    """Rule candle: `first` opens it, `last` is its last instant, `previous` its event time.

    A candle comes in many states while it is open, and is complete with its closing state; the next
    one opens an interval later. A candle whose closing state did not come is missing, as is one of
    which nothing came.
    """

    __slots__ = ("_newest", "running")

    def __init__(self) -> None:
        super().__init__()
        self.running: OptId = None  # open time of the open candle; None between two candles
        self._newest: int | None = None

    @override
    def observe(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        newest = self._newest
        if first == self.running and not final and previous and newest and previous > newest:
            self._newest = previous
            return NEW
        return super().observe(first, last, previous, final)

    @override
    def judge(self, first: int, last: int, previous: OptId = None, final: bool = True) -> Verdict:
        if first == self.running:
            # The closing state counts, even where another connection stamps it 1 ms earlier.
            newer = previous is None or self._newest is None or previous > self._newest
            return NEW if final or newer else REPEATED
        if self.current is None:
            return NEW
        if first <= self.current:
            return REPEATED
        return NEW if self.running is None and self._follows(first, last) else GAP

    @property
    @override
    def newest(self) -> int | None:
        """Event time of the newest state."""
        return self._newest

    @property
    def current(self) -> int | None:
        """Open time of the newest candle, closed or not."""
        return self.last if self.running is None else self.running

    @override
    def reset(self, epoch: int) -> None:
        super().reset(epoch)
        self.running = self._newest = None

    def _follows(self, first: int, last: int) -> bool:
        """Within one and a half intervals: months differ in length, all others do not."""
        return self.last is not None and 2 * (first - self.last) < 3 * (last - first + 1)

    @override
    def _gap_before(self, first: int, last: int) -> IdGap:
        interval = last - first + 1
        if self.running is None:
            before = first if self.last is None else self.last
            return IdGap(self.last, first, round((first - before) / interval) - 1)
        before = self.running - 1 if self.last is None else self.last
        return IdGap(before, first, round((first - self.running) / interval))

    @override
    def _advance(self, first: int, last: int, previous: OptId, final: bool) -> None:
        if previous is not None:
            self._newest = previous if self._newest is None else max(self._newest, previous)
        self.running = None if final else first
        if final:
            self.last = first
