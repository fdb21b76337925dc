"""The four ways a thing can fail, named by what the caller does next. No imports, no I/O."""

import difflib
import re
from collections.abc import Collection


class ConnectorError(Exception):
    """Root of every error this package raises on purpose."""


class Retry(ConnectorError):
    """Passing trouble: the same call may go through later.

    Args:
        message: What happened, with the value.
        after_s: Seconds to wait before trying again, where the other side told us.
    """

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Refused(ConnectorError):
    """The input is wrong: nothing changes until a person changes it (exit code 2)."""


class BadMessage(ConnectorError):
    """One message cannot become a record: it goes to the dead letter, and reading goes on.

    Args:
        reason: One of the closed list of dead-letter reasons, used as a metric label.
        detail: What was wrong with it, for the header and the log.

    Attributes:
        marked: What it leaves missing in its series is marked already.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.marked = False


class Fatal(ConnectorError):
    """The process cannot do its job: flush what can be flushed, say why, and end."""


_SHORTEST = 3  # so many letters of a name's beginning stand for it


def did_you_mean(name: str, known: Collection[str]) -> str | None:
    """Return the nearest known name: the same but for case and dashes, one so begun, one alike."""
    names = {normalise(each): each for each in known}
    wanted = normalise(name)
    if wanted in names:
        return names[wanted]
    begun = [each for each in names if len(wanted) >= _SHORTEST and each.startswith(wanted)]
    near = begun if len(begun) == 1 else difflib.get_close_matches(wanted, names, n=1)
    return names[near[0]] if near else None


def normalise(name: str) -> str:
    """Return a name without what people write differently: case, dashes, dots, blanks."""
    return re.sub(r"[\s_.-]", "", name).lower()
