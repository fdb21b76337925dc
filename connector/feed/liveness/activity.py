"""How often each stream speaks, learned from its silences, and which silence is worth a doubt.

Pure; a doubt is no verdict (feed/liveness/staleness.py comes to one). Times are listening time
(`ListeningClock`): seconds in which something could have been heard. Learning costs nothing in a
message's way: a few times a second the counters of all streams are looked at.

periodic streams are doubted after their known deadline, active ones after a silence three times
longer than all but one in a thousand of theirs, sparse, unverified and undocumented ones never.
"""

import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from connector.binance.stream_name import Stream
from connector.feed.liveness.interarrival import InterarrivalHistogram

POLL_INTERVAL_S = 0.25  # between two looks at the counters
MIN_STREAM_PATIENCE_S = 5.0  # an active stream is never doubted sooner
MIN_CONNECTION_PATIENCE_S = 3.0  # nor a whole connection
MAX_CONNECTION_PATIENCE_S = (
    3.75  # a busy one is doubted then, unless it was silent for longer before
)
BUSY_RATE = 10.0  # messages a second from which on a silent connection is doubted as a whole
LIVELY = 20.0  # messages expected in STREAM_S: so lively a stream is doubted before much is known
TIMES = 3.0  # the usual longest silence times this is a doubt
MAX_FRUITLESS = 2  # doubts that led nowhere: the stream is quiet until it speaks again
LEARN_EVERY = 40  # looks between two times that a stream's numbers are worked out
LEARN_WHOLE_EVERY = 4  # and those of a connection
_MEASURE_S = 2.0  # least time over which a rate is measured
_SMOOTH = 0.1  # how much of the newest rate counts


@dataclass(slots=True)
class ListeningClock:
    """Listening time: does not go on while we could not have heard anything.

    Attributes:
        now: Seconds. A pause of the process counts as two looks at most: what came meanwhile is
            read after it.
    """

    now: float = 0.0
    _last: float | None = None

    def tick(self, time: float, *, deaf: bool = False) -> float:
        """Go on to `time` (monotonic seconds), or stand still when deaf; return listening time."""
        passed = 0.0 if self._last is None else time - self._last
        self._last = time
        if not deaf:
            self.now += min(passed, 2 * POLL_INTERVAL_S)
        return self.now


class ActivityState(Enum):
    """How a stream is heard."""

    HEARD = "heard"
    DOUBTED = "doubted"
    QUIET = "quiet"  # silent, and nobody can say why: not doubted until it speaks again


@dataclass(slots=True, eq=False)
class StreamActivity:
    """One stream, or a whole connection, as it is heard.

    Attributes:
        name: Wire name.
        shortest: No shorter silence is doubted, in seconds; infinite: none is.
        learns: Nothing is doubted before its habit is known; else `shortest` is its deadline.
        counts: It is among the traffic that can be expected of its connection.
        intervals: Its silences.
        seen: Its counter at the last look; None: not looked at since it was subscribed.
        at: When it spoke last.
        patience: The silence after which it is doubted.
        due: When it will be doubted, if it says nothing.
        rate: Messages a second, smoothed over some minutes.
        fruitless: Doubts in a row that led nowhere.
        surprised: A silence that was doubted proved healthy once: its deadline is no good.
    """

    name: str
    shortest: float
    learns: bool
    counts: bool = True
    intervals: InterarrivalHistogram = field(default_factory=InterarrivalHistogram)
    seen: int | None = None
    at: float = 0.0
    patience: float = math.inf
    due: float = math.inf
    rate: float = 0.0
    state: ActivityState = ActivityState.HEARD
    fruitless: int = 0
    surprised: bool = False
    _silence: float | None = None  # that ended while it was doubted
    _marked: int | None = None
    _marked_at: float = 0.0

    def restart(self, now: float) -> None:
        """It has been subscribed just now: what it said before is no measure of this silence."""
        self.seen = self._marked = self._silence = None
        self.at = now
        if self.state is ActivityState.DOUBTED:
            self.state = ActivityState.HEARD
        self.due = now + self.patience if self.state is ActivityState.HEARD else math.inf

    def look(self, count: int, now: float) -> bool:
        """Take a look at its counter; say whether to doubt it, once."""
        if count != self.seen:
            if self.seen is None:
                self._marked, self._marked_at = count, now
            else:
                self._resumes(now)
            self.seen, self.at = count, now
            if self.state is ActivityState.HEARD:
                self.due = now + self.patience
            return False
        if now < self.due:
            return False
        self.state, self.due = ActivityState.DOUBTED, math.inf
        return True

    def _resumes(self, now: float) -> None:
        silence = now - self.at
        if self.state is ActivityState.HEARD:
            self.intervals.note(silence)
        elif self.state is ActivityState.QUIET:
            self._note_surprise(silence)
        elif self._silence is None:
            self._silence = silence  # healthy or not: the verdict will tell

    def _note_surprise(self, silence: float) -> None:
        self.intervals.note_surprise(silence)
        self.surprised, self.state, self.fruitless = True, ActivityState.HEARD, 0

    def healthy(self, now: float) -> None:
        """The doubt was wrong: such silences are usual."""
        self._note_surprise(self._silence or now - self.at)
        self.cleared(now)

    def cleared(self, now: float) -> None:
        """The doubt is over, whatever it was; the silence is no measure of anything."""
        self.state, self._silence, self.fruitless, self.at = ActivityState.HEARD, None, 0, now
        self.learn(now)

    def unconfirmed(self, now: float) -> bool:
        """Nobody else hears it either; say whether it is quiet now, or doubted once more later."""
        self.fruitless += 1
        quiet = self.fruitless >= MAX_FRUITLESS
        self.state = ActivityState.QUIET if quiet else ActivityState.HEARD
        self.due = math.inf if quiet else now + self.patience
        return quiet

    def learn(self, now: float) -> None:
        """Work out rate and patience: for now and then."""
        self._learn_rate(now)
        self.patience = self._patience()
        if self.state is ActivityState.HEARD and not self.fruitless:
            self.due = self.at + self.patience

    def _patience(self) -> float:
        usual = self.intervals.usual_maximum()
        if usual is None:
            lively = self.rate * self.shortest >= LIVELY and not self.surprised
            return self.shortest if lively or not self.learns else math.inf
        if self.learns or self.surprised:
            return max(self.shortest, TIMES * usual)
        return self.shortest

    def _learn_rate(self, now: float) -> None:
        passed = now - self._marked_at
        if self._marked is None or self.seen is None or passed < _MEASURE_S:
            return
        rate = max(0.0, (self.seen - self._marked) / passed)  # the way may be another one
        self.rate = self.rate + _SMOOTH * (rate - self.rate) if self.rate else rate
        self._marked, self._marked_at = self.seen, now


def activity_of(stream: Stream) -> StreamActivity:
    """Return a stream's voice, by the cadence class of its catalogue row."""
    row = stream.row
    if row.status != "live" or row.cadence == "sparse":
        return StreamActivity(stream.name, math.inf, learns=False, counts=False)
    if row.cadence == "periodic":
        return StreamActivity(stream.name, first_data_deadline(row.period_s or 0.0), learns=False)
    return StreamActivity(stream.name, MIN_STREAM_PATIENCE_S, learns=True)


class ConnectionActivity(StreamActivity):
    """A connection as one voice: doubted sooner, as long as it never was silent for so long."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("", MIN_CONNECTION_PATIENCE_S, learns=True)

    def _patience(self) -> float:
        patience = super()._patience()
        return patience if self.surprised else min(patience, MAX_CONNECTION_PATIENCE_S)

    def _learn_rate(self, now: float) -> None:
        if self.seen != self._marked:  # a silence is no slower pace
            super()._learn_rate(now)


class ActivityMonitor:
    """What is known of all streams of a bundle, across its connections.

    Attributes:
        streams: Those that are subscribed now, in the order of the counters.
        whole: The connection.
    """

    def __init__(self) -> None:
        self.streams: list[StreamActivity] = []
        self.whole = ConnectionActivity()
        self._known: dict[str, StreamActivity] = {}
        self._looks = 0

    def subscribed(self, wanted: Iterable[Stream], held: Container[str], now: float) -> None:
        """Take over what is subscribed from now on; what was before goes on undisturbed.

        Args:
            wanted: The bundle's streams: what is known of others is forgotten.
            held: Names of those that are subscribed.
            now: Listening time.
        """
        before, known = {voice.name for voice in self.streams}, self._known
        self._known = {one.name: known.get(one.name) or activity_of(one) for one in wanted}
        self.streams = [voice for voice in self._known.values() if voice.name in held]
        for voice in self.streams:
            if voice.name not in before and voice.state is not ActivityState.DOUBTED:
                voice.learn(now)
                voice.restart(now)

    def restart(self, now: float, awake: float) -> None:
        """Another connection counts from now on; `awake` is the time by which it is looked at."""
        for voice in self.streams:
            voice.restart(now)
        self.whole.restart(awake)

    def check(self, counts: Sequence[int], now: float) -> list[StreamActivity]:
        """Take a look at the streams' counters, in the order of `voices`; return whom to doubt."""
        found = []
        heard = ActivityState.HEARD
        for voice, count in zip(self.streams, counts, strict=True):
            if count == voice.seen:
                if now >= voice.due and voice.look(count, now):
                    found.append(voice)
            elif (
                voice.state is heard and voice.seen is not None
            ):  # as `StreamActivity.look`, but quicker
                voice.intervals.note(now - voice.at)
                voice.seen, voice.at, voice.fruitless = count, now, 0
                voice.due = now + voice.patience
            else:
                voice.look(count, now)
        self._looks += 1
        for voice in self.streams[self._looks % LEARN_EVERY :: LEARN_EVERY]:
            voice.learn(now)
        return found

    def check_connection(self, frames: int, now: float) -> bool:
        """Take a look at the connection's counter of frames; say whether to doubt all of it."""
        if self._looks % LEARN_WHOLE_EVERY == 0:
            self.whole.learn(now)
        if frames == self.whole.seen and self.expected_rate < BUSY_RATE:
            return False
        return self.whole.look(frames, now)

    @property
    def expected_rate(self) -> float:
        """Frames a second that can be expected of the streams that are surely alive."""
        return self.whole.rate * self.share(self.streams)

    def share(self, some: Iterable[StreamActivity]) -> float:
        """Return what part of the usual traffic these streams make, of all that may count."""
        all_of_it = sum(voice.rate for voice in self.streams)
        if not all_of_it:  # nothing is known yet: as if all were alike
            return sum(voice.counts for voice in some) / max(1, len(self.streams))
        return sum(voice.rate for voice in some if voice.counts) / all_of_it

    def busiest(self, number: int) -> list[StreamActivity]:
        """Return the streams that usually say most."""
        return sorted(self.streams, key=lambda voice: voice.rate, reverse=True)[:number]

    def named(self, names: Iterable[str]) -> list[StreamActivity]:
        """Return those of these streams that are subscribed."""
        return [self._known[name] for name in names if name in self._known]


def first_data_deadline(period_s: float) -> float:
    """Return how long after its acknowledgement a periodic stream may stay silent, in seconds.

    An acknowledgement proves nothing: a wrong route or name is acknowledged and silent.
    """
    return max(10.0, 3 * period_s)
