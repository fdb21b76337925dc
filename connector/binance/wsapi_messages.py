"""Frames of the WS API: requests, answers, and the user data events between them. Pure.

Source: web-socket-api.md of binance-spot-api-docs, 2026-07-21; the WS API pages of futures,
2026-05-28. Fields that the pages do not name are ignored.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Raw, Struct, UnsetType

from connector.binance.exchange_info import RateLimit
from connector.binance.signing import ParamValue
from connector.errors import Retry

T = TypeVar("T")
WsApiRequestId = int | str | None
OK = 200
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
_NO_RESULT = Raw(b"null")


class RateLimitCount(Struct):
    """One entry of `rateLimits` in an answer: a limit, and what is used of it."""

    rateLimitType: str  # noqa: N815 - the wire's name
    interval: str
    intervalNum: int  # noqa: N815
    limit: int
    count: int

    @property
    def as_limit(self) -> RateLimit:
        """The limit, as exchangeInfo gives it."""
        seconds = _SECONDS.get(self.interval, 0) * self.intervalNum
        return RateLimit(self.rateLimitType, seconds, self.limit)


class ErrorData(Struct):
    """What an error says of time, in epoch milliseconds."""

    serverTime: int | None = None  # noqa: N815
    retryAfter: int | None = None  # noqa: N815 - a moment, not a duration


class ErrorBody(Struct):
    """The error of an answer."""

    code: int
    msg: str = ""
    data: ErrorData | None = None


class WsApiAnswer(Struct):
    """The answer to one request.

    Attributes:
        id: The request's; None where the exchange names none, as when it ends a session.
        status: As HTTP's; 200 is the only good one.
        result: JSON of the result; `null` in an error.
    """

    id: WsApiRequestId = None
    status: int = 0
    result: Raw = _NO_RESULT
    error: ErrorBody | None = None
    rateLimits: list[RateLimitCount] = []  # noqa: N815 - msgspec copies the list

    def decoded(self) -> Any:
        """Return the result as Python values."""
        return msgspec.json.decode(self.result)


class ServerTime(Struct):
    """The result of `time`."""

    serverTime: int  # noqa: N815 - the wire's name; epoch milliseconds


class SubscriptionRow(Struct):
    """The result of a subscribing request, and a row of that of `session.subscriptions`."""

    subscriptionId: int  # noqa: N815


class WsApiEvent(Struct):
    """A user data event.

    Attributes:
        event: JSON of its payload, as received.
        subscriptionId: Of this connection; None: the event is about the connection.
    """

    event: Raw
    subscriptionId: int | None = None  # noqa: N815


class _ApiFrame(Struct):
    id: WsApiRequestId | UnsetType = msgspec.UNSET
    status: int = 0
    result: Raw = _NO_RESULT
    error: ErrorBody | None = None
    rateLimits: list[RateLimitCount] = []  # noqa: N815
    event: Raw | UnsetType = msgspec.UNSET
    subscriptionId: int | None = None  # noqa: N815


class _EventType(Struct):
    e: str = ""


_decode_frame = msgspec.json.Decoder(_ApiFrame).decode
_decode_event_type = msgspec.json.Decoder(_EventType).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def request(request_id: int, method: str, params: Mapping[str, ParamValue]) -> bytes:
    """Return the frame of a request."""
    message: dict[str, Any] = {"id": request_id, "method": method}
    return msgspec.json.encode(message | ({"params": params} if params else {}))


def parse_frame(raw: bytes) -> WsApiAnswer | WsApiEvent | None:
    """Return the answer or event of a frame; None: it is neither, or no JSON."""
    try:
        frame = _decode_frame(raw)
    except _UNREADABLE:
        return None
    if frame.event is not msgspec.UNSET:
        return WsApiEvent(frame.event, frame.subscriptionId)
    if frame.id is msgspec.UNSET and frame.error is None:
        return None
    request_id = None if frame.id is msgspec.UNSET else frame.id
    return WsApiAnswer(request_id, frame.status, frame.result, frame.error, frame.rateLimits)


def result_of(method: str, answer: WsApiAnswer, kind: type[T]) -> T:
    """Return a good answer's result. Raises Retry: it has another shape, and tells nothing."""
    try:
        return msgspec.json.decode(answer.result, type=kind)
    except _UNREADABLE as error:
        raise Retry(f"WS API: {method}: an answer that is none: {error}") from error


def event_type(payload: bytes) -> str:
    """Return `e` of an event's payload; "": it has none."""
    try:
        return _decode_event_type(payload).e
    except _UNREADABLE:
        return ""
