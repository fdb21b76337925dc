"""Why Kafka's transaction coordinator does not answer: librdkafka says only that time is up."""

from collections.abc import Sequence
from typing import NamedTuple

TRANSACTION_LOG = "__transaction_state"
_USUAL_REPLICAS = 3  # the broker's default of transaction.state.log.replication.factor
_CURE = (
    "set transaction.state.log.replication.factor, and transaction.state.log.min.isr below it, to"
    " what the cluster's brokers allow (1 and 1 with one broker) in server.properties, or set"
    " delivery: idempotent"
)


class LogPartition(NamedTuple):
    """A partition of the transaction log: id of its leader (-1: none), and numbers of brokers."""

    leader: int
    replicas: int
    in_sync: int


def why_no_coordinator(brokers: int, log: Sequence[LogPartition] | None) -> str:
    """Return why no transaction can be begun, and the cure.

    Args:
        brokers: How many the cluster has.
        log: Partitions of the transaction log, as the cluster shows them; None: it shows none.
    """
    if log is None and brokers < _USUAL_REPLICAS:
        return (
            f"Kafka has no transaction log ({TRANSACTION_LOG}): it wants {_USUAL_REPLICAS} replicas"
            f" by default, and the cluster has {brokers} broker{'' if brokers == 1 else 's'};"
            f" {_CURE}"
        )
    if log is None:
        return (
            f"Kafka shows no transaction log ({TRANSACTION_LOG}): it cannot be made, or this"
            f" principal may not see it; see the broker's log; {_CURE}"
        )
    leaderless = sum(part.leader < 0 for part in log)
    if leaderless:
        return (
            f"{leaderless} of {len(log)} partitions of Kafka's transaction log"
            f" ({TRANSACTION_LOG}) have no leader: is a broker down"
        )
    lagging = sum(part.in_sync < part.replicas for part in log)
    if lagging:
        return (
            f"{lagging} of {len(log)} partitions of Kafka's transaction log"
            f" ({TRANSACTION_LOG}) lack replicas in sync: is a broker down; {_CURE}"
        )
    return "Kafka's transaction coordinator does not answer; see the broker's log"
