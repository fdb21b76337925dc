"""What a REST answer means when it is no success: passing trouble or wrong input. Pure.

Sources: "HTTP return codes" and "Limits" of rest-api.md, errors.md (binance-spot-api-docs,
2026-07-21), General Info of developers.binance.com (2026-05-28); 451 and the firewall's pages as
met in issues of the public connectors.
"""

import re
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from connector.errors import Refused, Retry

SLOW_DOWN, BANNED, BLOCKED = 429, 418, 403
STAY_AWAY = frozenset({SLOW_DOWN, BANNED, BLOCKED})  # after these, no call of the pool may go out
SHORTEST_BAN_S = 120.0  # bans last from two minutes to three days
BLOCKED_S = 300.0  # the firewall says nothing of how long
_SERVER_ERROR = 500
_MINUTE_S = 60.0

# Of errors.md: unknown outcome, disconnected, too many requests, overloaded, too many orders or
# connections. Whatever their HTTP status, the same call may go through later.
_PASSING_CODES = frozenset({-1000, -1001, -1003, -1006, -1007, -1008, -1015, -1034})
_PASSING_STATUSES = frozenset({408, 425, *STAY_AWAY})

# What stands in front of the API answers in HTML; these are its words for people.
_WORDS: Mapping[int, str] = {
    401: "the API key is missing or not accepted; check the file with the key",
    403: "a firewall in front of the exchange blocks this address or request",
    404: "no such path; check the exchange's REST address",
    407: "the proxy wants a user name and password; write them into the proxy's address",
    410: "this call is no longer offered",
    451: "the exchange does not serve this location; run elsewhere, or set a proxy",
}
_BAD_KEY = frozenset({-2014, -2015})
_KEY_CURE = "; check the file with the API key"
_UNTIL = re.compile(r"banned until (\d{13})")


class _Error(Struct):
    code: int
    msg: str


def error_from_response(
    place: str, status: int, body: bytes, retry_after: str | None, now: float
) -> Retry | Refused:
    """Return the error to raise for an answer that is not 200.

    Args:
        place: Host, path and symbol, for people; never a whole URL.
        status: The HTTP status.
        body: What came with it, JSON of the API or anything else.
        retry_after: The header `Retry-After`, in seconds.
        now: Seconds since 1970.
    """
    error = _api_error(body)
    text = f"{place}: {_text(status, error, body)}"
    passing = status in _PASSING_STATUSES or status >= _SERVER_ERROR
    if passing or (error is not None and error.code in _PASSING_CODES):
        return Retry(text, _after_s(status, error, retry_after, now))
    return Refused(text)


def _api_error(body: bytes) -> _Error | None:
    try:
        return msgspec.json.decode(body, type=_Error)
    except msgspec.DecodeError:
        return None


def _text(status: int, error: _Error | None, body: bytes) -> str:
    if error is not None:
        return (
            f"HTTP {status}: {error.code} {error.msg}{_KEY_CURE if error.code in _BAD_KEY else ''}"
        )
    words = _WORDS.get(status)
    if words is None and 300 <= status < 400:  # noqa: PLR2004 - HTTP's own class of redirects
        words = "redirected, which the API never does; check the exchange's REST address"
    if words is None:
        words = f"it begins with {body[:60].decode(errors='replace')!r}" if body else "empty answer"
    return f"HTTP {status}: {words}"


def _after_s(
    status: int, error: _Error | None, retry_after: str | None, now: float
) -> float | None:
    if retry_after is not None and retry_after.strip().isdecimal():
        return max(1.0, float(retry_after))
    until = _UNTIL.search(error.msg) if error is not None else None
    if until is not None:
        return max(1.0, int(until[1]) / 1000 - now)
    if status == BANNED:
        return SHORTEST_BAN_S
    if status == BLOCKED:
        return BLOCKED_S
    return _MINUTE_S - now % _MINUTE_S if status == SLOW_DOWN else None
