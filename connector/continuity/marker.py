"""The closed lists of a marker's reasons and states, and ids that repeat when a fact repeats."""

import hashlib
from typing import Literal, get_args

GapReason = Literal[
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
MarkerState = Literal["started", "stopped", "opened", "clear", "filled", "partial", "unfillable"]
REASONS: tuple[GapReason, ...] = get_args(GapReason)
DIGEST_HEX_DIGITS = 16


def digest(*parts: object) -> str:
    """Return the first 16 hex digits of the SHA-256 of these parts, joined by `|`."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:DIGEST_HEX_DIGITS]


def gap_id(
    environment: str, product: str, stream_name: str, symbol: str, id_epoch: int, before: int | None
) -> str:
    """Return the id of the gap after `before`: an id, or a record time where there are no ids.

    The environment, the topic prefix, keeps testnet and production apart.
    """
    return digest(environment, product, stream_name, symbol, id_epoch, before)
