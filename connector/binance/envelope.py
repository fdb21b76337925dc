"""The wrapper of combined mode around a stream's payload: `{"stream":"<name>","data":<payload>}`.

Source: web-socket-streams.md of binance-spot-api-docs, 2026-07-21. What the exchange sends has no
blanks and this order of keys, so that the hot path reads a frame by these constants alone:

    end = frame.find(b'"', NAME_START)
    frame[NAME_START:end]                     # the wire name
    frame[end : end + SEPARATOR_BYTES]        # must equal SEPARATOR
    frame[end + SEPARATOR_BYTES : -1]         # the payload

Any other frame is read by `unwrap`. One with more behind its data (another key, a newline) passes
these tests and is cut wrongly: `cut_again` finds its payload.
"""

import msgspec

from connector.errors import BadMessage

OPENING = b'{"stream"'  # the first bytes, whatever blanks follow; shutdown notices have them too
HEAD = OPENING + b':"'
NAME_START = len(HEAD)
SEPARATOR = b'","data":'
SEPARATOR_BYTES = len(SEPARATOR)
OVERHEAD_BYTES = NAME_START + SEPARATOR_BYTES + len(b"}")  # of a frame beside name and payload


class _Frame(msgspec.Struct):
    stream: str
    data: msgspec.Raw


class _Rest(msgspec.Struct):
    data: msgspec.Raw


_DECODER = msgspec.json.Decoder(_Frame)
_REST_DECODER = msgspec.json.Decoder(_Rest)
_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def wrap(name: bytes, payload: bytes) -> bytes:
    """Return the frame of a payload: the JSON of one event, or of an array of events."""
    return HEAD + name + SEPARATOR + payload + b"}"


def unwrap(frame: bytes) -> tuple[bytes, bytes]:
    """Return wire name and payload of a frame, whatever its blanks and the order of its keys.

    Raises BadMessage (reason `json`) for what is not JSON in this wrapper.
    """
    try:
        content = _DECODER.decode(frame)
    except _NO_JSON as error:
        raise BadMessage("json", str(error)) from error
    return content.stream.encode(), bytes(content.data)


def cut_again(cut: bytes) -> bytes | None:
    """Return the payload in `frame[end + SEPARATOR_BYTES : -1]`, when more than `}` follows it.

    None: `cut` is the payload, or the frame is not JSON.
    """
    for behind in (cut, cut.rstrip()[:-1]):  # what was cut off is `}`, or a blank behind it
        try:
            payload = bytes(_REST_DECODER.decode(b'{"data":' + behind + b"}").data)
        except _NO_JSON:
            continue
        return None if payload == cut else payload
    return None


def name_in(frame: bytes) -> bytes:
    """Return the wire name in a frame as the exchange spells it; of others, bytes of no meaning."""
    return frame[NAME_START : frame.find(b'"', NAME_START)]


def is_data(frame: bytes) -> bool:
    """Return whether a frame looks like one of a stream: it has the keys of the wrapper."""
    return frame.startswith(OPENING) or (b'"stream"' in frame and b'"data"' in frame)
