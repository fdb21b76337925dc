"""The newest warnings and errors of the log, kept in memory for people, and a count by level."""

from collections import Counter, deque
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

MAX_EVENTS = 20
LEVELS = ("debug", "info", "warning", "error", "critical")
KEPT_LEVELS = frozenset({"warning", "error", "critical"})
# The last two are structlog's own, in lines of libraries.
_NO_FIELDS = ("event", "level", "timestamp", "exc_info", "_record", "_from_structlog")


@dataclass(frozen=True, slots=True)
class RecentEvent:
    """A line of the log.

    Attributes:
        time: As the log writes it.
        fields: What the line says beside time, level and event; its cure, where it has one.
    """

    time: str
    level: str
    event: str
    fields: Mapping[str, Any]


class RecentEvents:
    """A processor of structlog: keeps the newest warnings and errors, and counts all lines.

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
            self.newest.append(RecentEvent(time, level, name, fields))
        return event


RECENT = RecentEvents()  # of this process, as its log is
