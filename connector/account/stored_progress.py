"""Progress of accounts as it is stored: whole, or what one transaction has added. Pure.

The whole is written now and then, in parts that no broker finds too large. A transaction writes
what it has added, under one of SLOTS keys, so that compaction keeps the newest SLOTS of them. Both
are in the transaction of the events, so together they say exactly what is written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connector.account.identity import place_of
from connector.account.progress import AccountProgress, ProgressStep
from connector.continuity.stored_state import Stamp, stamp_of
from connector.errors import BadMessage

SLOTS = 512
PART_CHARACTERS = 256 * 1024  # a broker takes 1 MB by default
AccountKey = tuple[str, str]  # alias and place: `spot`, or `margin.BTCUSDT` of isolated margin


class Earlier(Struct, frozen=True):
    """What the reconciliations of one break have come to so far; the next one goes on from there.

    Attributes:
        proved: Keys of symbols that were read to their ends since events are complete: they are
            not asked for again, so that in the end every symbol is, however little weight there is.
        left: Keys of symbols that are still to be read.
        unexplained: Market and asset of what moved for no reason that is known yet. The amounts
            are written, so no later picture shows them as moved.
        faults: What is not known, and what no later reconciliation would notice.
    """

    proved: frozenset[str] = frozenset()
    left: tuple[str, ...] = ()
    unexplained: tuple[tuple[str | None, str], ...] = ()
    faults: tuple[str, ...] = ()

    def after_break(self) -> "Earlier":
        """Return what counts still once events were missed again, or the process is another one."""
        return replace(self, proved=frozenset())


class OpenGap(Struct, frozen=True):
    """A break that is not closed; its `opened` marker is written.

    Attributes:
        since_us: Until when the events are known to be complete, epoch microseconds.
        detail: Of its last `partial` marker; "": there is none.
        earlier: What was found out so far.
    """

    id: str
    reason: str
    since_us: int
    detail: str = ""
    earlier: Earlier = Earlier()


class StoredProgress(Struct):
    """Everything that is known of one account and place."""

    progress: AccountProgress
    gap: OpenGap | None = None

    @property
    def key(self) -> AccountKey:
        """Alias and place."""
        progress = self.progress
        return progress.account, place_of(progress.product, progress.isolated_symbol)


class Addition(Struct, frozen=True, array_like=True):
    """What one transaction has added to an account and place."""

    account: str
    place: str
    steps: list[ProgressStep]
    gap: OpenGap | None


@dataclass(frozen=True, slots=True)
class StoredAccounts:
    """What the writers of a topic prefix have stored.

    Attributes:
        generation: The highest of all writers; 0: there was none.
        watched_ms: By account and place, until when its last writer is known to have watched it,
            epoch milliseconds by its clock. It may have left the config long ago.
        instances: The name of that writer.
    """

    progress: Mapping[AccountKey, StoredProgress] = field(default_factory=dict)
    generation: int = 0
    watched_ms: Mapping[AccountKey, int] = field(default_factory=dict)
    instances: Mapping[AccountKey, str] = field(default_factory=dict)


_encoder = msgspec.json.Encoder()
_decode_whole = msgspec.json.Decoder(StoredProgress).decode
_decode_additions = msgspec.json.Decoder(list[Addition]).decode


def whole_parts(stored: StoredProgress) -> list[str]:
    """Return the JSON of a progress, cut into parts."""
    text = _encoder.encode(stored).decode()
    return [text[at : at + PART_CHARACTERS] for at in range(0, len(text), PART_CHARACTERS)]


def addition_text(addition: Addition) -> str:
    """Return the JSON of what a transaction has added to one account and place."""
    return _encoder.encode(addition).decode()


def restore(records: Iterable[Mapping[str, Any]]) -> StoredAccounts:
    """Put together what is stored, from the records of the topic in any order.

    Args:
        records: By the schema `account-progress`.

    Raises:
        BadMessage: the newest progress of an account cannot be read.
    """
    wholes: dict[AccountKey, dict[Stamp, dict[int, Mapping[str, Any]]]] = {}
    commits: list[Mapping[str, Any]] = []
    written_ms: dict[str, int] = {}  # by run
    instances: dict[str, str] = {}  # by run
    generation = 0
    for record in records:
        generation = max(generation, record["generation"])
        instances[record["run"]] = record["instance"]
        written_ms[record["run"]] = max(written_ms.get(record["run"], 0), record["written_time"])
        if record["account"] is None:
            commits.append(record)
        else:
            parts = wholes.setdefault((record["account"], record["product"]), {})
            parts.setdefault(stamp_of(record), {})[record["part_number"]] = record
    commits.sort(key=lambda record: int(record["commit_number"]))
    added = _added_by_run(commits)
    found = {key: _newest(key, parts, added) for key, parts in wholes.items()}
    # A run watches the same accounts from its start to its end.
    runs = {key: newest_stamp(parts).run for key, parts in wholes.items()}
    return StoredAccounts(
        found,
        generation,
        {key: written_ms[run] for key, run in runs.items()},
        {key: instances[run] for key, run in runs.items()},
    )


def _added_by_run(
    commits: Iterable[Mapping[str, Any]],
) -> dict[tuple[str, AccountKey], list[tuple[int, Addition]]]:
    added: dict[tuple[str, AccountKey], list[tuple[int, Addition]]] = {}
    for record in commits:
        try:
            additions = _decode_additions(record["progress_json"])
        except msgspec.DecodeError as error:
            raise BadMessage("json", f"of transaction {record['commit_number']}: {error}") from None
        for each in additions:
            series = record["run"], (each.account, each.place)
            added.setdefault(series, []).append((record["commit_number"], each))
    return added


def _newest(
    key: AccountKey,
    by_stamp: Mapping[Stamp, Mapping[int, Mapping[str, Any]]],
    added: Mapping[tuple[str, AccountKey], list[tuple[int, Addition]]],
) -> StoredProgress:
    """Return the newest whole of an account, moved on by the later transactions of its run."""
    stamp = newest_stamp(by_stamp)
    parts = by_stamp[stamp]
    count = next(iter(parts.values()))["part_count"]
    if len(parts) != count:
        raise BadMessage("shape", f"{len(parts)} of {count} parts of {'/'.join(key)} are there")
    text = "".join(parts[number]["progress_json"] for number in sorted(parts))
    try:
        stored = _decode_whole(text)
    except msgspec.DecodeError as error:
        raise BadMessage("json", f"progress of {'/'.join(key)}: {error}") from None
    for number, addition in added.get((stamp.run, key), ()):
        if number > stamp.number:
            for step in addition.steps:
                stored.progress.apply(step)
            stored.gap = addition.gap
    return stored


def newest_stamp(stamps: Iterable[Stamp]) -> Stamp:
    """Return the newest of at least one stamp."""
    newest, *others = stamps
    for stamp in others:
        newest = stamp if stamp.is_after(newest) else newest
    return newest
