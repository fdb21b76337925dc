"""Markers and progress of accounts that are written with the next transaction. Pure.

Filled by account/tracker.py, drained by the producer: the time is an argument.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.account.progress import ProgressStep
from connector.account.stored_progress import (
    PART_CHARACTERS,
    SLOTS,
    AccountKey,
    Addition,
    OpenGap,
    StoredProgress,
    addition_text,
    whole_parts,
)
from connector.codec.avro import encode_record
from connector.codec.framing import KafkaRecord
from connector.codec.schema import ACCOUNT_MARKERS, ACCOUNT_PROGRESS, load
from connector.continuity.marker import digest

MAX_BEHIND = SLOTS - 112  # transactions since a whole, whose additions must not be compacted away
MIN_ADDED_CHARACTERS = 64 * 1024  # before a whole is written again for its size
HEARTBEAT_US = 60_000_000  # a transaction at least so often: until then the events are complete


@dataclass(slots=True)
class _Unwritten:
    """An account and place, and how far its stored progress is behind.

    Attributes:
        steps: What the open transaction adds.
        changed: Its gap is another one than stored.
        whole_at: Number of the transaction with its last whole; 0: this run has none.
        whole_size, added_size: Characters of that whole, and of all that was added since.
    """

    stored: StoredProgress
    steps: list[ProgressStep] = field(default_factory=list)
    changed: bool = False
    whole_at: int = 0
    whole_size: int = 0
    added_size: int = 0
    added_at: int = 0  # number of the transaction that added first since the whole; 0: none has

    def take_addition(self, number: int) -> str:
        """Return what the open transaction adds, as JSON; "": nothing."""
        if not (self.steps or self.changed):
            return ""
        account, place = self.stored.key
        text = addition_text(Addition(account, place, self.steps, self.stored.gap))
        self.steps, self.changed = [], False
        self.added_at = self.added_at or number
        self.added_size += len(text)
        return text


class AccountOutbox:
    """What one writer has to write of its accounts beside their events.

    Args:
        prefix: Of the topics.
        instance, run: The writer's name, the random id of its process.

    Attributes:
        instance: The writer's name.
        commits: Number of the last transaction that was drained.
    """

    def __init__(self, prefix: str, instance: str, run: str) -> None:
        self.instance = instance
        self._run, self._generation = run, 1
        self._marker_topic = f"{prefix}.{ACCOUNT_MARKERS}"
        self._progress_topic = f"{prefix}.{ACCOUNT_PROGRESS}"
        self._marker_id = self._progress_id = 0
        self._markers: list[dict[str, Any]] = []
        self._pending: dict[AccountKey, _Unwritten] = {}
        self._holds: dict[Hashable, int] = {}  # who -> since when, epoch microseconds
        self._drained_us = 0
        self.commits = 0

    def begin(self, schema_ids: Mapping[str, int], generation: int) -> None:
        """Set the schema ids of the kinds `account-marker` and `account-progress`."""
        self._marker_id = schema_ids["account-marker"]
        self._progress_id = schema_ids["account-progress"]
        self._generation = generation

    def add_account(self, stored: StoredProgress) -> None:
        """Take care of an account and place from now on: its whole is written next."""
        self._pending[stored.key] = _Unwritten(stored)

    def add_step(self, stored: StoredProgress, step: ProgressStep) -> None:
        """Note what a record adds that is published in the open transaction."""
        self._pending[stored.key].steps.append(step)

    def rewrite(self, stored: StoredProgress) -> None:
        """Have the whole written in the open transaction: it is another one now."""
        pending = self._pending[stored.key]
        pending.whole_at = 0
        pending.steps = []

    def set_gap(self, stored: StoredProgress, gap: OpenGap | None) -> None:
        """Open or close the break of an account and place."""
        stored.gap = gap
        self._pending[stored.key].changed = True

    def hold(self, who: Hashable, since_us: int) -> None:
        """Note since when an event waits that no marker tells of.

        Until it is published, nothing later is stored as watched: if the process ends before, the
        break that the next one marks begins before the event.
        """
        self._holds.setdefault(who, since_us)

    def release(self, who: Hashable) -> None:
        """Note that nothing of `who` waits any more, or that a marker tells of it."""
        self._holds.pop(who, None)

    def add_marker(
        self, state: str, stored: StoredProgress, gap: OpenGap | None, **fields: Any
    ) -> None:
        """Add a marker; `fields`: its others by the schema, what is not null."""
        account, place = stored.key
        fact = digest(account, place, "" if gap is None else gap.id)
        marker = dict.fromkeys((each.name for each in load("account-marker").fields), None)
        marker |= {
            "marker_id": digest(fact, state, fields.get("detail")),
            "state": state,
            "account": account,
            "product": stored.progress.product,
            "market": stored.progress.isolated_symbol,
            "reason": "start" if gap is None else gap.reason,
            "gap_id": None if gap is None else gap.id,
            "before_time": None if gap is None else gap.since_us // 1000,
            "instance": self.instance,
            **fields,
        }
        self._markers.append(marker)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be written."""
        return not self._markers and not any(
            each.steps or each.changed or not each.whole_at for each in self._pending.values()
        )

    def is_due(self, now_us: int) -> bool:
        """Say whether a transaction is to be written though no event is published."""
        return not self.is_empty or now_us - self._drained_us >= HEARTBEAT_US

    def drain(self, number: int, now_us: int, published: int) -> list[KafkaRecord]:
        """Return what belongs to the transaction with this number.

        `published`: not used: what accounts need is written with every transaction.
        """
        del published
        self._drained_us, self.commits = now_us, number
        markers, self._markers = self._markers, []
        records = [self._marker_record(marker, now_us) for marker in markers]
        additions: list[str] = []
        for pending in self._pending.values():
            text = pending.take_addition(number)
            size = sum(map(len, additions)) + len(text)
            if _is_whole_due(pending, number) or size > PART_CHARACTERS:
                records += self._whole(pending, number, now_us)
            elif text:
                additions.append(text)
        return [*records, self._commit_record(additions, number, now_us)]

    def rewrite_progress(self, number: int, now_us: int) -> list[KafkaRecord]:
        """Return the first transaction: it tells the previous writer that a newer one writes."""
        return self.drain(number, now_us, 0)

    def _whole(self, pending: _Unwritten, number: int, now_us: int) -> list[KafkaRecord]:
        parts = whole_parts(pending.stored)
        pending.whole_at, pending.whole_size = number, sum(map(len, parts))
        pending.added_size = pending.added_at = 0
        account, place = pending.stored.key
        return [
            self._progress_record(
                f"progress/{account}/{place}/{part}",
                {
                    "account": account,
                    "product": place,
                    "part_number": part,
                    "part_count": len(parts),
                    "progress_json": text,
                },
                number,
                now_us,
            )
            for part, text in enumerate(parts)
        ]

    def _commit_record(self, additions: list[str], number: int, now_us: int) -> KafkaRecord:
        fields = {"account": None, "product": None, "part_number": 0, "part_count": 1}
        text = f"[{','.join(additions)}]"
        key = f"commit/{self.instance}/{number % SLOTS}"
        return self._progress_record(key, {**fields, "progress_json": text}, number, now_us)

    def _progress_record(
        self, key: str, fields: Mapping[str, Any], number: int, now_us: int
    ) -> KafkaRecord:
        now_ms, watched_us = now_us // 1000, min((now_us, *self._holds.values()))
        record = {
            "instance": self.instance,
            "run": self._run,
            "generation": self._generation,
            "commit_number": number,
            "written_time": watched_us // 1000,
            **fields,
        }
        value = encode_record(load("account-progress"), self._progress_id, record)
        return self._progress_topic, value, key.encode(), now_ms, None

    def _marker_record(self, marker: dict[str, Any], now_us: int) -> KafkaRecord:
        now_ms = now_us // 1000
        marker |= {"marked_time": now_ms, "marked_time_us": now_us}
        value = encode_record(load("account-marker"), self._marker_id, marker)
        return self._marker_topic, value, marker["account"].encode(), now_ms, None


def _is_whole_due(pending: _Unwritten, number: int) -> bool:
    if not pending.whole_at:
        return True
    is_large = pending.added_size > max(pending.whole_size, MIN_ADDED_CHARACTERS)
    return is_large or (pending.added_at > 0 and number - pending.added_at >= MAX_BEHIND)
