"""Answers that refuse: temporary trouble (`Retry`) or wrong input (`Refused`). Pure.

Holds for REST, and for the handshakes of WebSocket connections (transport/connect_errors.py).

Whose fault a refusal is shows in who answered. The API answers in JSON with a code: its verdict
stands. Anything else comes from a server on the way (firewall, proxy, maintenance page), and says
something about our request only with the statuses in `_OUR_FAULT`.

Sources: "HTTP return codes" and "Limits" of rest-api.md, errors.md (binance-spot-api-docs,
2026-07-21), General Info of developers.binance.com (2026-05-28); 202, 451 and the firewall's pages
as reported in issues of the public connectors.
"""

import re
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from connector.errors import Refused, Retry, Unserved

SLOW_DOWN, BANNED, BLOCKED, NOT_SERVED = 429, 418, 403, 451
# After one of these no call of the pool may go out for a while.
POOL_BAN_STATUSES = frozenset({SLOW_DOWN, BANNED, BLOCKED})
SHORTEST_BAN_S = 120.0  # bans last from two minutes to three days
BLOCKED_S = 300.0  # assumed: neither the firewall's page nor that of 451 names a duration
_SERVER_ERROR = 500
_MINUTE_S = 60.0

# Of errors.md: unknown outcome, disconnected, too many requests, overloaded, too many orders or
# connections. Whatever the HTTP status, the same call may succeed later.
TEMPORARY_CODES = frozenset({-1000, -1001, -1003, -1006, -1007, -1008, -1015, -1034})
_TEMPORARY_STATUSES = frozenset({408, 425, *POOL_BAN_STATUSES})
# Statuses that speak of the request, whoever answers: address, key, proxy login, an old call.
_OUR_FAULT = frozenset({401, 404, 407, 410, 414})

PROXY_LOGIN = "the proxy wants a user name and password; give them in `proxy_login_file`"
# Responses of the servers in front of the API have no JSON: cause and cure by HTTP status.
_CAUSES: Mapping[int, str] = {
    202: "a firewall in front of the exchange asks for proof that a browser calls; wait, or run"
    " elsewhere",
    401: "the API key is missing or not accepted; check the file with the key",
    403: "a firewall in front of the exchange blocks this address or request; wait, or run"
    " elsewhere",
    404: "no such path; check the exchange's address",
    407: PROXY_LOGIN,
    410: "this call is no longer offered",
    414: "the request is too long",
    418: "the exchange has banned this address for going on after 429; send nothing from this"
    " address until the ban ends, then lower limits.share",
    429: "too many requests or connections from this address; wait, and lower limits.share",
    451: "the exchange does not serve this location; run elsewhere, or set a proxy",
    502: "the exchange is down or in maintenance; wait for it",
    503: "the exchange is down or in maintenance; wait for it",
    504: "the exchange is down or in maintenance; wait for it",
}
_BAD_KEY = frozenset({-2014, -2015})
_KEY_CURE = "; check the file with the API key"
_UNTIL = re.compile(r"banned until (\d{13})")


class _ApiError(Struct):
    code: int
    msg: str


def error_from_response(
    place: str, status: int, body: bytes, retry_after: str | None, now: float
) -> Retry | Refused:
    """Return the error to raise for a response whose status is not the wanted one.

    Args:
        place: Host, path and symbol for the message; never a whole URL.
        status: The HTTP status.
        body: JSON of the API, or anything else.
        retry_after: The header `Retry-After`, in seconds; None: absent.
        now: Wall-clock time, epoch seconds.
    """
    error = _api_error(body)
    text = f"{place}: {_text(status, error, body)}"
    after_s = _after_s(status, error, retry_after, now)
    if status == NOT_SERVED:
        return Unserved(text, after_s, status)
    return Retry(text, after_s, status) if _is_temporary(status, error) else Refused(text)


def _is_temporary(status: int, error: _ApiError | None) -> bool:
    if status in _TEMPORARY_STATUSES or status >= _SERVER_ERROR:
        return True
    return status not in _OUR_FAULT if error is None else error.code in TEMPORARY_CODES


def cure_of(status: int) -> str:
    """Return what to do about a status, as the errors of this module end with; "": not known."""
    return _CAUSES.get(status, "").partition("; ")[2]


def foreign_body(place: str, status: int, body: bytes, problem: str) -> Retry:
    """Return the error for a response of the wanted status that the API did not write.

    A firewall, proxy or maintenance page may answer 200 in the API's place.

    Args:
        place, status, body: As in `error_from_response`.
        problem: Why it is no answer of the API.
    """
    error = _api_error(body)
    if error is not None:
        return Retry(f"{place}: {_text(status, error, body)}", status=status)
    return Retry(
        f"{place}: HTTP {status}, and {problem}; something on the way answers in the exchange's"
        " place (firewall, proxy, maintenance), or the address is not the exchange's",
        status=status,
    )


def code_and_text(body: bytes) -> tuple[int, str]:
    """Return the API's error code and text in a body; 0 and "": it has none."""
    error = _api_error(body)
    return (0, "") if error is None else (error.code, error.msg)


def _api_error(body: bytes) -> _ApiError | None:
    try:
        return msgspec.json.decode(body, type=_ApiError)
    except msgspec.DecodeError:
        return None


def _text(status: int, error: _ApiError | None, body: bytes) -> str:
    if error is not None:
        cure = _KEY_CURE if error.code in _BAD_KEY else ""
        return f"HTTP {status}: {error.code} {error.msg}{cure}"
    cause = _CAUSES.get(status)
    if cause is None and 300 <= status < 400:  # noqa: PLR2004 - HTTP's own class of redirects
        cause = (
            "redirected, which the API never does: a login page on the way, or the address is not"
            " the exchange's"
        )
    if cause is None:
        cause = f"it begins with {body[:60].decode(errors='replace')!r}" if body else "empty answer"
    return f"HTTP {status}: {cause}"


def _after_s(
    status: int, error: _ApiError | None, retry_after: str | None, now: float
) -> float | None:
    """Return the seconds to wait before the next call; None where nothing is known of it."""
    if retry_after is not None and retry_after.strip().isdecimal():
        return max(1.0, float(retry_after))
    until = _UNTIL.search(error.msg) if error is not None else None
    if until is not None:
        return max(1.0, int(until[1]) / 1000 - now)
    if status == SLOW_DOWN:
        return _MINUTE_S - now % _MINUTE_S
    return {BANNED: SHORTEST_BAN_S, BLOCKED: BLOCKED_S, NOT_SERVED: BLOCKED_S}.get(status)
