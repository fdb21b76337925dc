"""Where the records of a pipeline go."""

from typing import Protocol

from connector.feed.dead_letters import DeadLetterSink


class Publisher(DeadLetterSink, Protocol):
    """Takes records: kafka/transactional_producer.py, kafka/idempotent_producer.py."""

    def room(self) -> int:
        """Return how many records will be taken now."""

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        """Take one record: there was room. Timestamp in ms, received in us; received 0: by REST."""
