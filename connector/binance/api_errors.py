"""Errors of signed calls and of the WS API, each a class named by what the caller does next. Pure.

Sources: errors.md of binance-spot-api-docs (2026-07-21), the error pages of futures and margin
(2026-05-28, 2026-10), measurements of 2026-07-31 (-1193, -2028).
"""

from collections.abc import Mapping

from connector.binance.rest_errors import (
    BANNED,
    SHORTEST_BAN_S,
    SLOW_DOWN,
    TEMPORARY_CODES,
    code_and_text,
    error_from_response,
)
from connector.binance.wsapi_messages import ErrorBody
from connector.errors import Refused, Retry

_NOT_FOUND, _SERVER_ERROR, _MINUTE_S = 404, 500, 60.0
CONNECTIONS_WINDOW_S = 300.0  # of the limit that -1034 reports


class BackOff(Retry):
    """429 or 418: no call of this address may go out before `after_s` has passed."""


class SyncClock(Retry):
    """-1021: measure the clock's offset, then sign and call once more."""


class LogOn(Retry):
    """-1193, or a session that was ended: log on, then call again."""


class NewListenKey(Retry):
    """-1125: make a new listenKey, and connect with it."""


class NewToken(Retry):
    """-1209: make a new listenToken, and subscribe with it."""


class AnotherConnection(Retry):
    """-1191: this connection has all the subscriptions it may have; open another one."""


class AlreadySubscribed(Retry):
    """-2035: this connection has the subscription already; its events come by another id."""


class ReplaceKey(Refused):
    """The API key or its signature is rejected: stop; a person mends key, rights or IP list."""


class SubscribeBySignature(Refused):
    """-2028: this kind of key cannot log on; call userDataStream.subscribe.signature."""


class UnknownOrder(Refused):
    """-2013: the exchange does not know the order that was asked for; it is not cancelled."""


class UnknownPath(Refused):
    """404: the exchange has no such call."""


class DropSymbol(Refused):
    """-1121: there is no such symbol; leave it out."""


_KEY_CURE = "check the key's file, its permissions and its IP list"
_CLASSES: Mapping[int, tuple[type[Retry | Refused], str]] = {
    -1021: (SyncClock, "this machine's clock is off; it is measured and corrected"),
    -1022: (ReplaceKey, "the secret or private key does not belong to the API key"),
    -1121: (DropSymbol, ""),
    -1125: (NewListenKey, ""),
    -1191: (AnotherConnection, ""),
    -1193: (LogOn, "call session.logon first (Ed25519 keys alone can)"),
    -1209: (NewToken, ""),
    -2013: (UnknownOrder, ""),
    -2014: (ReplaceKey, _KEY_CURE),
    -2015: (ReplaceKey, _KEY_CURE),
    -2035: (AlreadySubscribed, ""),
    -2028: (SubscribeBySignature, "use userDataStream.subscribe.signature with this key"),
}
_RATE_CODES = frozenset({-1003, -1034})


def error_from_answer(
    place: str, status: int, error: ErrorBody | None, now: float
) -> Retry | Refused:
    """Return the error to raise for an answer of the WS API whose status is not 200.

    Args:
        place: Product and method; never parameters.
        status: The answer's.
        error: The answer's; None: it has none.
        now: Wall-clock time, epoch seconds.
    """
    code = 0 if error is None else error.code
    text = f"{place}: status {status}" + ("" if error is None else f": {code} {error.msg}")
    if status in (SLOW_DOWN, BANNED) or code in _RATE_CODES:
        return BackOff(text, _after_s(status, error, now))
    if code in _CLASSES:
        kind, cure = _CLASSES[code]
        return kind(f"{text}; {cure}" if cure else text)
    if status >= _SERVER_ERROR or code in TEMPORARY_CODES:
        return Retry(text)
    return Refused(text)


def error_from_rest(
    place: str, status: int, body: bytes, retry_after: str | None, now: float
) -> Retry | Refused:
    """Return the error to raise for a REST answer of an account; arguments as REST's have them."""
    error = error_from_response(place, status, body, retry_after, now)
    code, text = code_and_text(body)
    if status in (SLOW_DOWN, BANNED) or code in _RATE_CODES:
        after_s = error.after_s if isinstance(error, Retry) else None
        return BackOff(str(error), after_s or _MINUTE_S - now % _MINUTE_S)
    if code in _CLASSES:
        kind, cure = _CLASSES[code]
        return kind(f"{place}: HTTP {status}: {code} {text}" + (f"; {cure}" if cure else ""))
    if status == _NOT_FOUND and isinstance(error, Refused):
        return UnknownPath(str(error))
    return error


def _after_s(status: int, error: ErrorBody | None, now: float) -> float:
    """Return the seconds until the next call: by `retryAfter`, a moment of the exchange's clock."""
    data = None if error is None else error.data
    if data is not None and data.retryAfter is not None:
        now_ms = now * 1000 if data.serverTime is None else data.serverTime
        return max(1.0, (data.retryAfter - now_ms) / 1000)
    if error is not None and error.code == -1034:  # noqa: PLR2004 - too many connections
        return CONNECTIONS_WINDOW_S
    return SHORTEST_BAN_S if status == BANNED else _MINUTE_S - now % _MINUTE_S
