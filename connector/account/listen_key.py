"""The listenKey of an account and product: made once, kept alive, made anew when it is gone.

It is never ended by DELETE: that would end the stream of every other reader of the account.
"""

import time

import msgspec

from connector.account.source import AccountSource
from connector.binance.api_errors import NewListenKey
from connector.binance.private_streams import find_private_stream
from connector.binance.rest_errors import foreign_body
from connector.errors import Refused
from connector.transport.rest_session import HttpMethod
from connector.transport.signed_rest import SignedRest

OK = 200
LIFE_S = 3_600.0  # of a key since it was made or extended


class _ListenKeyAnswer(msgspec.Struct):
    listenKey: str = ""  # noqa: N815 - the wire's name


class ListenKeyKeeper:
    """One listenKey. Its text is a secret, and stands in no error.

    Attributes:
        text: The key; "": it is made by the next `get`.
        confirmed_us: When the exchange said last that it is alive, epoch microseconds.
    """

    def __init__(self, rest: SignedRest, source: AccountSource) -> None:
        self._rest = rest
        self._source = source
        self._stream = find_private_stream(source.product)
        if not self._stream.key_path:
            raise Refused(f"{source.product}: its events are not subscribed by a listenKey")
        self.text = ""
        self.confirmed_us = 0

    @property
    def expires_us(self) -> int:
        """When it ends unless it is extended, epoch microseconds; 0: there is none."""
        return self.confirmed_us + int(LIFE_S * 1_000_000) if self.text else 0

    async def get(self) -> str:
        """Return the key, made if there is none. Raises as `SignedRest.call`."""
        if not self.text:
            answer = await self._call("POST")
            if not answer:
                path = self._stream.key_path
                raise foreign_body(path, OK, b"", "it has no listenKey")
            self.text = answer
        return self.text

    async def confirm(self) -> None:
        """Extend the key, which proves that it is alive.

        Where the answer names no key (COIN-M), it proves that the account has a living one.

        Raises:
            NewListenKey: it is gone, or the account has another one now; `get` makes a new one.
            Retry, Refused: as `SignedRest.call`.
        """
        try:
            answer = await self._call("PUT")
        except NewListenKey:
            self.text = ""
            raise
        if answer and answer != self.text:
            self.text = ""
            raise NewListenKey(f"{self._stream.key_path}: the account has another listenKey now")

    def forget(self, text: str) -> None:
        """Note that a key has expired."""
        if self.text == text:
            self.text = ""

    async def _call(self, method: HttpMethod) -> str:
        names = method == "PUT" and self._stream.names_key
        params = {"listenKey": self.text} if names else {}
        asked_us = time.time_ns() // 1000
        path, keys = self._stream.key_path, self._source.keys
        body = await self._rest.call(path, params, 1, keys, method=method, security="key")
        try:
            answer = msgspec.json.decode(body or b"{}", type=_ListenKeyAnswer)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise foreign_body(path, OK, b"", "it is no listenKey") from None
        self.confirmed_us = asked_us
        return answer.listenKey
