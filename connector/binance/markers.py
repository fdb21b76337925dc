"""The closed lists of markers, and ids that are the same again after a crash. Pure."""

import hashlib
from typing import Literal, get_args

Reason = Literal[
    "connection_lost",
    "server_shutdown",
    "lifetime",
    "stale",
    "sequence",
    "ids_reset",
    "overload",
    "delivery",
    "dead_letter",
    "restart",
    "plan_changed",
]
State = Literal["started", "stopped", "opened", "clear", "filled", "partial", "unfillable"]
REASONS: tuple[Reason, ...] = get_args(Reason)
STATES: tuple[State, ...] = get_args(State)
FINAL: frozenset[State] = frozenset({"clear", "filled", "partial", "unfillable"})


def gap_id(environment: str, series: str, epoch: int, before: int | None) -> str:
    """Return the id of a gap: what stands before it says which one it is.

    Args:
        environment: The topic prefix, so that testnet and production differ.
        series: product/stream_name/symbol.
        epoch: How often the ids of the series began anew.
        before: Last id before the gap, else the record time of the last record before it.
    """
    return _hash(f"{environment}|{series}|{epoch}|{before}")


def marker_id(gap: str, state: State) -> str:
    """Return the id of a marker: the same for the same fact, whoever writes it."""
    return _hash(f"{gap}|{state}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
