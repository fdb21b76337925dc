"""The wrapper of combined mode around a stream's payload: `{"stream":"<name>","data":<payload>}`.

Source: web-socket-streams.md of binance-spot-api-docs, 2026-07-21. What the exchange sends has no
blanks and this order of keys, so that the hot path reads a frame by these constants alone:

    end = frame.find(b'"', NAME_START)
    frame[NAME_START:end]                     # the wire name
    frame[end : end + SEPARATOR_BYTES]        # must equal SEPARATOR
    frame[end + SEPARATOR_BYTES : -1]         # the payload
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


_DECODER = msgspec.json.Decoder(_Frame)


def wrap(name: bytes, payload: bytes) -> bytes:
    """Return the frame of a payload: the JSON of one event, or of an array of events."""
    return HEAD + name + SEPARATOR + payload + b"}"


def unwrap(frame: bytes) -> tuple[bytes, bytes]:
    """Return wire name and payload of a frame, whatever its blanks and the order of its keys.

    Raises BadMessage (reason `json`) for what is not JSON in this wrapper.
    """
    try:
        content = _DECODER.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage("json", str(error)) from error
    return content.stream.encode(), bytes(content.data)
