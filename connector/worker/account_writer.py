"""The one writer of a worker's accounts: its producer, and the takeover from the previous one."""

import secrets
from collections.abc import Mapping

from connector.account.registry import AccountRegistry
from connector.codec.schema import (
    ACCOUNT_DEAD_LETTER,
    ACCOUNT_MARKERS,
    ACCOUNT_PROGRESS,
    ACCOUNT_TOPICS,
)
from connector.config.account import AccountWorkerSettings
from connector.continuity.stored_state import LastWriter
from connector.kafka import client_config
from connector.kafka.committer import WriterLookup
from connector.kafka.schema_registry import SchemaCache
from connector.kafka.transactional_producer import TransactionalProducer
from connector.telemetry import events
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.telemetry.start_steps import StartSteps
from connector.worker.account_store import AccountStore
from connector.worker.writer import take_over


class AccountWriter:
    """Writes events, markers and progress of accounts, always in transactions.

    Args:
        run: Random id of this process.

    Attributes:
        control: Its own topics -> kinds.
    """

    def __init__(
        self,
        settings: AccountWorkerSettings,
        run: str,
        registry: AccountRegistry,
        ledger: Ledger,
        lag: Lag,
    ) -> None:
        prefix, kafka = settings.topic_prefix, settings.kafka
        self._registry, self._run = registry, run
        self._generation = 1  # above that of every writer before this one
        schemas = SchemaCache(settings.schema_registry)
        conf = client_config.client(kafka)
        self._store = AccountStore(conf, prefix, schemas, settings.instance)
        self.dead_letter = f"{prefix}.{ACCOUNT_DEAD_LETTER}"
        self.control = {
            f"{prefix}.{topic}": ACCOUNT_TOPICS[topic]
            for topic in (ACCOUNT_MARKERS, ACCOUNT_PROGRESS)
        }
        self.transactional_id = settings.transactional_id
        self.producer = TransactionalProducer(
            client_config.transactional(kafka, self.transactional_id),
            ledger,
            self.dead_letter,
            lag,
            registry,
            WriterLookup(self._store.topic, self._last_writer),
        )

    def _last_writer(self, _commits: int) -> LastWriter:
        return self._store.last_writer(self._run, self._generation)

    async def take_over(self, schema_ids: Mapping[str, int], steps: StartSteps) -> None:
        """Fence the previous writer, read what it has stored, and go on from there.

        Raises:
            Fatal: Kafka does not let us write. Retry: a step had no answer in time.
            Refused: what was stored cannot be read.
        """
        by_kind = {kind: schema_ids[topic] for topic, kind in self.control.items()}
        async with take_over(self.producer, steps, self._store.state) as found:
            self._generation = found.generation + 1
            self._registry.begin(by_kind, found, self._generation)
        events.takeover_completed(series=len(found.progress), run=self._run)


def new_run() -> str:
    """Return a random id of a process."""
    return secrets.token_hex(4)
