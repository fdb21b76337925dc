"""The kinds of failure, named by what the caller does next; and suggestions for wrong names.

PURE.
"""

import difflib
import re
from collections.abc import Collection


class ConnectorError(Exception):
    """Root of every error this package raises on purpose."""


class Retry(ConnectorError):
    """Passing trouble: the same call may go through later, in `after_s` if a time was named.

    `status`: HTTP status of the answer that refused; None: there was no such answer.
    """

    def __init__(
        self, message: str, after_s: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.after_s, self.status = after_s, status


class Unserved(Retry):
    """The other side serves nobody at this place: waiting alone changes nothing (exit code 3).

    What runs asks again in `after_s`; a start ends.
    """


class Refused(ConnectorError):
    """The input is wrong: nothing changes until a person changes it (exit code 2)."""


class BadMessage(ConnectorError):
    """One message cannot become a record: it goes to the dead letter, and reading goes on.

    Args:
        reason: One of the closed list of dead-letter reasons, used as a metric label.
        detail: What was wrong with it, for the header and the log.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail
        self.marked = False  # whether the gap that it leaves in its series has a marker


class Fatal(ConnectorError):
    """The process cannot do its job: flush what can be flushed, say why, and end."""


MIN_PREFIX_LETTERS = 3


def did_you_mean(
    name: str, known: Collection[str], *, cutoff: float = 0.6, by_prefix: bool = True
) -> str | None:
    """Return the known name that a wrong name most likely means; None: none is similar enough.

    Tried in this order: the same name but for case, dashes, dots and blanks; the only name that
    begins with it (3 letters or more, `by_prefix`); the most similar name, from `cutoff` on, 0 to 1
    as in `difflib.get_close_matches`.
    """
    names = {normalise(each): each for each in known}
    wanted = normalise(name)
    if wanted in names:
        return names[wanted]
    if by_prefix and len(wanted) >= MIN_PREFIX_LETTERS:
        begun = [each for each in names if each.startswith(wanted)]
        if len(begun) == 1:
            return names[begun[0]]
    similar = difflib.get_close_matches(wanted, names, n=1, cutoff=cutoff)
    return names[similar[0]] if similar else None


def normalise(name: str) -> str:
    """Return a name without what people write differently: case, dashes, dots, blanks."""
    return re.sub(r"[\s_.-]", "", name).lower()
