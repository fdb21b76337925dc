"""The listenTokens of margin accounts: one for cross margin, one for each isolated account."""

from dataclasses import dataclass, field

import msgspec

from connector.account.source import AccountSource
from connector.binance.private_streams import TOKEN_PATH
from connector.binance.rest_errors import foreign_body
from connector.binance.signing import ApiParams
from connector.binance.wsapi_methods import Security
from connector.errors import Refused
from connector.transport.signed_rest import SignedRest

OK = 200


class _TokenAnswer(msgspec.Struct):
    token: str
    expirationTime: int  # noqa: N815 - the wire's name; epoch milliseconds


@dataclass(frozen=True, slots=True)
class ListenToken:
    """A token: a secret.

    Attributes:
        life_s: Seconds until it ends.
    """

    text: str = field(repr=False)
    expires_ms: int
    life_s: float


class ListenTokens:
    """Makes the tokens of one source.

    No page says whether the call is signed: the API key alone is tried first, as the clients of
    2026-10 do, and signed where that is refused.
    """

    def __init__(self, rest: SignedRest, source: AccountSource) -> None:
        self._rest, self._source = rest, source
        self._security: Security = "key"

    async def make(self, symbol: str | None) -> ListenToken:
        """Return a new token; `symbol`: of an isolated account; None: cross margin.

        Raises:
            Retry, Refused: as `SignedRest.call`.
        """
        params: ApiParams = {"symbol": symbol, "isIsolated": "TRUE"} if symbol else {}
        try:
            body = await self._call(params, self._security)
        except Refused:
            if self._security == "signed":
                raise
            body = await self._call(params, "signed")
            self._security = "signed"
        try:
            answer = msgspec.json.decode(body, type=_TokenAnswer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise foreign_body(TOKEN_PATH, OK, b"", "it is no listenToken") from None
        now_ms = self._rest.exchange_clock.now_ms("spot")
        life_s = max(0.0, (answer.expirationTime - now_ms) / 1000)
        return ListenToken(answer.token, answer.expirationTime, life_s)

    async def _call(self, params: ApiParams, security: Security) -> bytes:
        return await self._rest.call(
            TOKEN_PATH, params, 1, self._source.keys, method="POST", security=security
        )
