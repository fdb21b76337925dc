"""What a fault may do to the exchange. The exchange imports the faults, so they know it by this."""

from collections.abc import Sequence
from typing import Protocol

from connector.lab.client_session import Session
from connector.lab.delivery import Delivery


class RestTarget(Protocol):
    """The REST side of the exchange."""

    skew_ms: int

    def refuse(self, status: int, retry_after_s: float | None = None, times: int = 1) -> None:
        """Answer the next calls with an error."""
        ...


class Target(Protocol):
    """The exchange."""

    accept_then_close: bool

    @property
    def delivery(self) -> Delivery:
        """Its connections."""
        ...

    @property
    def rest(self) -> RestTarget:
        """Its REST side."""
        ...

    async def shut_down(self, sessions: Sequence[Session], after_s: float) -> None:
        """Announce that these connections end, and end them."""
        ...
