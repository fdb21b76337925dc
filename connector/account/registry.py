"""The accounts of one worker: trackers, and what is written beside their events. Pure.

It stands where continuity/gap_tracker.py stands for market data: the producer drains `outbox` into
each transaction and reports refused records.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.account.identity import place_of
from connector.account.outbox import AccountOutbox
from connector.account.progress import AccountProgress
from connector.account.reconcile_picture import Pairs
from connector.account.stored_progress import (
    AccountKey,
    OpenGap,
    StoredAccounts,
    StoredProgress,
)
from connector.account.tracker import AccountTracker
from connector.binance.account_events.layout import AccountProduct
from connector.binance.private_streams import AccountPlace
from connector.codec.avro import decode_record
from connector.codec.schema import ACCOUNT_EVENTS, ACCOUNT_TOPICS, load
from connector.continuity.marker import GapReason, digest
from connector.errors import BadMessage


@dataclass(frozen=True, slots=True)
class AccountOptions:
    """What the config says of one account.

    Attributes:
        places: Its products; of isolated margin each symbol.
        topic: Where its events go.
        hold_bytes: Of its events that may wait.
        writes_snapshot: Write the first picture.
    """

    places: tuple[AccountPlace, ...]
    topic: str
    hold_bytes: int
    writes_snapshot: bool = True


class AccountRegistry:
    """Every account and place of a worker.

    Args:
        prefix: Of the topics.
        accounts: By alias.
        outbox: Takes markers and progress.
        pairs: By product, base and quote assets of its symbols; may be filled later.

    Attributes:
        trackers: By alias and place; empty until `begin`.
    """

    def __init__(
        self,
        prefix: str,
        accounts: Mapping[str, AccountOptions],
        outbox: AccountOutbox,
        pairs: Mapping[AccountProduct, Pairs],
    ) -> None:
        self.accounts, self.outbox = accounts, outbox
        self._prefix, self._pairs = prefix, pairs
        self.trackers: dict[AccountKey, AccountTracker] = {}

    def places(self) -> set[AccountPlace]:
        """Return every place that is read of some account."""
        return {place for options in self.accounts.values() for place in options.places}

    def account_keys(self) -> list[AccountKey]:
        """Return every account and place of the config."""
        return [
            (alias, place.name)
            for alias, options in self.accounts.items()
            for place in options.places
        ]

    def begin(self, schema_ids: Mapping[str, int], found: StoredAccounts, generation: int) -> None:
        """Go on from what is stored; `schema_ids`: by kind."""
        self.outbox.begin(schema_ids, generation)
        for alias, options in self.accounts.items():
            for place in options.places:
                stored = found.progress.get((alias, place.name))
                stored = stored or StoredProgress(_new_progress(alias, place))
                tracker = self._tracker(stored, writes_snapshot=options.writes_snapshot)
                tracker.resume(1000 * found.watched_ms.get(stored.key, 0), "the worker did not run")
                self.trackers[stored.key] = tracker
        self._leave_others(found)

    def _tracker(self, stored: StoredProgress, *, writes_snapshot: bool) -> AccountTracker:
        self.outbox.add_account(stored)
        pairs = self._pairs.get(stored.progress.product, {})
        return AccountTracker(
            stored, self.outbox, self._prefix, pairs, writes_snapshot=writes_snapshot
        )

    def _leave_others(self, found: StoredAccounts) -> None:
        """Mark the break of what this instance watched, and the config does not name any more.

        Its progress is written once more: what transactions added to it will be compacted away.
        """
        for key, stored in found.progress.items():
            if key not in self.trackers and found.instances[key] == self.outbox.instance:
                tracker = self._tracker(stored, writes_snapshot=True)
                tracker.resume(1000 * found.watched_ms[key], "the config does not name it any more")

    def on_refused(self, topic: str, value: bytes, reason: GapReason) -> None:
        """Mark a record that Kafka did not take: it is in the dead letter, or nowhere."""
        del topic
        try:
            fields = decode_record(load(ACCOUNT_TOPICS[ACCOUNT_EVENTS]), value)
        except BadMessage:
            return  # a marker or progress: counted elsewhere
        tracker = self.trackers[_key_of(fields)]
        key, received_us = fields["dedupe_key"], fields["receive_time_us"]
        gap = OpenGap(digest(self._prefix, key, received_us), reason, received_us)
        place = "; its bytes are in the dead letter" if reason == "dead_letter" else ""
        detail = f"Kafka did not take the record {key}{place}"
        self.outbox.add_marker("partial", tracker.stored, gap, detail=detail)


def _new_progress(alias: str, place: AccountPlace) -> AccountProgress:
    return AccountProgress(alias, place.product, isolated_symbol=place.isolated_symbol)


def _key_of(fields: Mapping[str, Any]) -> AccountKey:
    """Return whose a record is: the market of portfolio margin has no progress of its own."""
    market = fields["market"] if fields["product"] == "margin" else None
    return fields["account"], place_of(fields["product"], market)
