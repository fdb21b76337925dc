"""How often one stream delivers, learned from its silences, and which silence is suspicious. Pure.

Times are seconds of observed time (feed/liveness/activity_monitor.py). A periodic stream is
suspected after its documented deadline, an active one after a silence three times longer than all
but one in a thousand of its silences, a sparse, unverified or undocumented one never. A suspicion
is no proof: feed/liveness/staleness.py finds one.

An acknowledged subscription proves nothing either: a wrong route or name is acknowledged, and then
nothing comes. A periodic or active stream that has delivered nothing since it was subscribed misses
two deadlines: after the first it should be subscribed again and asked about, after the second it is
suspected.
"""

import math
from dataclasses import dataclass, field
from enum import Enum

from typing_extensions import override

from connector.binance.stream_name import Stream
from connector.feed.liveness.interarrival import InterarrivalHistogram

MIN_STREAM_TIMEOUT_S = 5.0  # an active stream is never suspected sooner
MIN_CONNECTION_TIMEOUT_S = 3.0  # nor is a connection
MAX_CONNECTION_TIMEOUT_S = 3.75  # until a longer silence of the connection proves healthy
TIMEOUT_FACTOR = 3.0  # times the usual maximum: a longer silence is suspicious
LIVELY_EVENTS = 20.0  # expected within the timeout: suspected before the usual maximum is known
FIRST_EVENT_S = 30.0  # an active stream that delivered nothing since it was subscribed is overdue
RESUBSCRIBED_S = 20.0  # then it is suspected after so long
MAX_INCONCLUSIVE_PROBES = 2  # in a row: after them a stream counts as quiet
_MIN_RATE_PERIOD_S = 2.0  # a rate is measured over no shorter time
_RATE_SMOOTHING = 0.1  # weight of the newest rate


class ActivityState(Enum):
    """What is known of a stream's silence."""

    FRESH = "fresh"  # it delivers, or is silent for no longer than its timeout
    SUSPECTED = "suspected"  # silent for longer: being probed
    QUIET = "quiet"  # probed in vain: not suspected until it delivers again


@dataclass(slots=True, eq=False)
class StreamActivity:
    """Deliveries and silences of one stream, or of a whole connection.

    Attributes:
        name: Wire name.
        min_timeout_s: No shorter silence is suspicious; infinite: none is.
        adapts: The timeout follows the learned silences; without any, no silence is suspicious.
            False: `min_timeout_s` is the timeout.
        expected: Its events are among those that its connection is expected to deliver.
        intervals: Its silences.
        last_count: Its counter at the last poll; None: not polled since it was subscribed.
        last_at: When it delivered last, or was subscribed.
        timeout_s: A longer silence is suspicious.
        due_at: When its silence becomes suspicious.
        rate: Events a second, smoothed over some minutes.
        state: What is known of its silence.
        first_timeout_s: A longer silence after the subscription is overdue; infinite: none is.
        awaits_first: It has delivered nothing since it was subscribed, and should.
        has_delivered: It has delivered since it was subscribed.
        missed_deadlines: Deadlines that passed while the first event was awaited.
        inconclusive_probes: Probes in a row in which no connection delivered it.
        was_refuted: A suspicious silence has proved healthy: the timeout follows what is learned.
    """

    name: str
    min_timeout_s: float
    adapts: bool
    expected: bool = True
    intervals: InterarrivalHistogram = field(default_factory=InterarrivalHistogram)
    last_count: int | None = None
    last_at: float = 0.0
    timeout_s: float = math.inf
    due_at: float = math.inf
    rate: float = 0.0
    state: ActivityState = ActivityState.FRESH
    first_timeout_s: float = math.inf
    awaits_first: bool = False
    has_delivered: bool = False
    missed_deadlines: int = 0
    inconclusive_probes: int = 0
    was_refuted: bool = False
    _suspected_silence_s: float | None = None  # of the silence that ended under suspicion
    _rate_count: int | None = None  # the counter when the rate was measured last
    _rate_at: float = 0.0

    def restart(self, now: float) -> None:
        """Begin a new silence: the stream has just been subscribed."""
        self.last_count = self._rate_count = self._suspected_silence_s = None
        self.last_at, self.missed_deadlines = now, 0
        self.awaits_first, self.has_delivered = self.first_timeout_s < math.inf, False
        if self.state is ActivityState.SUSPECTED:
            self.state = ActivityState.FRESH
        is_due = self.state is ActivityState.FRESH or self.awaits_first
        self.due_at = now + self._allowed_s() if is_due else math.inf

    def _allowed_s(self) -> float:
        """Return how long it may be silent now, in seconds."""
        if not self.awaits_first or self.missed_deadlines > 1:
            return self.probe_s
        allowed_s = min(self.timeout_s, self.first_timeout_s)
        return (
            min(allowed_s, RESUBSCRIBED_S) if self.adapts and self.missed_deadlines else allowed_s
        )

    @property
    def probe_s(self) -> float:
        """How long two connections are compared before it counts as quiet, in seconds."""
        may_be_unknown = self.awaits_first and self.timeout_s == math.inf
        return self.first_timeout_s if may_be_unknown else self.timeout_s

    def poll(self, count: int, now: float) -> bool:
        """Compare the counter with that of the last poll; return whether the stream is overdue.

        Each deadline is reported once; `missed_deadlines` and `state` show what to do.
        """
        if count != self.last_count:
            self._delivered(count, now)
            return False
        if now < self.due_at:
            return False
        if self.awaits_first:
            self.missed_deadlines += 1
        if self.missed_deadlines == 1:
            self.last_at, self.due_at = now, now + self._allowed_s()
        else:
            self.due_at = math.inf
            if self.state is ActivityState.FRESH:
                self.state = ActivityState.SUSPECTED
        return True

    def _delivered(self, count: int, now: float) -> None:
        if self.last_count is None:  # subscribed just now: what came before is no measure
            self._rate_count, self._rate_at = count, now
        else:
            self._end_silence(now)
            self.awaits_first, self.has_delivered, self.missed_deadlines = False, True, 0
        self.last_count, self.last_at = count, now
        if self.state is ActivityState.FRESH:
            self.due_at = now + self._allowed_s()

    def _end_silence(self, now: float) -> None:
        silence_s = now - self.last_at
        if self.state is ActivityState.FRESH:
            self.intervals.note(silence_s)
            self.inconclusive_probes = 0
        elif self.state is ActivityState.QUIET:
            self._note_refuted(silence_s)
        elif self._suspected_silence_s is None:
            self._suspected_silence_s = silence_s  # the probe shows whether it was healthy

    def _note_refuted(self, silence_s: float) -> None:
        self.intervals.note_refuted(silence_s)
        self.was_refuted, self.state, self.inconclusive_probes = True, ActivityState.FRESH, 0

    def is_read(self, now: float) -> bool:
        """Return whether all its events are read: it delivers, and its silence is usual."""
        is_usual = self.state is ActivityState.QUIET or (
            self.state is ActivityState.FRESH and now < self.due_at
        )
        return self.has_delivered and is_usual

    def refute(self, now: float) -> None:
        """End a suspicion that was wrong: such silences are usual from now on."""
        self._note_refuted(self._suspected_silence_s or now - self.last_at)
        self.clear(now)

    def clear(self, now: float) -> None:
        """End a suspicion, or the state quiet; nothing is learned from the silence."""
        self.state, self._suspected_silence_s = ActivityState.FRESH, None
        self.inconclusive_probes, self.last_at = 0, now
        self.learn(now)

    def note_nothing_missed(self) -> None:
        """Note that REST has no event that was not delivered: it is quiet, not silent."""
        if self.awaits_first and self.state is ActivityState.FRESH:
            self.state, self.missed_deadlines, self.due_at = ActivityState.QUIET, 0, math.inf

    def note_missed(self, now: float) -> None:
        """Note that REST has events that were not delivered: it is to be suspected once more."""
        if self.state is ActivityState.SUSPECTED:
            return
        self.clear(now)
        if self.awaits_first:
            self.missed_deadlines, self.due_at = max(1, self.missed_deadlines), now

    def note_inconclusive(self, now: float) -> bool:
        """End a suspicion: no connection delivered it. Return whether it counts as quiet now.

        If not, it is suspected once more, a timeout later.
        """
        self.inconclusive_probes += 1
        quiet = self.inconclusive_probes >= MAX_INCONCLUSIVE_PROBES
        self.state = ActivityState.QUIET if quiet else ActivityState.FRESH
        self.due_at = math.inf if quiet else now + self.probe_s
        return quiet

    def learn(self, now: float) -> None:
        """Compute rate and timeout; call every few seconds."""
        self._learn_rate(now)
        self.timeout_s = self._timeout()
        if self.state is ActivityState.FRESH and not self.inconclusive_probes:
            self.due_at = self.last_at + self._allowed_s()

    def _timeout(self) -> float:
        usual = self.intervals.usual_maximum()
        if usual is None:
            lively = self.rate * self.min_timeout_s >= LIVELY_EVENTS and not self.was_refuted
            return self.min_timeout_s if lively or not self.adapts else math.inf
        if self.adapts or self.was_refuted:
            return max(self.min_timeout_s, TIMEOUT_FACTOR * usual)
        return self.min_timeout_s

    def _learn_rate(self, now: float) -> None:
        passed = now - self._rate_at
        if self._rate_count is None or self.last_count is None or passed < _MIN_RATE_PERIOD_S:
            return
        # Never below 0: the route may be a new one, and its counter with it.
        rate = max(0.0, (self.last_count - self._rate_count) / passed)
        self.rate = self.rate + _RATE_SMOOTHING * (rate - self.rate) if self.rate else rate
        self._rate_count, self._rate_at = self.last_count, now


class ConnectionActivity(StreamActivity):
    """All frames of a connection as one stream.

    Its timeout is bounded until a silence longer than the bound has proved healthy.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("", MIN_CONNECTION_TIMEOUT_S, adapts=True)

    @override
    def _timeout(self) -> float:
        timeout_s = super()._timeout()
        return timeout_s if self.was_refuted else min(timeout_s, MAX_CONNECTION_TIMEOUT_S)

    @override
    def _learn_rate(self, now: float) -> None:
        if self.last_count != self._rate_count:  # a silent connection is not a slower one
            super()._learn_rate(now)


def activity_of(stream: Stream) -> StreamActivity:
    """Return the activity of a stream that has delivered nothing yet, by its catalogue row."""
    row = stream.row
    if row.status != "live" or row.cadence == "sparse":
        return StreamActivity(stream.name, math.inf, adapts=False, expected=False)
    if row.cadence == "periodic":
        deadline_s = first_data_deadline(row.period_s or 0.0)
        return StreamActivity(stream.name, deadline_s, adapts=False, first_timeout_s=deadline_s)
    return StreamActivity(
        stream.name, MIN_STREAM_TIMEOUT_S, adapts=True, first_timeout_s=FIRST_EVENT_S
    )


def first_data_deadline(period_s: float) -> float:
    """Return the longest silence of a periodic stream that is not suspicious, in seconds."""
    return max(10.0, 3 * period_s)
