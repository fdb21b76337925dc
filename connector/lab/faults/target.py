"""What a fault may change on the exchange. The exchange imports the faults: hence a Protocol."""

from collections.abc import Sequence
from typing import Protocol

from connector.lab.account.accounts import Accounts
from connector.lab.account.keys import LabKey
from connector.lab.account.session import LabToken
from connector.lab.client_session import Session
from connector.lab.clock import Clock
from connector.lab.delivery import Delivery
from connector.lab.handshakes import Handshakes
from connector.lab.market import Market
from connector.lab.rest import Interceptor


class RestTarget(Protocol):
    """The REST side of the exchange."""

    interceptors: list[Interceptor]
    time: Clock

    def refuse(
        self, status: int, retry_after_s: float | None = None, times: int = 1, path: str = "/"
    ) -> None:
        """Answer the next calls with an error."""
        ...


class ApiTarget(Protocol):
    """The WS API."""

    silent: bool
    keys: dict[str, LabKey]
    refusals: list[tuple[int, float]]
    ban: tuple[int, float]

    def revoke(self, api_key: str) -> None:
        """Take a key away."""
        ...

    def expire(self, token: str) -> None:
        """Let a listenToken expire."""
        ...

    @property
    def tokens(self) -> dict[str, LabToken]:
        """Its listenTokens."""
        ...

    async def drop(self) -> None:
        """Reset every connection."""
        ...

    async def shut_down(self, after_s: float) -> None:
        """Announce that the connections end, and end them."""
        ...


class Target(Protocol):
    """The exchange."""

    accept_then_close: bool
    handshakes: Handshakes
    market: Market
    clock: Clock

    @property
    def delivery(self) -> Delivery:
        """Its connections."""
        ...

    @property
    def rest(self) -> RestTarget:
        """Its REST side."""
        ...

    @property
    def accounts(self) -> Accounts:
        """Its scripted accounts."""
        ...

    @property
    def ws_api(self) -> ApiTarget:
        """Its WS API."""
        ...

    async def shut_down(self, sessions: Sequence[Session], after_s: float) -> None:
        """Announce that these connections end, and end them."""
        ...
