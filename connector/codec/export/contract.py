"""What a topic promises its readers beside the schema: key, time, headers, clean-up. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.binance.catalogue import ROWS, subscribable
from connector.codec.schema import (
    ACCOUNT_DEAD_LETTER,
    ACCOUNT_EVENTS,
    ACCOUNT_PROGRESS,
    ACCOUNT_TOPICS,
    CHECKPOINTS,
    DEAD_LETTER,
    OWN_TOPICS,
    PROGRESS,
    Schema,
    kinds,
    load,
)
from connector.errors import Refused, did_you_mean

DEFAULT_PREFIX = "binance"
_SERIES_KEY = "product/stream_name/symbol"
_KEYS = {  # of the connector's own records, by kind
    "marker": _SERIES_KEY,
    "progress": _SERIES_KEY,
    "checkpoint": "instance/shard/slot",
    "account-event": "the account's alias",
    "account-marker": "the account's alias",
    "account-progress": "progress/account/product/part or commit/instance/slot",
}
_OUR_TIME = "when it was written, by our clock"
_COMPACTED = frozenset({PROGRESS, CHECKPOINTS, ACCOUNT_PROGRESS})
_TOMBSTONE_HEADERS = tuple(
    (name, "Only of tombstones: as the field of this name.")
    for name in ("generation", "run", "commit_number")
)
_DEAD_LETTER_HEADERS = (
    ("reason", "Why it could not become a record, in one word."),
    ("detail", "What was wrong, with the field and its value."),
    ("source", "The stream's wire name, or the topic; empty if that is unknown."),
    ("size", "Number of bytes received, in digits."),
)


@dataclass(frozen=True, slots=True)
class TopicContract:
    """One topic.

    Attributes:
        kind: Of its records; "dead-letter" where the values are raw bytes.
        schema: Of its values; None: raw bytes.
        key: What the record key is; text in UTF-8, never null.
        time: What the Kafka timestamp is.
        headers: Name and meaning of each header; both are texts.
        is_compacted: Of the records of one key the newest stays.
        has_tombstones: A record without a value deletes its key.
    """

    name: str
    kind: str
    schema: Schema | None
    key: str
    time: str
    headers: tuple[tuple[str, str], ...] = ()
    is_compacted: bool = False
    has_tombstones: bool = False

    @property
    def doc(self) -> str:
        """What one record is, in one sentence without its full stop."""
        if self.schema is None:
            return "The raw bytes of what could not become a record; why is in the headers"
        return self.schema.doc.split(". ")[0].rstrip(".")


def topics(prefix: str = DEFAULT_PREFIX) -> list[TopicContract]:
    """Return every topic that there can be: of streams, the connector's own, of accounts."""
    streams = {f"{row.product}.{row.kind}": row.kind for row in ROWS if subscribable(row)}
    time = "the exchange's time of the event"
    found = [
        TopicContract(f"{prefix}.{suffix}", kind, load(kind), "the symbol", time)
        for suffix, kind in sorted(streams.items())
    ]
    own = {**OWN_TOPICS, **ACCOUNT_TOPICS}
    found += [_own(prefix, suffix, kind) for suffix, kind in own.items()]
    return [*found, *(_dead_letter(prefix, name) for name in (DEAD_LETTER, ACCOUNT_DEAD_LETTER))]


def _own(prefix: str, suffix: str, kind: str) -> TopicContract:
    is_event = suffix == ACCOUNT_EVENTS
    has_tombstones = suffix == PROGRESS
    return TopicContract(
        f"{prefix}.{suffix}",
        kind,
        load(kind),
        key=_KEYS[kind],
        time="the exchange's time of the event, else ours" if is_event else _OUR_TIME,
        headers=_TOMBSTONE_HEADERS if has_tombstones else (),
        is_compacted=suffix in _COMPACTED,
        has_tombstones=has_tombstones,
    )


def _dead_letter(prefix: str, suffix: str) -> TopicContract:
    return TopicContract(
        f"{prefix}.{suffix}",
        DEAD_LETTER,
        None,
        key="the stream's wire name or account/product, the topic, or the reason",
        time="when it was received, by our clock",
        headers=_DEAD_LETTER_HEADERS,
    )


def find(name: str, prefix: str = DEFAULT_PREFIX) -> list[TopicContract]:
    """Return the topics of a kind, or the topic of this name, whatever its prefix.

    Raises:
        Refused: there is no such kind or topic; names what was probably meant.
    """
    every = topics(prefix)
    if of_kind := [topic for topic in every if topic.kind == name]:
        return of_kind
    for topic in topics(""):  # their names begin with the dot
        if name.endswith(topic.name) and name != topic.name:
            own_prefix = name.removesuffix(topic.name)
            return [found for found in topics(own_prefix) if found.name == name]
    near = did_you_mean(name, [*dict.fromkeys(t.kind for t in every), *(t.name for t in every)])
    cure = f"did you mean {near!r}?" if near else f"kinds: {', '.join(kinds())}"
    raise Refused(f"there is no kind and no topic {name!r}; {cure}")


def schemas_of(contracts: Sequence[TopicContract]) -> list[Schema]:
    """Return the schemas of topics, each once.

    Raises:
        Refused: none of the topics has one.
    """
    found = {topic.kind: topic.schema for topic in contracts if topic.schema is not None}
    if not found:
        raise Refused(
            f"{contracts[0].name} has no schema, its values are raw bytes (docs/delivery.md);"
            " take --format flink-ddl, spark or asyncapi"
        )
    return list(found.values())
