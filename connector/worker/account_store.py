"""Reads back what was stored of accounts: at the start, and when a writer was fenced. Blocks."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from connector.account.stored_progress import StoredAccounts, restore
from connector.codec.avro import Schemas, decode_record
from connector.codec.framing import schema_id_of
from connector.codec.schema import ACCOUNT_PROGRESS, load
from connector.continuity.stored_state import LastWriter, last_writer
from connector.errors import BadMessage, Refused
from connector.kafka.bulk_consumer import BulkConsumer
from connector.kafka.checkpoint_store import StoredRecord, read_records, wait_until_settled

UNREADABLE = (
    "topic {}: what the previous writer stored of accounts cannot be read ({}). Give the schema"
    " registry its schema back; or delete the topic's records and give each account a new alias: it"
    " begins anew with a picture, and nobody marks what was missed since"
)


class AccountStore:
    """Progress of the accounts of a topic prefix.

    Every method raises Retry when the cluster or the registry does not answer, and Refused when
    what is stored cannot be read.

    Args:
        conf: How to reach the cluster, in librdkafka's names.
        schemas: The schemas that records were written with: a previous writer may be older.
        instance: The name of this writer.
    """

    def __init__(
        self, conf: Mapping[str, Any], prefix: str, schemas: Schemas, instance: str
    ) -> None:
        self._conf, self._schemas, self._instance = conf, schemas, instance
        self.topic = f"{prefix}.{ACCOUNT_PROGRESS}"

    def state(self) -> StoredAccounts:
        """Return what all writers of the prefix have stored."""
        try:
            return restore(self._records())
        except BadMessage as error:
            raise Refused(UNREADABLE.format(self.topic, error)) from error

    def last_writer(self, run: str, generation: int) -> LastWriter:
        """Return who has written last as this instance, once no transaction is open."""
        wait_until_settled(self._conf, self.topic)
        own = [
            record
            for record in self._records()
            if record["instance"] == self._instance and record["account"] is None
        ]
        return last_writer(own, run, generation)

    def _records(self) -> Iterator[dict[str, Any]]:
        """Yield the last record of each key in each partition."""
        newest: dict[tuple[bytes, int], StoredRecord] = {}
        with closing(BulkConsumer(self._conf)) as consumer:
            for batch in read_records(consumer, self.topic):
                newest |= {(record.key, record.partition): record for record in batch}
        for record in newest.values():
            if record.value is not None:
                yield self._decode(record.value)

    def _decode(self, value: bytes) -> dict[str, Any]:
        """Return the fields; this program's own schema comes first."""
        own = load("account-progress")
        try:
            return decode_record(own, value)
        except BadMessage:
            return decode_record(own, value, self._schemas.text(schema_id_of(value)))
