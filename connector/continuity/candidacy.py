"""Decides when a process that reads its streams, and does not write yet, becomes the writer. Pure.

It sees what the writer of its shard appends to the checkpoint topic, and whether Kafka answers.
The state machine, and why: docs/decisions/0031-take-over.md. Times are monotonic seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

CLAIM_KEY, LEAVE_KEY = "claim", "leave"  # end of the keys of records that are no checkpoints
OVERLAP_S = 1.0  # the streams flow here for so long before the writer's newest commit counts
MAX_HANDOVER_WAIT_S = 30.0  # a starting process becomes the writer by then, whatever is missing
MAX_SILENCE_S = 4.0  # Kafka counts as away if it has not answered for longer
MAX_AGE_S = 30.0  # of the newest record: if it is older, nobody writes
RECOVERY_S = 15.0  # a writer has found back to Kafka by then, once Kafka answers again


class Step(Enum):
    """What to do next."""

    WAIT = "wait"
    CLAIM = "claim"  # append a claim to the checkpoint topic
    TAKE_OVER = "take over"  # fence the writer


class NextStep(NamedTuple):
    """A step, and its reason in words."""

    step: Step
    why: str


@dataclass(frozen=True, slots=True)
class Appended:
    """A record of the shard in the checkpoint topic: of a writer, or the claim of a standby."""

    run: str  # of the process
    is_claim: bool = False
    leaves: bool = False  # it is the last record of a writer that was stopped
    # How long the oldest frame had waited that the writer had read and not stored; None: unknown.
    waiting_s: float | None = None


class Candidate:
    """One process that may become the writer of its shard.

    Args:
        run: Its random id.
        now: When it began.
        standby: True: it takes over only from a writer that stands still. False: it has been
            started to replace the writer, and takes over once its streams flow.
        takeover_after_s: A writer that stands still for so long, while Kafka answers, is dead.

    Attributes:
        stored_until: Everything that was read before this time is stored by the writer; None: that
            is not known of any time.
    """

    def __init__(self, run: str, now: float, *, standby: bool, takeover_after_s: float) -> None:
        self._run, self._standby, self._takeover_after_s = run, standby, takeover_after_s
        self._began = now
        self.stored_until: float | None = None
        self._stored_soon: float | None = None  # as `stored_until`, once the writer writes again
        self._writes = False  # a writer was seen lately
        self._still_since = now  # nothing was appended since, and Kafka answered
        self._answered_at: float | None = None
        self._flows_since: float | None = None
        self._claimed_at: float | None = None  # None: there is no claim of ours on its way
        self._claim_won = False

    def found(self, now: float, age_s: float | None) -> None:
        """Note what was found first of all: how old the newest record is.

        None: there is none, or the writer has left.
        """
        self._answered_at, self._still_since = now, now
        if age_s is None:
            self._still_since -= self._takeover_after_s
        elif age_s < MAX_AGE_S:
            self._writes = True
        else:
            self._still_since += RECOVERY_S  # Kafka may have been away for long, or the writer

    def kafka_answered(self, now: float, appended: Sequence[Appended]) -> None:
        """Note that Kafka has answered, and what was appended since it did last, in order."""
        before = now if self._answered_at is None else self._answered_at
        self._answered_at = now
        if now - before > MAX_SILENCE_S:  # the writer needs time to find back, too
            self._still_since, self._claimed_at, self._claim_won = now + RECOVERY_S, None, False
        for record in appended:
            self._note(record)
        if appended:
            self._still_since = max(self._still_since, now)  # it may be from before the pause
        written = [record for record in appended if not record.is_claim]
        if written:
            self._writes = True
            # A record may be of a transaction that will be aborted: the ones before it are stored.
            self.stored_until = self._stored_soon
            if written[-1].leaves:
                self._writes, self._still_since = False, now - self._takeover_after_s
            if (waiting_s := written[-1].waiting_s) is not None:
                self._stored_soon = before - waiting_s

    def _note(self, record: Appended) -> None:
        """Follow the order of the records: the first claim behind a writer's record wins."""
        if record.is_claim and record.run == self._run:
            self._claim_won = self._claimed_at is not None
        elif not (record.is_claim and self._claim_won):
            self._claimed_at, self._claim_won = None, False

    def claimed(self, now: float) -> None:
        """Note that a claim of this process is about to be appended."""
        self._claimed_at, self._claim_won = now, False

    def next_step(self, now: float, *, flowing: bool) -> NextStep:
        """Return what to do; `flowing`: all streams deliver here."""
        if not flowing:
            self._flows_since = None
        elif self._flows_since is None:
            self._flows_since = now
        if not self._standby and now - self._began >= MAX_HANDOVER_WAIT_S:
            return NextStep(Step.TAKE_OVER, "its streams have had long enough")
        if self._answered_at is None or now - self._answered_at > MAX_SILENCE_S:
            return NextStep(Step.WAIT, "Kafka does not answer")
        if not self._standby and not self._writes:
            return NextStep(Step.TAKE_OVER, "nobody writes")
        if self._flows_since is None:
            return NextStep(Step.WAIT, "its streams do not flow")
        still_s = now - self._still_since
        return self._as_standby(now, still_s) if self._standby else self._as_successor(still_s)

    def _as_standby(self, now: float, still_s: float) -> NextStep:
        if self._claimed_at is not None and now - self._claimed_at <= self._takeover_after_s:
            if self._claim_won:
                return NextStep(Step.TAKE_OVER, "the writer stands still")
            return NextStep(Step.WAIT, "its claim is on its way")
        if still_s < self._takeover_after_s:
            return NextStep(Step.WAIT, "the writer writes")
        return NextStep(Step.CLAIM, "the writer stands still")

    def _as_successor(self, still_s: float) -> NextStep:
        flows_since, stored_until = self._flows_since or 0.0, self.stored_until
        if stored_until is not None and flows_since + OVERLAP_S <= stored_until:
            return NextStep(Step.TAKE_OVER, "its streams flow")
        if still_s >= self._takeover_after_s:
            return NextStep(Step.TAKE_OVER, "the writer stands still")
        return NextStep(Step.WAIT, "the writer has not stored what is read here")
