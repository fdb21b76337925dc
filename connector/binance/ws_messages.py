"""What we send on a market connection: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, in chunks.

Never sends and never counts: the rate of messages is `policy`'s. Shapes: web-socket-streams.md of
binance-spot-api-docs, 2026-07-21, and the Connect pages of futures and options, 2026-05-28.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import UNSET, Struct, UnsetType

# Binance documents no limit on the size of one request. 250 names is what tiagosiebler's client
# sends (2026-06-09); 16 KiB keeps long and non-ASCII names well inside any frame limit.
MAX_NAMES = 250
MAX_BYTES = 16 * 1024

# The frame around the names, with the longest method and an id of 20 digits.
_FRAME_BYTES = len('{"method":"UNSUBSCRIBE","params":[],"id":}') + 20


def subscribe(names: Iterable[str], request_id: int) -> bytes:
    """Ask for these streams; the answer with this id proves nothing about their delivery."""
    return _request("SUBSCRIBE", request_id, names)


def unsubscribe(names: Iterable[str], request_id: int) -> bytes:
    """Ask for these streams no more."""
    return _request("UNSUBSCRIBE", request_id, names)


def list_subscriptions(request_id: int) -> bytes:
    """Ask which names the connection holds, those that deliver nothing included."""
    return msgspec.json.encode({"method": "LIST_SUBSCRIPTIONS", "id": request_id})


def chunks(
    names: Iterable[str], most: int = MAX_NAMES, most_bytes: int = MAX_BYTES
) -> Iterator[list[str]]:
    """The names in their order, cut so that each list fits one request.

    Args:
        names: Wire names.
        most: Names in one request.
        most_bytes: Bytes of one request's JSON; a single longer name still gets one of its own.
    """
    chunk: list[str] = []
    size = _FRAME_BYTES
    for name in names:
        added = len(msgspec.json.encode(name)) + 1
        if chunk and (len(chunk) == most or size + added > most_bytes):
            yield chunk
            chunk, size = [], _FRAME_BYTES
        chunk.append(name)
        size += added
    if chunk:
        yield chunk


def _request(method: str, request_id: int, names: Iterable[str]) -> bytes:
    return msgspec.json.encode({"method": method, "params": list(names), "id": request_id})


# Codes of answers that are not about what was asked (errors.md): overloaded, asked too often, gone,
# connection full.
_TROUBLE = frozenset(
    {-1000, -1001, -1003, -1006, -1007, -1008, -1015, -1016, -1034, -1191, 418, 429}
)

Id = int | str | None
Result = list[str] | bool | None


class Answer(Struct, frozen=True):
    """The answer to one request.

    Args:
        id: The request's id; None where Binance sent none, as with some errors.
        result: None: acknowledged (of an unknown name too). A list: the subscribed names.
            A bool: a property.
        code: Error code (0 unknown property, 1 wrong type, 2 invalid request, 3 invalid JSON);
            None: no error.
        message: Binance's words on the error.
    """

    id: Id
    result: Result = None
    code: int | None = None
    message: str = ""

    @property
    def is_error(self) -> bool:
        """Whether the request was refused."""
        return self.code is not None

    @property
    def is_trouble(self) -> bool:
        """Whether the exchange refused because of its own state, or how often it was asked."""
        server = self.code is not None and self.code >= 500  # noqa: PLR2004 - as HTTP's
        return server or self.code in _TROUBLE or "too many requests" in self.message.lower()


class _Error(Struct):
    code: int
    msg: str = ""


class _AnswerFrame(Struct):
    id: Id = None
    result: Result | UnsetType = UNSET
    code: int | UnsetType = UNSET
    msg: str = ""
    # The pages show code and msg at the top; older frames had them inside `error`.
    error: _Error | UnsetType = UNSET
    stream: str | UnsetType = UNSET


class _Event(Struct):
    e: str = ""


class _EventFrame(Struct):
    e: str = ""
    data: _Event | UnsetType = UNSET


_decode_answer = msgspec.json.Decoder(_AnswerFrame).decode
_decode_event = msgspec.json.Decoder(_EventFrame).decode


def parse_answer(raw: bytes) -> Answer | None:
    """The answer in this frame, or None where it is none: data, an event, or no JSON at all."""
    try:
        frame = _decode_answer(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if frame.stream is not UNSET:
        return None
    if frame.error is not UNSET:
        return Answer(frame.id, code=frame.error.code, message=frame.error.msg)
    if frame.code is not UNSET:
        return Answer(frame.id, code=frame.code, message=frame.msg)
    if frame.result is not UNSET:
        return Answer(frame.id, frame.result)
    return None


def control_text(raw: bytes) -> str | None:
    """What a frame that is no data says, in words; None where it is data, or no JSON."""
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
    """Whether Binance announces that it will close this connection, with no promised lead time.

    Both shapes count: raw `{"e":"serverShutdown",...}` and the combined wrapper around it.
    """
    if b"serverShutdown" not in raw:  # spares every data frame the decoding
        return False
    try:
        frame = _decode_event(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    event = frame.e if frame.data is UNSET else frame.data.e
    return event == "serverShutdown"
