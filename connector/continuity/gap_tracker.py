"""Gap tracking: finds the gaps of every series, by the ids of its events and by its connections.

The pipeline reports events, the supervisors report connections; backfill/gap_filler.py drains
`requests`. No I/O.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from connector.codec.avro import decode_record
from connector.codec.schema import load
from connector.continuity.gap import EventTimes, Gap
from connector.continuity.marker import GapReason, MarkerState
from connector.continuity.rest_requests import ConfirmReset
from connector.continuity.series import Series
from connector.continuity.series_registry import SeriesRegistry
from connector.continuity.tracker import IdGap
from connector.errors import BadMessage


class GapTracker(SeriesRegistry):
    """The series of one writer, and their gaps. Arguments and attributes as of `SeriesRegistry`."""

    # Reported by the pipeline

    def on_event(
        self,
        series: Series,
        id_gap: IdGap | None,
        times: EventTimes,
        last: int,
        reason: GapReason = "sequence",
    ) -> str | None:
        """Open or close the gap before an event; return the gap_id its record must carry, if any.

        Args:
            series: The series, its tracker already advanced by the event.
            id_gap: What is missing before the event, by its ids; None if they follow on.
            times: Of the event.
            last: Its last id.
            reason: Why something is missing, unless a pending gap has a reason of its own.
        """
        record_ms = times.record_ms
        gap, gap_id = series.pending, series.next_gap_id
        series.pending, series.next_gap_id, series.needs_check = None, None, False
        if series.ended is not None:
            gap, series.ended = series.ended, None
            self._mark_started(series, "restart", series.last_id, record_ms)
            if id_gap is None and series.ids_reveal_gaps:
                self._request_snapshot(series, None)
                return None
        elif gap is not None and gap.reason == "restart":  # the writer before may have stopped
            self._mark_started(series, "restart", series.last_id, record_ms)
        if gap is None and id_gap is None:
            if not series.covered:
                self._start_coverage(series, record_ms)
            return gap_id
        gap = gap or self._gap(series, reason, None if id_gap is None else id_gap.before_id)
        gap.after_ms = record_ms
        if id_gap is None and series.ids_reveal_gaps:
            gap.after_id = series.last_id
            self.outbox.add_marker("clear", series, gap)
            return gap_id
        if id_gap is not None:
            gap.before_id, gap.after_id = id_gap.before_id, id_gap.after_id
            gap.missing = id_gap.missing
        else:
            gap.after_id = last if series.tracker.has_ids else None
            gap.widen_over_clock_step(series.last_ms, series.last_received_ms, times)
        closed = self._count(series, gap, already_counted=gap_id == gap.id)  # by `reset`
        return gap_id or closed

    def on_recovered(self, series: Series, gap: Gap, to: int) -> None:
        """Note that an event of a gap was published, up to this id; call it right after."""
        gap.recovered += 1
        gap.filled_to = to
        self.recovered += 1
        self.schedule_progress(series)

    def on_dead_letter(self, series: Series, first: int, last: int, record_ms: int | None) -> None:
        """Open the gap of an event that cannot become a record; its tracker is already advanced."""
        gap = series.gap_around(self._environment, "dead_letter", first - 1, last)
        gap.missing = last - first + 1
        gap.before_ms, gap.after_ms = series.last_ms, record_ms
        series.next_gap_id, series.needs_check = self._count(series, gap), True

    def on_refused(self, topic: str, value: bytes, reason: GapReason) -> None:
        """Mark a record that Kafka did not take as unfillable.

        A snapshot is a state and leaves no hole. In place of one that went to the dead letter, one
        with fewer levels is requested.
        """
        in_topic = [series for series in self._series.values() if series.topic == topic]
        for kind in {series.stream.row.kind for series in in_topic or self._series.values()}:
            try:
                record = decode_record(load(kind), value)
            except BadMessage:
                continue
            name = f"{record['product']}/{record['stream_name']}/{record['symbol']}"
            series = self._series.get(name)
            if series is None:
                continue
            if record["origin"] == "snapshot":
                if reason == "dead_letter":
                    levels = max(len(record["bids"]), len(record["asks"]))
                    self._request_snapshot(series, record["gap_id"], fewer_than=levels)
                continue
            open_gap = series.open_gaps.get(record["gap_id"])
            if record["origin"] == "backfill" and open_gap is not None:
                open_gap.recovered -= 1  # counted when it was published
                self.recovered -= 1
            gap = series.gap_of(self._environment, reason, record)
            if reason != "delivery" or not self._reach_back(series, gap, record):
                self.outbox.add_marker("unfillable", series, gap, topic=topic)

    def _reach_back(self, series: Series, refused: Gap, record: Mapping[str, Any]) -> bool:
        """Have the pending gap of a missing topic begin before a record that had been sent to it.

        Returns False, having done nothing, where there is no such gap, or the ids cannot go back.
        """
        gap = series.pending
        if gap is None or gap.reason != "delivery" or not series.gapless or series.arbiter:
            return False
        if gap.before_id is None or refused.before_id is None or record["origin"] != "live":
            return False
        if refused.before_id < gap.before_id:
            record_ms = record[series.stream.row.record_time] or record["receive_time"]
            gap.before_id, gap.before_ms = refused.before_id, min(gap.before_ms or 0, record_ms - 1)
            series.tracker.restore(gap.before_id, series.tracker.epoch)
            self.schedule_progress(series)
        return True

    # Reported by the supervisors

    def suspect(self, series: Iterable[Series], reason: GapReason) -> None:
        """Open a pending gap in these series, which may miss something from now on.

        The next record of each ends it.
        """
        for each in series:
            self.open_after(each, reason, each.last_id)

    def suspect_topics(self, topics: Collection[str], reason: GapReason) -> None:
        """Do so in all series whose records go to these topics."""
        self.suspect((each for each in self._series.values() if each.topic in topics), reason)

    def open_after(self, series: Series, reason: GapReason, before_id: int | None) -> None:
        """Open a pending gap behind this id, unless there is one; later ids may have been read."""
        if series.pending is None and series.covered:
            gap = self._gap(series, reason, before_id)
            gap.before_id = before_id
            self._open_pending(series, gap)

    def cover_quiet(self, series: Series, newest: int, until_ms: int) -> None:
        """Note that REST has nothing later than this id until then, and close the gap before it.

        The series needs ids that count every event. One that has never spoken is covered from here.
        """
        if series.ended is not None:
            return
        gap, last, epoch = series.pending, series.last_id, series.tracker.epoch
        if gap is not None and last is not None:
            series.pending = None
            if gap.reason == "restart":
                self._mark_started(series, "restart", newest + 1, until_ms)
            gap.before_id, gap.after_id, gap.after_ms = last, newest + 1, until_ms
            gap.missing = newest - last
            if gap.missing:
                series.tracker.restore(newest, epoch)
                series.next_gap_id = self._count(series, gap)
            else:
                self.outbox.add_marker("clear", series, gap, "REST has nothing later")
        elif not series.covered:
            series.tracker.restore(newest, epoch)
            self._start_coverage(series, until_ms, newest + 1)
        self.advance_quiet(series, until_ms)
        self.schedule_progress(series)  # its last id may be another one, without a record

    def advance_quiet(self, series: Series, until_ms: int) -> None:
        """Note that nothing happened before a time, epoch ms, that was not published."""
        series.quiet_until = max(series.quiet_until or 0, until_ms)
        self.outbox.update_progress(series)

    def check_id_reset(self, series: Series) -> None:
        """Request REST's newest id of a series that delivers repeats only."""
        if self._policy.confirms_resets(series.stream.row):
            self.requests.append(ConfirmReset(series))

    def reset(self, series: Series, first: int | None) -> None:
        """Begin the ids of a series anew, as REST has confirmed; none of its events may be held.

        `first`: the lowest of the new ids that was taken for a repeat; the next event shows that it
        and what followed are missing. If it lies in an open gap, a few events had ids far ahead:
        the new epoch goes on where that gap is filled, so that no id is in both.
        """
        gap = self._gap(series, "ids_reset")
        self.gaps["ids_reset"] += 1
        last = None if first is None else first - 1
        if first is not None and (jump := series.gap_with(first)) is not None:
            last = gap.before_id = self._end_jump(series, jump)
        self.outbox.add_marker("unfillable", series, gap, "the exchange began the ids anew")
        self.schedule_progress(series)
        series.tracker.restore(last, series.tracker.epoch + 1)
        self._request_snapshot(series, gap.id)
        # Where ids reveal nothing, the next event shows the right edge alone.
        series.pending = None if series.ids_reveal_gaps else gap
        series.next_gap_id, series.needs_check = gap.id, True

    def _end_jump(self, series: Series, jump: Gap) -> int | None:
        """Close the gap before an id far ahead where it is filled; return the last id before.

        What lies between that id and the one far ahead never was: it is not missing.
        """
        last = jump.before_id if jump.filled_to is None else jump.filled_to
        jump.missing, jump.after_id = (last or 0) - (jump.before_id or 0), (last or 0) + 1
        state: MarkerState = "partial" if jump.recovered else "unfillable"
        if jump.recovered >= jump.missing:
            state = "filled" if jump.missing else "clear"
        self.close_gap(series, jump, state, f"its ids go on behind {last} in the next id epoch")
        return last
