"""Why no transaction can be begun, by what a cluster shows of its transaction log."""

import pytest

from connector.kafka.transaction_log import LogPartition, why_no_coordinator

WHOLE = LogPartition(1, 3, 3)


@pytest.mark.parametrize(
    ("brokers", "log", "words"),
    [
        (
            1,
            None,
            "it wants 3 replicas by default, and the cluster has 1 broker; set"
            " transaction.state.log.replication.factor",
        ),
        (2, None, "the cluster has 2 brokers; set transaction.state.log.replication.factor"),
        (3, None, "it cannot be made, or this principal may not see it"),
        (
            3,
            [LogPartition(-1, 3, 2), WHOLE],
            "1 of 2 partitions of Kafka's transaction log (__transaction_state) have no leader",
        ),
        (
            3,
            [LogPartition(1, 3, 1)] * 2,
            "2 of 2 partitions of Kafka's transaction log (__transaction_state) lack replicas",
        ),
        (3, [WHOLE], "does not answer; see the broker's log"),
    ],
)
def test_the_cause_is_read_from_the_logs_partitions(
    brokers: int, log: list[LogPartition] | None, words: str
) -> None:
    assert words in why_no_coordinator(brokers, log)


def test_the_cure_for_one_broker_names_the_other_delivery() -> None:
    assert why_no_coordinator(1, None).endswith("or set delivery: idempotent")
