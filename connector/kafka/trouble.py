"""Why Kafka stores nothing now: the one place that readiness, /status, the log and errors read.

What librdkafka reports is not enough: of a broker that hangs it reports nothing for minutes. PURE:
`now` is in monotonic seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ANSWER_TIMEOUT_S = 5.0  # records that wait longer for their acknowledgement are trouble
LOG_INTERVAL_S = 60.0  # between two lines about trouble that lasts
ALL_DOWN = "_ALL_BROKERS_DOWN"  # librdkafka's name of an error that has no cause
UNANSWERED = (
    f"no acknowledgement for {ANSWER_TIMEOUT_S:.0f} s of what was sent: the broker hangs, or a"
    " partition has no leader"
)


@dataclass(frozen=True, slots=True)
class TroubleReport:
    """What is to be logged now.

    Attributes:
        cause: Why nothing is stored; None: the trouble is over.
        seconds: How long it has lasted.
    """

    cause: str | None
    seconds: float


class KafkaTrouble:
    """What keeps records from being stored; fed by the producer, the committer and the topic check.

    `report` and `clear` may be called from other threads.
    """

    def __init__(self) -> None:
        self._reported: str | None = None
        # Topics that do not exist and cannot be created -> why; their records are left out. It is
        # the same object always, so that the producer's test for each record costs almost nothing.
        self.missing_topics: dict[str, str] = {}
        self._began: float | None = None  # when the present trouble began; None: there is none
        self._logged: dict[str, float] = {}  # causes of the present trouble -> when last logged

    def report(self, cause: str) -> None:
        """Note an error; it is trouble until something is stored.

        That all brokers are down says less than what was reported before, and does not replace it.
        """
        if self._reported is None or ALL_DOWN not in cause:
            self._reported = cause

    def clear(self) -> None:
        """Note that records were stored: what was reported is over."""
        self._reported = None

    def set_missing(self, topics: Mapping[str, str]) -> None:
        """Set `missing_topics`."""
        self.missing_topics.clear()
        self.missing_topics.update(topics)

    def cause(self, now: float, unanswered_since: float | None) -> str | None:
        """Return why records are not stored; None: they are.

        unanswered_since: When the oldest record was sent that is not acknowledged; None: all are.
        """
        if self.missing_topics:
            return "; ".join(f"topic {name}: {why}" for name, why in self.missing_topics.items())
        if self._reported is not None:
            return self._reported
        waits = unanswered_since is not None and now - unanswered_since >= ANSWER_TIMEOUT_S
        return UNANSWERED if waits else None

    def to_log(self, now: float, unanswered_since: float | None) -> TroubleReport | None:
        """Return what is to be logged: a new cause, one that lasts, or the end of all; else None.

        Each cause of the present trouble is logged once in LOG_INTERVAL_S.
        """
        cause, began = self.cause(now, unanswered_since), self._began
        if cause is None:
            if began is None:
                return None
            self._began, self._logged = None, {}
            return TroubleReport(None, now - began)
        self._began = began = now if began is None else began
        logged_at = self._logged.get(cause)
        if logged_at is not None and now - logged_at < LOG_INTERVAL_S:
            return None
        self._logged[cause] = now
        return TroubleReport(cause, now - began)
