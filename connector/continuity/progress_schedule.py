"""Decides which series have their progress written with a transaction. No I/O: time is an argument.

Progress is public, one record a series, and must stay few beside the data. What a restart needs of
the other series that advanced stands in the transaction's checkpoint record
(docs/decisions/0016-checkpoints.md).
"""

from connector.continuity.series import Series

MIN_INTERVAL_MS = 1_000  # between two progress records of a series, unless its gaps changed
MAX_INTERVAL_MS = 5_000  # a series that advanced has its progress written after so long, always
PROGRESS_SHARE = 0.01  # of the records published: so many progress records come before that time
MAX_CREDIT = 200.0  # records that this share saves up while fewer are due
# A checkpoint record is overwritten after so many transactions. What it holds is in progress then.
CHECKPOINT_SLOTS = 128
MAX_COMMITS_BEHIND = 100


class ProgressSchedule:
    """The series whose newest progress record is older than they are.

    Attributes:
        due_ms: When progress must be written though no record is published; None: never.
    """

    def __init__(self) -> None:
        self._advanced: list[Series] = []  # since the last transaction
        self._behind: dict[Series, None] = {}  # the longest one first
        self._credit = MAX_CREDIT
        self._published = 0
        self.due_ms: int | None = None

    def advance(self, series: Series) -> None:
        """Note that a record of a series was published: its first one since the last `take`."""
        series.dirty = True
        self._advanced.append(series)

    def schedule(self, series: Series) -> None:
        """Have the progress of a series written with the next transaction."""
        series.scheduled = True
        self._behind.setdefault(series)
        self.due_ms = 0

    def update(self, series: Series) -> None:
        """Have the progress of a series written when it is due, though nothing is published.

        A series whose progress was just written for its records does not need another one.
        """
        self._behind.setdefault(series)
        due_ms = series.written_ms + MAX_INTERVAL_MS
        self.due_ms = due_ms if self.due_ms is None else min(self.due_ms, due_ms)

    def remove(self, series: Series) -> None:
        """Forget a series."""
        self._behind.pop(series, None)
        self._advanced = [each for each in self._advanced if each is not series]
        series.dirty = series.scheduled = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing has advanced or is scheduled since the last `take`."""
        return not self._advanced and self.due_ms != 0

    def take(self, number: int, now_ms: int, published: int) -> tuple[list[Series], list[Series]]:
        """Return the series whose progress to write, and the others that have advanced.

        Args:
            number: Of the transaction.
            now_ms: Epoch milliseconds.
            published: Records published so far.
        """
        advanced, self._advanced = self._advanced, []
        for series in advanced:
            series.dirty = False
            self._behind.setdefault(series)
        earned = PROGRESS_SHARE * (published - self._published)
        self._credit, self._published = min(MAX_CREDIT, self._credit + earned), published
        written = [series for series in self._behind if self._is_due(series, number, now_ms)]
        for series in written:
            del self._behind[series]
            series.scheduled, series.written_ms, series.written_in = False, now_ms, number
        oldest = min((series.written_ms for series in self._behind), default=None)
        self.due_ms = None if oldest is None else oldest + MAX_INTERVAL_MS
        return written, [series for series in advanced if series in self._behind]

    def _is_due(self, series: Series, number: int, now_ms: int) -> bool:
        age_ms = now_ms - series.written_ms
        if series.scheduled or not series.written_in or not 0 <= age_ms < MAX_INTERVAL_MS:
            return True
        if number - series.written_in >= MAX_COMMITS_BEHIND:
            return True
        if age_ms < MIN_INTERVAL_MS or self._credit < 1:
            return False
        self._credit -= 1
        return True
