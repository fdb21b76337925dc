"""Records beside the data (dead letters, markers, progress) that wait for room in librdkafka."""

from collections import deque
from collections.abc import Callable
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as Client

from connector.codec.framing import KafkaRecord

ResultHandler = Callable[[KafkaError | None], None]  # None: the record is stored


class SideRecords:
    """Hands records to librdkafka in their order, as it has room."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[KafkaRecord, ResultHandler]] = deque()

    def __len__(self) -> int:
        """Return how many have not been handed over."""
        return len(self._waiting)

    def add(self, record: KafkaRecord, on_result: ResultHandler) -> None:
        """Take a record; `on_result` is called once it is stored or refused."""
        self._waiting.append((record, on_result))

    def produce(self, client: Client) -> None:
        """Hand over what there is room for; a record that librdkafka does not take is refused."""
        while self._waiting:
            (topic, value, key, timestamp_ms, headers), on_result = self._waiting[0]
            report = partial(_on_delivery, on_result)
            try:
                client.produce(
                    topic,
                    value,
                    key,
                    timestamp=timestamp_ms,
                    headers=headers or [],
                    on_delivery=report,
                )
            except BufferError:
                return
            except KafkaException as error:
                on_result(error.args[0])
            self._waiting.popleft()


def _on_delivery(on_result: ResultHandler, error: KafkaError | None, _message: Message) -> None:
    on_result(error)
