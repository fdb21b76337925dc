"""Records beside the data wait for room, in their order, and have a result each."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from connector.kafka.side_records import SideRecords

REFUSED = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)


class Client:
    """librdkafka's producer with room for some records; it does not take those called `bad`."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.reports: dict[bytes, Callable[..., None]] = {}

    def produce(
        self, _topic: str, value: bytes, _key: bytes, *, on_delivery: Callable[..., None], **_: Any
    ) -> None:
        if value == b"bad":
            raise KafkaException(REFUSED)
        if not self.room:
            raise BufferError
        self.room -= 1
        self.reports[value] = on_delivery


def test_records_wait_for_room_in_their_order() -> None:
    side, client = SideRecords(), Client(room=2)
    for value in (b"a", b"b", b"c"):
        side.add(("topic", value, b"key", 1, None), lambda _error: None)
    side.produce(client)  # type: ignore[arg-type]
    first = list(client.reports), len(side)
    client.room = 1
    side.produce(client)  # type: ignore[arg-type]

    assert (first, list(client.reports), len(side)) == (([b"a", b"b"], 1), [b"a", b"b", b"c"], 0)


def test_each_record_has_its_result_and_one_that_is_not_taken_holds_up_no_other() -> None:
    side, client = SideRecords(), Client(room=2)
    results: list[KafkaError | None] = []
    for value in (b"bad", b"good"):
        side.add(("topic", value, b"key", 1, None), results.append)
    side.produce(client)  # type: ignore[arg-type]
    client.reports[b"good"](None, None)

    assert results == [REFUSED, None]
