"""When a checkpoint may be written: after every record that it covers is settled."""

from connector.codec.framing import KafkaRecord
from connector.kafka.checkpoint_barrier import INTERVAL_S, CheckpointBarrier

NOW = 100.0
PROGRESS: list[KafkaRecord] = [("progress", b"value", b"key", 1, None)]


def test_a_checkpoint_with_nothing_before_it_is_ready_at_once() -> None:
    barrier = CheckpointBarrier()
    barrier.collect(PROGRESS, published=0, now=NOW)

    assert barrier.is_ready
    assert list(barrier.waiting) == PROGRESS


def test_a_checkpoint_waits_for_every_record_before_it() -> None:
    barrier = CheckpointBarrier()
    covered = barrier.interval
    covered.settled = 2
    barrier.collect(PROGRESS, published=3, now=NOW)
    before = barrier.is_ready
    covered.settled = 3

    assert (before, barrier.is_ready) == (False, True)


def test_records_after_a_checkpoint_do_not_stand_in_for_records_before_it() -> None:
    barrier = CheckpointBarrier()
    barrier.collect(PROGRESS, published=3, now=NOW)
    barrier.interval.settled = 10

    assert not barrier.is_ready


def test_a_second_checkpoint_covers_the_records_since_the_first() -> None:
    barrier = CheckpointBarrier()
    barrier.interval.settled = 3
    barrier.collect(PROGRESS, published=3, now=NOW)
    barrier.waiting.clear()
    covered = barrier.interval
    barrier.collect(PROGRESS, published=5, now=NOW + INTERVAL_S)
    before = barrier.is_ready
    covered.settled = 2

    assert (before, barrier.is_ready) == (False, True)


def test_a_checkpoint_without_records_has_nothing_to_write() -> None:
    barrier = CheckpointBarrier()
    barrier.collect([], published=0, now=NOW)

    assert not barrier.is_ready
    assert barrier.is_due(NOW + INTERVAL_S)


def test_it_shows_since_when_a_record_is_not_settled_with_or_without_a_checkpoint() -> None:
    barrier = CheckpointBarrier()
    covered = barrier.interval
    covered.settled = 2
    barrier.collect([], published=3, now=NOW)
    before = barrier.unsettled_since
    covered.settled = 3

    assert (before, barrier.unsettled_since) == (NOW, None)


def test_no_checkpoint_is_due_before_the_records_of_the_last_one_are_settled() -> None:
    barrier = CheckpointBarrier()
    covered = barrier.interval
    barrier.collect([], published=1, now=NOW)
    before = barrier.is_due(NOW + INTERVAL_S)
    covered.settled = 1

    assert (before, barrier.is_due(NOW + INTERVAL_S)) == (False, True)


def test_a_checkpoint_is_due_each_interval_and_not_while_one_waits() -> None:
    barrier = CheckpointBarrier()
    assert barrier.is_due(NOW)
    barrier.collect(PROGRESS, published=0, now=NOW)
    assert not barrier.is_due(NOW + INTERVAL_S)
    barrier.waiting.clear()

    assert not barrier.is_due(NOW + INTERVAL_S / 2)
    assert barrier.is_due(NOW + INTERVAL_S)


def test_all_is_settled_when_records_on_both_sides_of_the_checkpoint_are() -> None:
    barrier = CheckpointBarrier()
    barrier.interval.settled = 3
    barrier.collect(PROGRESS, published=3, now=NOW)
    before = barrier.all_settled(5)
    barrier.interval.settled = 2

    assert (before, barrier.all_settled(5)) == (False, True)
