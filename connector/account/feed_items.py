"""What the feed of an account reports to its worker, in the order in which it happened. Pure.

An item is about an account and a place: its product, of isolated margin one symbol.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from connector.errors import Fatal, Refused

# Closed list; `Interrupted.detail` has the words. connection_lost: it ended without notice.
# lifetime, server_shutdown: it ended as announced, and the next one could not be had in time.
# key_expired, token_expired: listenKey or listenToken. revoked: the exchange ended the session of
# its API key. terminated: it ended the subscription. mute: the path was open, but an event that
# must have come did not. key_changed: the key file holds the key of another account.
InterruptionReason = Literal[
    "connection_lost",
    "lifetime",
    "server_shutdown",
    "key_expired",
    "token_expired",
    "revoked",
    "terminated",
    "mute",
    "key_changed",
]


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """An event, as received and without its wrapper.

    One event may come twice: two connections overlap while one takes over from the other.

    Attributes:
        account: Alias of the account.
        place: See `AccountPlace.name`.
        payload: JSON of the event.
        received_us: When it was read from the socket, epoch microseconds.
    """

    account: str
    place: str
    payload: bytes = field(repr=False)
    received_us: int


@dataclass(frozen=True, slots=True)
class UnreadableEvent(AccountEvent):
    """A frame that cannot be read; it may be an event of this account, or of another one.

    No record may be made of it, even if it can be read as an event.
    """


@dataclass(frozen=True, slots=True)
class Covered:
    """From here on no event of this account and place is missed.

    Sent at the first subscription, and again after each `Interrupted` or `AccountRefused`. A
    hand-over to the next connection, or a renewal, that overlaps with the old one is not reported.
    """

    account: str
    place: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Events are missed from `since_us` to the next `Covered`; the feed is at work on it.

    Attributes:
        since_us: Epoch microseconds of the last moment at which the path is known to have been
            whole: of its last event, pong or proof.
        detail: The cause, for a person.
    """

    account: str
    place: str
    since_us: int
    reason: InterruptionReason
    detail: str


@dataclass(frozen=True, slots=True)
class AccountRefused:
    """The exchange refuses this account for good, such as for a rejected key, or a bug ended it.

    An `Interrupted` goes before it where the account was covered. The feed tries again when the
    content of the account's key files changes.
    """

    account: str
    place: str
    cause: Refused | Fatal


AccountFeedItem = AccountEvent | Covered | Interrupted | AccountRefused
ReceiveAccountItem = Callable[[AccountFeedItem], None]  # called in order; must not wait
