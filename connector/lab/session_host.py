"""What a client's session needs of the delivery that holds the sessions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.lab.clock import Clock
from connector.lab.message import Message


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Sizes at which the host in front of the exchange fails on a client's request, in bytes.

    Attributes:
        stuck: A longer one is not answered before more bytes come on the connection.
        lost: A longer one ends the connection.
    """

    stuck: int = 4_090
    lost: int = 8_000


class SessionHost(Protocol):
    """See `Delivery`."""

    refused: dict[str, tuple[int, str]]
    request_limits: RequestLimits | None
    answer_delay_s: float
    clock: Clock

    @property
    def wraps(self) -> Sequence[Callable[[bytes, bytes], bytes]]:
        """Change the frame of a payload."""
        ...

    def begin(self, stream: Stream) -> None:
        """Note a subscription."""
        ...

    def end(self, stream: Stream) -> None:
        """Note the end of a subscription."""
        ...

    def left(self, message: Message) -> None:
        """Note that a message was written to a connection."""
        ...

    def first_data_delay(self, number: int, products: Sequence[Product]) -> float | None:
        """Return how long the data of a session's new subscription waits.

        Args:
            number: The session's.
            products: Those of its host.
        """
        ...
