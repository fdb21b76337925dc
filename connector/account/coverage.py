"""Whether an account's events are covered: paths come and go, and the worker is told once. Pure.

A source has parts that must all be covered: cross margin and each isolated account. A path is a
subscription or connection that delivers a part. Two paths of a part overlap while one takes over
from the other; the worker hears nothing of that.
"""

from collections.abc import Collection, Hashable

from connector.account.feed_items import (
    AccountFeedItem,
    AccountRefused,
    Covered,
    Interrupted,
    InterruptionReason,
)
from connector.binance.account_events.layout import AccountProduct
from connector.errors import Fatal, Refused


class SourceCoverage:
    """The paths of one account and product; each change returns what is to be reported.

    Attributes:
        is_covered: Every part has a path.
    """

    def __init__(self, account: str, product: AccountProduct, parts: Collection[str]) -> None:
        self.account, self.product = account, product
        self.is_covered = False
        self._paths: dict[str, set[Hashable]] = {part: set() for part in parts}
        self._refusal = ""  # the one that was reported last

    def up(self, part: str, path: Hashable) -> list[AccountFeedItem]:
        """Note that a path delivers all events of a part from here on."""
        self._paths[part].add(path)
        if self.is_covered or not all(self._paths.values()):
            return []
        self.is_covered, self._refusal = True, ""
        return [Covered(self.account, self.product)]

    def down(
        self, part: str, path: Hashable, since_us: int, reason: InterruptionReason, detail: str
    ) -> list[AccountFeedItem]:
        """Note that a path delivers no more; `since_us`: until when it was whole."""
        self._paths[part].discard(path)
        if not self.is_covered or self._paths[part]:
            return []
        self.is_covered = False
        return [Interrupted(self.account, self.product, since_us, reason, detail)]

    def lose_all(
        self, since_us: int, reason: InterruptionReason, detail: str
    ) -> list[AccountFeedItem]:
        """Note that every path has gone; see `down`."""
        paths = [(part, path) for part, found in self._paths.items() for path in found]
        items: list[AccountFeedItem] = []
        for part, path in paths:
            items += self.down(part, path, since_us, reason, detail)
        return items

    def refuse(self, cause: Refused | Fatal) -> list[AccountFeedItem]:
        """Note that the exchange refuses the account; the same refusal is reported once."""
        if str(cause) == self._refusal:
            return []
        self._refusal = str(cause)
        return [AccountRefused(self.account, self.product, cause)]

    def is_up(self, part: str, path: Hashable) -> bool:
        """Return whether this path delivers the part."""
        return path in self._paths[part]
