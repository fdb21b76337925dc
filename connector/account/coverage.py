"""Whether an account's events are covered: paths come and go, and the worker is told once. Pure.

A path is a subscription or connection that delivers the events. Two paths overlap while one takes
over from the other; the worker hears nothing of that.
"""

from collections.abc import Hashable

from connector.account.feed_items import (
    AccountFeedItem,
    AccountRefused,
    Covered,
    Interrupted,
    InterruptionReason,
)
from connector.errors import Fatal, Refused


class SourceCoverage:
    """The paths of one account and place; each change returns what is to be reported."""

    def __init__(self, account: str, place: str) -> None:
        self.account, self.place = account, place
        self._paths: set[Hashable] = set()
        self._refusal = ""  # the one that was reported last

    @property
    def is_covered(self) -> bool:
        """Whether there is a path."""
        return bool(self._paths)

    def up(self, path: Hashable) -> list[AccountFeedItem]:
        """Note that a path delivers all events from here on."""
        was_covered = self.is_covered
        self._paths.add(path)
        if was_covered:
            return []
        self._refusal = ""
        return [Covered(self.account, self.place)]

    def down(
        self, path: Hashable, since_us: int, reason: InterruptionReason, detail: str
    ) -> list[AccountFeedItem]:
        """Note that a path delivers no more; `since_us`: until when it was whole."""
        was_covered = self.is_covered
        self._paths.discard(path)
        if not was_covered or self.is_covered:
            return []
        return [Interrupted(self.account, self.place, since_us, reason, detail)]

    def lose_all(
        self, since_us: int, reason: InterruptionReason, detail: str
    ) -> list[AccountFeedItem]:
        """Note that every path has gone; see `down`."""
        items: list[AccountFeedItem] = []
        for path in list(self._paths):
            items += self.down(path, since_us, reason, detail)
        return items

    def refuse(self, cause: Refused | Fatal) -> list[AccountFeedItem]:
        """Note that the exchange refuses the account; the same refusal is reported once."""
        if str(cause) == self._refusal:
            return []
        self._refusal = str(cause)
        return [AccountRefused(self.account, self.place, cause)]

    def is_up(self, path: Hashable) -> bool:
        """Return whether this path delivers."""
        return path in self._paths
