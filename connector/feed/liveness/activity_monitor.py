"""The activity of all streams of a connection, polled a few times a second. Pure.

Nothing is added to the path of a message: the counters that the pipeline keeps are compared.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from connector.binance.stream_name import Stream
from connector.feed.liveness.activity import (
    ActivityState,
    ConnectionActivity,
    StreamActivity,
    activity_of,
)

POLL_INTERVAL_S = 0.25  # between two polls of the counters
BUSY_FRAMES_PER_S = 10.0  # expected: a slower connection is not suspected as a whole
LEARN_EVERY_POLLS = 40  # the timeout of each stream is computed so often
LEARN_CONNECTION_EVERY_POLLS = 4  # and that of the connection


@dataclass(slots=True)
class ObservationClock:
    """Observed time: seconds in which an event would have been noticed.

    Attributes:
        now: Seconds. A pause of the process counts as two polls at most: what arrived meanwhile is
            read after it.
    """

    now: float = 0.0
    _last: float | None = None

    def tick(self, time: float, *, blocked: bool = False) -> float:
        """Advance to `time` (monotonic seconds) unless blocked; return observed time."""
        passed = 0.0 if self._last is None else time - self._last
        self._last = time
        if not blocked:
            self.now += min(passed, 2 * POLL_INTERVAL_S)
        return self.now


class ActivityMonitor:
    """What is known of the streams of one ConnectionPlan, across its connections.

    Attributes:
        streams: Those that are subscribed now, in the order of the counters.
        connection: All frames of the connection.
    """

    def __init__(self) -> None:
        self.streams: list[StreamActivity] = []
        self.connection = ConnectionActivity()
        self._known: dict[str, StreamActivity] = {}
        self._polls = 0

    def track(self, wanted: Iterable[Stream], held: Container[str], now: float) -> None:
        """Track exactly these streams from now on; those that were tracked before go on.

        Args:
            wanted: The streams of the plan: what is known of others is forgotten.
            held: Names of those that are subscribed.
            now: Observed time.
        """
        before, known = {activity.name for activity in self.streams}, self._known
        self._known = {
            stream.name: known.get(stream.name) or activity_of(stream) for stream in wanted
        }
        self.streams = [activity for activity in self._known.values() if activity.name in held]
        for activity in self.streams:
            if activity.name not in before and activity.state is not ActivityState.SUSPECTED:
                activity.learn(now)
                activity.restart(now)

    def restart(self, now: float, connection_now: float) -> None:
        """Begin anew with another connection.

        Args:
            now: Observed time of the streams.
            connection_now: Observed time of the connection as a whole.
        """
        for activity in self.streams:
            activity.learn(now)
            activity.restart(now)
        self.connection.restart(connection_now)

    def poll(self, counts: Sequence[int], now: float) -> list[StreamActivity]:
        """Compare the counters, in the order of `streams`; return the streams that are overdue."""
        overdue = []
        fresh = ActivityState.FRESH
        for activity, count in zip(self.streams, counts, strict=True):
            if count == activity.last_count:
                if now >= activity.due_at and activity.poll(count, now):
                    overdue.append(activity)
            elif (
                activity.state is fresh
                and activity.last_count is not None
                and not activity.awaits_first
            ):  # as `StreamActivity.poll`, but quicker
                activity.intervals.note(now - activity.last_at)
                activity.last_count, activity.last_at = count, now
                activity.inconclusive_probes, activity.has_delivered = 0, True
                activity.due_at = now + activity.timeout_s
            else:
                activity.poll(count, now)
        self._polls += 1
        for activity in self.streams[self._polls % LEARN_EVERY_POLLS :: LEARN_EVERY_POLLS]:
            activity.learn(now)
        return overdue

    def poll_connection(self, frames: int, now: float) -> bool:
        """Compare the connection's counter of frames; return whether its silence is suspicious."""
        if self._polls % LEARN_CONNECTION_EVERY_POLLS == 0:
            self.connection.learn(now)
        if frames == self.connection.last_count and self.expected_rate < BUSY_FRAMES_PER_S:
            return False
        return self.connection.poll(frames, now)

    @property
    def silent(self) -> list[str]:
        """Streams that delivered nothing within their deadline since they were subscribed."""
        return [activity.name for activity in self.streams if activity.missed_deadlines]

    @property
    def expected_rate(self) -> float:
        """Frames a second that are expected of the streams that surely deliver."""
        return self.connection.rate * self.share_of(self.streams)

    def share_of(self, some: Iterable[StreamActivity]) -> float:
        """Return the part, 0 to 1, of the usual rate that the expected ones of these make."""
        total = sum(activity.rate for activity in self.streams)
        if not total:  # no rate is known yet: as if all were equal
            return sum(activity.expected for activity in some) / max(1, len(self.streams))
        return sum(activity.rate for activity in some if activity.expected) / total

    def busiest(self, number: int) -> list[StreamActivity]:
        """Return the streams that usually deliver most."""
        return sorted(self.streams, key=lambda activity: activity.rate, reverse=True)[:number]

    def find(self, names: Iterable[str]) -> list[StreamActivity]:
        """Return the activity of the streams of these names, as far as they are known."""
        return [self._known[name] for name in names if name in self._known]
