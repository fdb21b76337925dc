"""One account and product: whether its events are complete, and what is written of them. PURE.

Its life: not covered -> reconciling -> live -> (a break) not covered -> ... While it is reconciled,
events wait for the answers. The caller hands over everything in order, publishes the records that
are returned in the open transaction, and makes the queries of `start`'s Reconciliation.
"""

from collections import Counter
from dataclasses import dataclass

from connector.account.ask_schedule import AskSchedule
from connector.account.feed_items import AccountEvent, Interrupted
from connector.account.outbox import AccountOutbox
from connector.account.progress import order_mark, time_of
from connector.account.reconcile import Reconciliation
from connector.account.reconcile_picture import Pairs
from connector.account.reconcile_result import Reconciled, as_distinct
from connector.account.records import AccountRecord, AccountRecorder
from connector.account.stored_progress import Earlier, OpenGap, StoredProgress
from connector.continuity.marker import digest

ON_THE_WAY_MS = 2_000  # an event of a fact that is younger may be on its way still
EVENT_OVERHEAD = 1_000  # bytes of a record that waits, beside its payload


@dataclass(frozen=True, slots=True)
class Reconciling:
    """A reconciliation under way.

    Attributes:
        gap: The break; None: the first picture, or one that is made now and then.
        since_us: When it was begun.
        epoch: Of the tracker; another one: a new break has made it void.
    """

    steps: Reconciliation
    gap: OpenGap | None
    since_us: int
    epoch: int


class AccountTracker:
    """Judges the events of one account and place.

    Args:
        stored: What is written of it; a new account has an empty progress.
        outbox: Takes markers and progress.
        prefix: Of the topics.
        pairs: Base and quote assets by symbol (spot and margin); may be filled later.
        writes_snapshot: Write the first picture.

    Attributes:
        is_covered: The feed delivers every event from now on.
        counts: Events by what became of them: new, distinct, repeated, outlived; unknown types.
        results: Reconciliations by their state: started, filled, partial; picture.
        buffered_bytes: Of events that wait for answers.
        settled_at: Number of the transaction with the last closing marker; 0: none.
    """

    def __init__(
        self,
        stored: StoredProgress,
        outbox: AccountOutbox,
        prefix: str,
        pairs: Pairs,
        *,
        writes_snapshot: bool = True,
    ) -> None:
        self.account, self.place = stored.key
        self.product = stored.progress.product
        self.stored = stored
        self._outbox, self._prefix, self._pairs = outbox, prefix, pairs
        self._writes_snapshot = writes_snapshot
        self._recorder = AccountRecorder(
            self.account, self.product, stored.progress.isolated_symbol
        )
        self.is_covered = False
        self.counts: Counter[str] = Counter()
        self.results: Counter[str] = Counter()
        self.buffered_bytes = 0
        self.settled_at = 0
        self._buffer: list[AccountRecord] = []
        self._running: Reconciling | None = None
        self._completed: Reconciled | None = None
        self._asked = 0  # events of the buffer that its result has dealt with
        self._epoch = 0
        self._first_of: str | None = None  # the gap that the next event ends
        self._covered_us = 0
        self._last_picture_ms = 0  # the picture before the one that is being written
        self._schedule = AskSchedule()
        self._earlier = Earlier() if stored.gap is None else stored.gap.earlier

    @property
    def is_right(self) -> bool:
        """Whether a reader's view of the account is right as soon as all is committed."""
        return self.is_covered and self.stored.gap is None and self._has_picture

    @property
    def _has_picture(self) -> bool:
        return self.stored.progress.as_of_ms is not None

    def resume(self, stopped_us: int, detail: str) -> None:
        """Open the break between the last writer and this one, if it left none open.

        `stopped_us`: when the last writer was known to read, epoch microseconds. `detail`: why
        nobody reads since then.
        """
        if self._has_picture and self.stored.gap is None:
            self._open_gap("restart", stopped_us, detail)

    # What the feed reports

    def on_event(self, event: AccountEvent) -> list[AccountRecord]:
        """Return what to publish now. Raises BadMessage: the event is none."""
        record = self._recorder.record(event.payload, event.received_us, gap_id=self._first_of)
        self._first_of = None
        if not record.is_known:
            self.counts["unknown"] += 1
        if self._is_waiting:
            self._buffer.append(record)
            if self._has_picture and self.stored.gap is None:
                self._outbox.hold(self.stored.key, event.received_us)
            self.buffered_bytes += len(event.payload) + EVENT_OVERHEAD
            if self._running is not None and self._completed is None:
                self._running.steps.buffer(record)
            return []
        return self._admit(record)

    @property
    def _is_waiting(self) -> bool:
        return not self.is_covered or self._running is not None or not self._is_asked

    @property
    def _is_asked(self) -> bool:
        """Whether the account has been asked since the last break, be it in part."""
        return self._schedule.retry_us > 0 or (self._has_picture and self.stored.gap is None)

    def _admit(self, record: AccountRecord) -> list[AccountRecord]:
        admission = self.stored.progress.admit(record)
        self.counts[admission] += 1
        if admission in ("repeated", "outlived"):
            return []
        kept = as_distinct(record) if admission == "distinct" else record
        self._outbox.add_step(self.stored, self.stored.progress.remember(kept))
        return [kept]

    def on_covered(self, now_us: int) -> None:
        """Take note that no event is missed from now on."""
        self.is_covered, self._covered_us = True, now_us
        gap = self.stored.gap
        self._first_of = None if gap is None else gap.id

    def on_interrupted(self, item: Interrupted) -> None:
        """Open a break, unless one is open; what is being asked is void."""
        self.is_covered = False
        self._break(item.reason, item.since_us, item.detail)

    def on_overload(self, since_us: int) -> None:
        """Open a break: events were dropped because Kafka was away for too long."""
        detail = "more events waited for Kafka than `hold` allows"
        self._break_while_covered("overload", since_us, detail)

    def on_unreadable(self, since_us: int) -> None:
        """Open a break: an event could not be read; its bytes are in the dead letter.

        One is enough: what is open is asked for anyway, and a picture confirms each closed break.
        So a flood of such events makes no flood of questions.
        """
        if self.is_right and not self._schedule.confirm_us:
            self._break_while_covered("dead_letter", since_us, "an event could not be read")

    def _break_while_covered(self, reason: str, since_us: int, detail: str) -> None:
        self._break(reason, since_us, detail)
        self._covered_us = since_us
        self._first_of = None if self.stored.gap is None else self.stored.gap.id

    def _break(self, reason: str, since_us: int, detail: str) -> None:
        self._epoch += 1
        self._running = self._completed = None
        self._earlier = self._earlier.after_break()
        self._schedule.on_break()
        if self._has_picture and self.stored.gap is None:
            self._open_gap(reason, since_us, detail)

    def _open_gap(self, reason: str, since_us: int, detail: str) -> None:
        gap = OpenGap(self._new_gap_id(since_us), reason, since_us)
        self._outbox.add_marker("opened", self.stored, gap, detail=detail or None)
        self._outbox.set_gap(self.stored, gap)
        self._outbox.release(self.stored.key)
        self.results["opened"] += 1

    def _new_gap_id(self, since_us: int) -> str:
        self._epoch += 1
        return digest(self._prefix, self.account, self.place, since_us, self._epoch)

    # Reconciliation

    def wants_reconciliation(self, now_us: int) -> bool:
        """Say whether the account is to be asked now."""
        if not self.is_covered or self._running is not None:
            return False
        many = self.stored.progress.picture_is_due
        return self._schedule.is_due(now_us, must_ask=not self._is_asked, has_many_events=many)

    def start(self, now_us: int, budget: int | None) -> Reconciling:
        """Begin to ask; events wait from now on. Raises Refused: the product has no queries."""
        gap = self.stored.gap
        steps = Reconciliation(
            self._recorder,
            self.stored.progress,
            None if gap is None else gap.id,
            self._pairs,
            budget=budget,
            writes_snapshot=self._writes_snapshot,
            earlier=self._earlier,
        )
        for record in self._buffer:
            steps.buffer(record)
        self._schedule.on_start()
        self._running = Reconciling(steps, gap, now_us, self._epoch)
        return self._running

    def is_void(self, running: Reconciling) -> bool:
        """Say whether a new break has made a reconciliation void."""
        return running.epoch != self._epoch

    def complete(self, result: Reconciled, now_us: int, retry_s: float) -> None:
        """Take the result; `take_completed` gives what to publish, events wait until then.

        `retry_s`: after which what was not answered is asked again.
        """
        self._completed, self._asked = result, len(self._buffer)
        before = self.stored.progress.as_of_ms
        is_whole = result.is_settled and not result.left and result.progress.as_of_ms != before
        self._schedule.on_answers(now_us, None if is_whole else retry_s)

    @property
    def has_completed(self) -> bool:
        """Whether `take_completed` has something to publish."""
        return self._completed is not None

    def take_completed(self) -> list[AccountRecord]:
        """Return what to publish in one transaction: what was fetched, then what waited."""
        result, running = self._completed, self._running
        if result is None or running is None:
            return []
        is_first = not self._has_picture
        self._last_picture_ms = self.stored.progress.as_of_ms or 0
        self.stored.progress = result.progress
        self._outbox.rewrite(self.stored)
        self._settle(result, running, is_first=is_first)
        self._earlier = result.earlier if self._schedule.retry_us else Earlier()
        late, self._buffer = self._buffer[self._asked :], []
        self.buffered_bytes = 0
        self._outbox.release(self.stored.key)
        self._running = self._completed = None
        records = list(result.records)
        for record in late:
            records += self._admit(record)
        return records

    def _settle(self, result: Reconciled, running: Reconciling, *, is_first: bool) -> None:
        """Add the marker that says what came of it."""
        gap, self.settled_at = running.gap, self._outbox.commits + 1
        if gap is None and not is_first:
            gap = self._unnoticed(result)
        if gap is None and not is_first:
            self.results["picture"] += 1
            return
        state = "started" if is_first and not result.detail else result.state
        self.results[state] += 1
        is_closed = not self._schedule.retry_us
        if gap is None or is_closed or result.detail != gap.detail:
            detail = result.detail or None
            counts = {field: result.counts.get(name, 0) for field, name in _COUNTS.items()}
            after_ms = self._covered_us // 1000
            self._outbox.add_marker(
                state, self.stored, gap, detail=detail, after_time=after_ms, **counts
            )
        if gap is None:
            return
        if is_closed and gap.reason != "unnoticed":
            self._schedule.on_closed()
        earlier = result.earlier.after_break()
        open_gap = OpenGap(gap.id, gap.reason, gap.since_us, result.detail, earlier)
        self._outbox.set_gap(self.stored, None if is_closed else open_gap)

    def _unnoticed(self, result: Reconciled) -> OpenGap | None:
        """Return a break that nobody noticed: a picture has fills or orders that no event told."""
        as_of_ms = result.progress.as_of_ms or 0
        if not any(_is_untold(record, as_of_ms) for record in result.records):
            return None
        since_ms = self._last_picture_ms
        self._open_gap("unnoticed", since_ms * 1000, "a picture has what no event told")
        return self.stored.gap


def _is_untold(record: AccountRecord, as_of_ms: int) -> bool:
    """Say whether a record is a fill or order that was fetched, and is no event's on its way."""
    fields = record.fields
    is_fact = "fill_key" in fields or order_mark(fields) is not None
    happened = time_of(fields) or as_of_ms
    return fields["origin"] != "live" and is_fact and happened < as_of_ms - ON_THE_WAY_MS


_COUNTS = {
    "fills": "fills",
    "orders": "orders",
    "amounts": "states",
    "replayed": "replayed",
    "superseded": "superseded",
    "queries": "queries",
    "query_weight": "weight",
}
