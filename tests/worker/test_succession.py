"""What a process does beside the writer: it looks, keeps what the writer may lack, and claims."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from connector.continuity.candidacy import OVERLAP_S, Appended, Candidate, Step
from connector.errors import Retry
from connector.worker import succession as module
from connector.worker.succession import Succession
from tests.support.waiting import in_time

AFTER_S = 5.0
WRITTEN = Appended("writer", waiting_s=0.0)


@dataclass
class Topic:
    """The checkpoint topic as one process sees it; each look lets some seconds pass."""

    now: float = 100.0
    age_s: float | None = 0.0
    looks: deque[list[Appended] | Retry] = field(default_factory=deque)
    claims: int = 0
    takes_claims: bool = True
    closed: bool = False
    on_look: Callable[[], None] = lambda: None

    def begin(self) -> float | None:
        return self.age_s

    def look(self) -> list[Appended]:
        self.now += 1.0
        self.on_look()
        found = self.looks.popleft() if self.looks else []
        if isinstance(found, Retry):
            raise found
        return found

    def claim(self) -> None:
        self.claims += 1
        if not self.takes_claims:
            raise Retry("Kafka: a claim was not stored")
        self.looks.append([Appended("own", is_claim=True)])

    def close(self) -> None:
        self.closed = True


@dataclass
class Queue:
    """Positions of a queue that gets ten frames with each look."""

    end_position: int = 0
    superseded: int = 0
    holds: int = 1_000_000  # entries

    def supersede(self, position: int, most_bytes: int) -> int:
        del most_bytes
        self.superseded = max(self.superseded, position, self.end_position - self.holds)
        return self.superseded


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_INTERVAL_S", 0.0)


def made(
    topic: Topic, queue: Queue | None = None, *, standby: bool, flowing: bool = True
) -> Succession:
    queue = queue or Queue()

    def more() -> None:
        queue.end_position += 10

    topic.on_look = more
    candidate = Candidate("own", topic.now, standby=standby, takeover_after_s=AFTER_S)
    return Succession(candidate, topic, queue, lambda: flowing, 1 << 30, lambda: topic.now)


async def test_a_standby_takes_over_from_a_writer_that_stands_still_by_a_claim() -> None:
    topic = Topic(looks=deque([[WRITTEN]] * 5))
    waiting = made(topic, standby=True)

    await in_time(waiting.run())

    assert (topic.claims, topic.closed, waiting.waiting) == (1, True, False)
    assert topic.now == 100.0 + 5 + AFTER_S + 1


async def test_what_the_writer_has_stored_is_let_go_and_the_rest_is_kept() -> None:
    topic, queue = Topic(looks=deque([[WRITTEN]] * 20)), Queue()
    waiting = made(topic, queue, standby=True)

    await in_time(waiting.run())

    since = waiting.unbroken_since
    assert since is not None
    # The newest record may be of a transaction that is aborted; what it holds is kept.
    assert since <= 100.0 + 19 - 1 - OVERLAP_S
    assert 0 < queue.superseded <= 10 * (since - 100.0)


async def test_what_was_let_go_and_may_not_be_stored_is_not_called_unbroken() -> None:
    topic, queue = Topic(looks=deque([[WRITTEN]] * 20)), Queue(holds=15)
    waiting = made(topic, queue, standby=True)

    await in_time(waiting.run())

    assert waiting.unbroken_since is None


async def test_a_successor_takes_over_once_its_streams_flow_and_claims_nothing() -> None:
    topic = Topic(looks=deque([[WRITTEN]] * 20))
    waiting = made(topic, standby=False)

    await in_time(waiting.run())

    assert waiting.next_step == (Step.TAKE_OVER, "its streams flow")
    assert (topic.claims, waiting.unbroken_since is not None) == (0, True)


async def test_kafka_away_is_named_and_no_reason_to_take_over() -> None:
    away = [Retry("Kafka: Connection refused") for _ in range(30)]
    topic = Topic(looks=deque([[WRITTEN], *away]))
    waiting = made(topic, standby=True)
    running = asyncio.create_task(waiting.run())
    troubles = set()
    while topic.looks:
        troubles.add(waiting.trouble)
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert "Kafka: Connection refused" in troubles
    assert (topic.claims, topic.closed) == (0, True)


async def test_a_claim_that_kafka_does_not_take_is_made_again() -> None:
    topic = Topic(age_s=None, takes_claims=False)
    waiting = made(topic, standby=True)
    running = asyncio.create_task(waiting.run())
    while topic.claims < 2:
        await asyncio.sleep(0)
    topic.takes_claims = True

    await in_time(running)

    assert topic.claims == 3
