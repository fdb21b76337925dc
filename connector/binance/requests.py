"""What we send on a market connection: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, in chunks.

Never sends and never counts: the rate of messages is `policy`'s. Shapes: web-socket-streams.md of
binance-spot-api-docs, 2026-07-21, and the Connect pages of futures and options, 2026-05-28.
"""

from collections.abc import Iterable, Iterator

import msgspec

# Binance documents no limit on the size of one request. 250 names is what tiagosiebler's client
# sends (2026-06-09); 16 KiB keeps long and non-ASCII names well inside any frame limit.
MOST_NAMES = 250
MOST_BYTES = 16 * 1024

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
    names: Iterable[str], most: int = MOST_NAMES, most_bytes: int = MOST_BYTES
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
