"""The newest warnings and errors of the log, kept in memory for people, and a count by level."""

from collections import Counter, deque
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

MAX_EVENTS = 20
LEVELS = ("debug", "info", "warning", "error", "critical")
KEPT_LEVELS = frozenset({"warning", "error", "critical"})
# The last two are structlog's own, in lines of libraries.
_NO_FIELDS = ("event", "level", "timestamp", "exc_info", "_record", "_from_structlog")


@dataclass(frozen=True, slots=True)
class RecentEvent:
    """A line of the log, and how many were like it.

    Attributes:
        time: Of the newest one, as the log writes it.
        fields: What the line says beside time, level and event; its cure, where it has one.
        count: Lines since the start that differ in numbers alone, while one of them was kept.
    """

    time: str
    level: str
    event: str
    fields: Mapping[str, Any]
    count: int = 1

    def repeats(self, other: "RecentEvent") -> bool:
        """Say whether two lines have the same event, level and texts."""
        return (self.event, self.level, _texts(self.fields)) == (
            other.event,
            other.level,
            _texts(other.fields),
        )


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if isinstance(value, str)}


class RecentEvents:
    """A processor of structlog: keeps the newest warnings and errors, and counts all lines.

    What is logged again and again is kept once, so that it does not push out everything else.

    Attributes:
        newest: The oldest of the kept lines first; at most MAX_EVENTS.
        lines: Lines by level, since the start.
    """

    def __init__(self) -> None:
        self.newest: deque[RecentEvent] = deque(maxlen=MAX_EVENTS)
        self.lines: Counter[str] = Counter()

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Take a line that has its level and time; return it unchanged."""
        level = str(event["level"])
        self.lines[level] += 1
        if level in KEPT_LEVELS:
            fields = {name: value for name, value in event.items() if name not in _NO_FIELDS}
            if event.get("exc_info") is not None:
                fields["error"] = repr(event["exc_info"])
            name, time = str(event["event"]), str(event["timestamp"])
            self._keep(RecentEvent(time, level, name, fields))
        return event

    def _keep(self, new: RecentEvent) -> None:
        """Add a line in place of one that it repeats, if there is one."""
        for old in self.newest:
            if old.repeats(new):
                self.newest.remove(old)
                new = replace(new, count=old.count + 1)
                break
        self.newest.append(new)


RECENT = RecentEvents()  # of this process, as its log is
