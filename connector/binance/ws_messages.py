"""Messages of a market connection: requests, answers to them, the shutdown notice. Pure.

Sources: web-socket-streams.md of binance-spot-api-docs, 2026-07-21, and the Connect pages of
futures and options, 2026-05-28. The limit on messages per second is in products.py.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import UNSET, Struct, UnsetType

# Binance documents no limit on the size of one request. 250 names is what tiagosiebler's client
# sends (2026-06-09). Five clients report, for all products: a request over about 4,090 bytes is not
# answered until more bytes follow, over 8,000 the connection is lost.
MAX_REQUEST_NAMES = 250
MAX_REQUEST_BYTES = 4_000  # with the header of its frame

_FRAME_HEADER_BYTES = 8  # of a client's frame of 126 to 65,535 bytes: RFC 6455, 5.2
# The longest method and an id of 20 digits.
_ENVELOPE_BYTES = _FRAME_HEADER_BYTES + len('{"method":"UNSUBSCRIBE","params":[],"id":}') + 20


def subscribe(names: Iterable[str], request_id: int) -> bytes:
    """Return a SUBSCRIBE request; its acknowledgement does not prove that data will come."""
    return _request("SUBSCRIBE", request_id, names)


def unsubscribe(names: Iterable[str], request_id: int) -> bytes:
    """Return an UNSUBSCRIBE request."""
    return _request("UNSUBSCRIBE", request_id, names)


def _request(method: str, request_id: int, names: Iterable[str]) -> bytes:
    return msgspec.json.encode({"method": method, "params": list(names), "id": request_id})


def chunks(
    names: Iterable[str], max_names: int = MAX_REQUEST_NAMES, max_bytes: int = MAX_REQUEST_BYTES
) -> Iterator[list[str]]:
    """Yield the names in their order, in lists that fit one request each, frame header included.

    A single name longer than `max_bytes` gets a request of its own; `stream_name.parse` refuses
    names that MAX_REQUEST_BYTES could not hold.
    """
    chunk: list[str] = []
    size = _ENVELOPE_BYTES
    for name in names:
        added = len(msgspec.json.encode(name)) + 1
        if chunk and (len(chunk) == max_names or size + added > max_bytes):
            yield chunk
            chunk, size = [], _ENVELOPE_BYTES
        chunk.append(name)
        size += added
    if chunk:
        yield chunk


# Error codes that do not concern the request itself (errors.md): overloaded, too many requests,
# disconnected, connection full.
_TEMPORARY_CODES = frozenset(
    {-1000, -1001, -1003, -1006, -1007, -1008, -1015, -1016, -1034, -1191, 418, 429}
)

RequestId = int | str | None
AnswerResult = list[str] | bool | None


class Answer(Struct, frozen=True):
    """The answer to one request.

    Attributes:
        id: The request's id; None where Binance sent none, as with some errors.
        result: None: acknowledged (unknown names are too). A list: the subscribed names.
            A bool: a property.
        code: Error code (0 unknown property, 1 wrong type, 2 invalid request, 3 invalid JSON);
            None: no error.
        message: Binance's error text.
    """

    id: RequestId
    result: AnswerResult = None
    code: int | None = None
    message: str = ""

    @property
    def is_error(self) -> bool:
        """Whether the request was rejected."""
        return self.code is not None

    @property
    def is_temporary(self) -> bool:
        """Whether it was rejected for the exchange's own state or for too many requests."""
        code, text = self.code or 0, self.message.lower()
        server = code >= 500  # noqa: PLR2004 - as HTTP's
        return server or code in _TEMPORARY_CODES or "too many requests" in text


class _ErrorObject(Struct):
    code: int
    msg: str = ""


class _AnswerFrame(Struct):
    id: RequestId = None
    result: AnswerResult | UnsetType = UNSET
    code: int | UnsetType = UNSET
    msg: str = ""
    # In the pages code and msg are at the top; older frames had them inside `error`.
    error: _ErrorObject | UnsetType = UNSET
    stream: str | UnsetType = UNSET


class _Event(Struct):
    e: str = ""


class _EventFrame(Struct):
    e: str = ""
    data: _Event | UnsetType = UNSET


_decode_answer = msgspec.json.Decoder(_AnswerFrame).decode
_decode_event = msgspec.json.Decoder(_EventFrame).decode


def parse_answer(raw: bytes) -> Answer | None:
    """Return the answer in a frame; None: it is data, an event, or no JSON."""
    try:
        frame = _decode_answer(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if frame.stream is not UNSET:
        return None
    if frame.error is not UNSET:
        return Answer(frame.id, code=frame.error.code, message=frame.error.msg)
    if frame.code is not UNSET:
        return Answer(frame.id, code=frame.code, message=frame.msg)
    return None if frame.result is UNSET else Answer(frame.id, frame.result)


def control_text(raw: bytes) -> str | None:
    """Describe a control frame: an answer or the shutdown notice; None: it is data, or no JSON."""
    if is_server_shutdown(raw):
        return "serverShutdown: Binance is about to close this connection"
    answer = parse_answer(raw)
    if answer is None:
        return None
    if answer.is_error:
        return f"request {answer.id} was refused: code {answer.code}, {answer.message}"
    if answer.result is None:
        return f"request {answer.id} was acknowledged"
    return f"request {answer.id} was answered: {answer.result}"


def is_server_shutdown(raw: bytes) -> bool:
    """Return whether a frame, with the combined wrapper or without, announces Binance's closing."""
    if b"serverShutdown" not in raw:  # so that data frames are not decoded
        return False
    try:
        frame = _decode_event(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return (frame.e if frame.data is UNSET else frame.data.e) == "serverShutdown"
