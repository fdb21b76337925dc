"""A connection's session at the lab's WS API: log-on, subscriptions, listenKeys. No I/O.

Codes and texts: web-socket-api.md and errors.md of binance-spot-api-docs, 2026-07-21 (-2035, -2036,
-1191). The text of -1209 is ours: no page has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from connector.binance import wsapi_methods
from connector.binance.wsapi_methods import WsApiProduct
from connector.lab.account import requests
from connector.lab.account.keys import LabKey
from connector.lab.account.listen_keys import ListenKeys
from connector.lab.rest.query import Complaint, mandatory

MAX_SUBSCRIPTIONS = 1_000
BY_SESSION, BY_SIGNATURE = "session", "signature"
TOO_MANY = (-1191, "Too many subscriptions. Connection may create up to '1000' at a time.")
BAD_TOKEN = (-1209, "Invalid listenToken.")
ACTIVE = (-2035, "User Data Stream subscription already active.")
INACTIVE = (-2036, "User Data Stream subscription not active.")


@dataclass(frozen=True, slots=True)
class LabToken:
    """A listenToken: whose it is, and its end in epoch milliseconds."""

    account: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class LabSubscription:
    """A subscription to an account's events; `by`: session, signature, or the listenToken."""

    account: str
    by: str


class SessionHost(Protocol):
    """What a session needs of its server."""

    keys: dict[str, LabKey]
    tokens: dict[str, LabToken]
    listen_keys: ListenKeys

    def now_ms(self) -> int:
        """Return the exchange's time."""
        ...


@dataclass(slots=True)
class ApiSession:
    """The session.

    Attributes:
        shows_limits: Answers carry `rateLimits`.
        key: It is logged on with this one; None: not logged on.
        subscriptions: By their ids, which begin at 0 on each connection.
        ended: Ids of subscriptions that end behind the present answer.
    """

    host: SessionHost
    product: WsApiProduct
    shows_limits: bool
    connected_ms: int
    key: LabKey | None = None
    logged_on_ms: int | None = None
    subscriptions: dict[int, LabSubscription] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)
    _next_id: int = 0

    def add(self, account: str, by: str) -> Any:
        """Subscribe; raises Complaint. One subscription an account, but a token may follow one."""
        if len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise Complaint(400, *TOO_MANY)
        by_key = {BY_SESSION, BY_SIGNATURE}
        own = (old for old in self.subscriptions.values() if old.account == account)
        if by in by_key and any(old.by in by_key for old in own):
            raise Complaint(400, *ACTIVE)
        number = self._next_id
        self._next_id += 1
        self.subscriptions[number] = LabSubscription(account, by)
        return {"subscriptionId": number}

    def ids(self, account: str, by: str | None = None) -> list[int]:
        """Return the ids of an account's subscriptions."""
        return [
            number
            for number, own in self.subscriptions.items()
            if own.account == account and by in (None, own.by)
        ]

    def status(self) -> Any:
        """Return what `session.status` says."""
        key = self.key
        return {
            "apiKey": None if key is None else key.api_key,
            "authorizedSince": None if key is None else self.logged_on_ms,
            "connectedSince": self.connected_ms,
            "returnRateLimits": self.shows_limits,
            "serverTime": self.host.now_ms(),
            "userDataStream": any(own.by == BY_SESSION for own in self.subscriptions.values()),
        }


def _log_on(session: ApiSession, _params: Mapping[str, Any], key: LabKey | None) -> Any:
    session.key, session.logged_on_ms = key, session.host.now_ms()
    return session.status()


def _log_off(session: ApiSession, _params: Mapping[str, Any], key: LabKey | None) -> Any:
    session.key = session.logged_on_ms = None
    session.ended += [] if key is None else session.ids(key.account, BY_SESSION)
    return session.status()


def _status(session: ApiSession, _params: Mapping[str, Any], _key: LabKey | None) -> Any:
    return session.status()


def _subscriptions(session: ApiSession, _params: Mapping[str, Any], _key: LabKey | None) -> Any:
    return [{"subscriptionId": number} for number in session.subscriptions]


def _subscribe(session: ApiSession, _params: Mapping[str, Any], key: LabKey | None) -> Any:
    if key is None:
        raise Complaint(401, *requests.NOT_LOGGED_ON)
    return session.add(key.account, BY_SESSION)


def _subscribe_signed(session: ApiSession, _params: Mapping[str, Any], key: LabKey | None) -> Any:
    return session.add(key.account if key else "", BY_SIGNATURE)


def _subscribe_token(session: ApiSession, params: Mapping[str, Any], _key: LabKey | None) -> Any:
    text = params.get("listenToken")
    if not text:
        raise mandatory("listenToken")
    token = session.host.tokens.get(str(text))
    if token is None or token.expires_ms <= session.host.now_ms():
        raise Complaint(400, *BAD_TOKEN)
    return session.add(token.account, str(text)) | {"expirationTime": token.expires_ms}


def _unsubscribe(session: ApiSession, params: Mapping[str, Any], _key: LabKey | None) -> Any:
    number = params.get("subscriptionId")
    if number is not None and number not in session.subscriptions:
        raise Complaint(400, *INACTIVE)
    session.ended += list(session.subscriptions) if number is None else [number]
    return {}


def _start(session: ApiSession, _params: Mapping[str, Any], key: LabKey | None) -> Any:
    account, now_ms = key.account if key else "", session.host.now_ms()
    return {"listenKey": session.host.listen_keys.make(session.product, account, now_ms).text}


def _ping(session: ApiSession, _params: Mapping[str, Any], key: LabKey | None) -> Any:
    account, now_ms = key.account if key else "", session.host.now_ms()
    return {"listenKey": session.host.listen_keys.renew(session.product, account, now_ms).text}


def _stop(session: ApiSession, _params: Mapping[str, Any], key: LabKey | None) -> Any:
    session.host.listen_keys.end(session.product, key.account if key else "")
    return {}


SessionMethod = Callable[[ApiSession, Mapping[str, Any], LabKey | None], Any]
SESSION_METHODS: Mapping[str, SessionMethod] = {
    wsapi_methods.LOG_ON: _log_on,
    wsapi_methods.LOG_OFF: _log_off,
    "session.status": _status,
    "session.subscriptions": _subscriptions,
    wsapi_methods.SUBSCRIBE: _subscribe,
    wsapi_methods.SUBSCRIBE_SIGNED: _subscribe_signed,
    wsapi_methods.SUBSCRIBE_TOKEN: _subscribe_token,
    wsapi_methods.UNSUBSCRIBE: _unsubscribe,
    "userDataStream.start": _start,
    "userDataStream.ping": _ping,
    "userDataStream.stop": _stop,
}
