"""The listenKeys of futures accounts and their lives. No I/O.

Rules: user data pages of developers.binance.com, 2026-05-28. A key lives 60 minutes; POST returns
the present one and extends it; PUT extends it; DELETE ends it for every reader.
"""

import hashlib
from dataclasses import dataclass

from connector.lab.rest.query import Complaint

LIFE_MS = 3_600_000
UNKNOWN_KEY = (-1125, "This listenKey does not exist.")


@dataclass(frozen=True, slots=True)
class ListenKey:
    """A listenKey: whose it is, and its end in epoch milliseconds."""

    product: str
    account: str
    text: str
    expires_ms: int


class ListenKeys:
    """The keys of every product and account, one each."""

    def __init__(self) -> None:
        self._alive: dict[tuple[str, str], ListenKey] = {}
        self._ended: list[ListenKey] = []
        self._made = 0

    def make(self, product: str, account: str, now_ms: int) -> ListenKey:
        """Return the account's key, extended; a new one if it has none."""
        old = self.find(product, account, now_ms)
        self._made += old is None
        seed = f"{product} {account} {self._made}"
        text = old.text if old else hashlib.sha256(seed.encode()).hexdigest()
        made = ListenKey(product, account, text, now_ms + LIFE_MS)
        self._alive[product, account] = made
        return made

    def renew(self, product: str, account: str, now_ms: int) -> ListenKey:
        """Extend the account's key; raises Complaint if it has none."""
        if self.find(product, account, now_ms) is None:
            raise Complaint(400, *UNKNOWN_KEY)
        return self.make(product, account, now_ms)

    def find(self, product: str, account: str, now_ms: int) -> ListenKey | None:
        """Return the account's key; None: it has none, or it has expired."""
        key = self._alive.get((product, account))
        if key is not None and key.expires_ms <= now_ms:
            self.end(product, account)
            return None
        return key

    def end(self, product: str, account: str) -> None:
        """End the account's key, if it has one."""
        key = self._alive.pop((product, account), None)
        if key is not None:
            self._ended.append(key)

    def end_all(self) -> None:
        """End every key."""
        for product, account in list(self._alive):
            self.end(product, account)

    def take_ended(self, now_ms: int) -> list[ListenKey]:
        """Return the keys that have ended since the last call."""
        for product, account in list(self._alive):
            self.find(product, account, now_ms)
        ended, self._ended = self._ended, []
        return ended
