"""Series whose ids, if they have any, do not reveal what is missing: only their markers do. PURE.

The first record after a gap ends it: a marker that ends before says too little.
"""

from bisect import insort

from typing_extensions import override

from connector.binance.stream_name import Stream
from connector.continuity.audit.coverage import MISSING_STATES, MissingRange
from connector.continuity.audit.ranges import BEFORE_ALL
from connector.continuity.audit.series import LIVE, SHORT, AuditedSeries, HoleCounts

SHORT_STATES = MISSING_STATES - {"opened"}
# Gaps of single events, which end with the event itself and not with the next record.
SINGLE_EVENT_REASONS = frozenset({"dead_letter", "delivery"})
MIN_SILENCE_MS, MAX_SILENCES = 1_000, 100  # that are kept: longer than that, the longest ones


class UnnumberedSeries(AuditedSeries):
    """What such series have in common; subclasses call `_note_time` with each record."""

    def __init__(self, stream: Stream, symbol: str, window: tuple[int, int]) -> None:
        super().__init__(stream, symbol, window)
        self._first_after: dict[str, int] = {}  # gap_id -> record time of the record behind it
        self._newest_ms = BEFORE_ALL
        self._silences: list[tuple[int, int, int]] = []  # the longest: length, begin, end
        self._shortest_kept = MIN_SILENCE_MS

    def _note_time(self, time: int, origin: bytes, gap_id: bytes | None) -> None:
        newest = self._newest_ms
        if time > newest:
            self._newest_ms = time
            if time - newest > self._shortest_kept:
                self._note_silence(newest, time)
        if gap_id is not None and origin == LIVE:
            self._first_after.setdefault(gap_id.decode(), time)

    def _note_silence(self, began: int, ended: int) -> None:
        if began == BEFORE_ALL or not self.since <= began < self.until:
            return  # nothing precedes the first record, whatever the window
        insort(self._silences, (ended - began, began, ended))
        if len(self._silences) > MAX_SILENCES:
            self._shortest_kept = self._silences.pop(0)[0]

    @property
    @override
    def longest_silence(self) -> tuple[int, int] | None:
        explains = self.coverage.explains_silence
        open_ones = (times for _, *times in reversed(self._silences) if not explains(*times))
        return next(((began, ended) for began, ended in open_ones), None)

    @override
    def hole_counts(self) -> HoleCounts:
        counts = super().hole_counts()
        parts = [part for part in self.parts.values() if isinstance(part, UnnumberedSeries)]
        after: dict[str, int] = {}
        for part in parts or [self]:
            after |= part._first_after
        newest = max((part._newest_ms for part in parts or [self]), default=BEFORE_ALL)
        is_judged = self.has_event_times and newest > BEFORE_ALL
        for gap_id, gap in self.coverage.gaps.items() if is_judged else ():
            ended = gap.after_time
            if gap.state not in SHORT_STATES or gap.reason in SINGLE_EVENT_REASONS or ended is None:
                continue
            # Nothing behind it: nobody knows where it ends, and yet it was closed.
            reached = after.get(gap_id, ended if newest >= ended else self.until)
            if self.since <= ended < self.until and reached > ended:
                counts.add(MissingRange(ended, reached - 1, SHORT, gap_id))
        return counts
