"""What the idempotent producer writes when, against a client whose answers the test gives."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError

from connector.kafka.dead_letter import Record
from connector.kafka.idempotent_producer import IdempotentProducer
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger

BAD = KafkaError(KafkaError.INVALID_TIMESTAMP)
AWAY = KafkaError(KafkaError._TIMED_OUT)
Report = Callable[..., None]


class Message:
    """A record as it comes back in its report."""

    def __init__(self, topic: str, value: bytes) -> None:
        self._topic, self._value = topic, value

    def topic(self) -> str:
        return self._topic

    def value(self) -> bytes:
        return self._value

    def key(self) -> bytes:
        return b"key"


class Client:
    """librdkafka's producer as far as it is used here; topics are answered when the test says."""

    def __init__(self) -> None:
        self.given: list[tuple[str, bytes]] = []
        self.full = False
        self._open: list[tuple[Message, Report]] = []

    def __len__(self) -> int:
        return len(self._open)

    def produce(self, topic: str, value: bytes, *_: object, on_delivery: Report, **__: Any) -> None:
        if self.full:
            raise BufferError
        self.given.append((topic, value))
        self._open.append((Message(topic, value), on_delivery))

    def poll(self, seconds: float) -> int:
        del seconds
        return 0

    def answer(self, topic: str, error: KafkaError | None = None) -> None:
        """Report all that is open of a topic."""
        answered = [one for one in self._open if one[0].topic() == topic]
        self._open = [one for one in self._open if one[0].topic() != topic]
        for message, report in answered:
            report(error, message)


class World(IdempotentProducer):
    """A producer of two such clients: the usual one, and the one for refused records."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.ledger = Ledger()
        super().__init__({"queue.buffering.max.messages": 100}, self.ledger, "dead", Lag())
        self.collect = self._progress

    def _new_client(self, conf: Mapping[str, Any]) -> Any:
        del conf
        self.clients.append(Client())
        return self.clients[-1]

    def _progress(self, number: int) -> list[Record]:
        del number
        return [("progress", b"%d" % self.ledger.records.produced, b"key", 1, None)]

    def make(self, topic: str, count: int = 1, timestamp: int = 5) -> None:
        for _ in range(count):
            self.publish(topic, b"value", b"key", timestamp, 0)
            self.ledger.records.produced += 1

    @property
    def told(self) -> list[int]:
        """How many records the progress that was written speaks of, each."""
        return [int(value) for topic, value in self.clients[0].given if topic == "progress"]


def test_progress_waits_for_a_partition_that_stands_still_while_others_go_on() -> None:
    world = World()
    world.make("still", 3)
    world.poll()  # asks for the progress
    world.make("going", 10)
    world.clients[0].answer("going")
    world.poll()
    meanwhile = world.told

    world.clients[0].answer("still")
    world.poll()

    assert (meanwhile, world.told) == ([], [3])


def test_progress_does_not_wait_for_records_it_does_not_speak_of() -> None:
    world = World()
    world.make("early")
    world.poll()
    world.make("later")
    world.clients[0].answer("early")
    world.poll()

    assert world.told == [1]


def test_every_64th_record_is_waited_for_as_well() -> None:
    world = World()
    world.make("still", 63)
    world.clients[0].answer("still")
    world.make("still")
    world.poll()
    world.make("going")
    world.clients[0].answer("going")
    world.poll()
    meanwhile = world.told

    world.clients[0].answer("still")
    world.poll()

    assert (meanwhile, world.told) == ([], [64])


def test_a_refused_record_is_outstanding_until_it_was_tried_alone() -> None:
    world = World()
    world.make("bad")
    world.poll()
    world.make("going")
    world.clients[0].answer("going")
    world.clients[0].answer("bad", BAD)
    world.poll()
    on_trial = world.told

    world.clients[1].answer("bad", BAD)
    world.poll()

    assert (on_trial, world.told) == ([], [1])
    assert world.ledger.records.dead_lettered == 1


def test_a_record_that_found_no_room_is_outstanding() -> None:
    world = World()
    [client] = world.clients
    client.full = True
    world.make("late")
    world.poll()
    client.full = False
    world.poll()
    handed_over = world.told

    client.answer("late")
    world.poll()

    assert (handed_over, world.told) == ([], [1])


def test_what_was_given_up_is_waited_for_no_longer() -> None:
    world = World()
    world.make("lost")
    world.poll()
    world.clients[0].answer("lost", AWAY)
    world.poll()

    assert world.told == [1]
    assert world.ledger.records.failed == 1


def test_at_the_end_nothing_is_said_of_what_is_not_stored() -> None:
    world = World()
    world.make("going")
    world.poll()
    world.make("still")
    world.clients[0].answer("going")

    left = world.flush(time.monotonic() + 0.05)

    assert (left, world.told) == (1, [1])


def test_at_the_end_the_last_progress_speaks_of_all_that_is_stored() -> None:
    world = World()
    world.make("going")
    world.poll()
    world.clients[0].answer("going")
    world.poll()
    world.clients[0].answer("progress")
    world.make("going", 2)
    world.clients[0].answer("going")
    world.ledger.records.produced += 1  # made, and kept back until another connection has it too

    left = world.flush(time.monotonic() + 0.05)

    assert (left, world.told) == (1, [1, 4])
