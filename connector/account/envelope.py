"""The wrappers of user data events, told apart by their content, never by the URL. Pure.

Spot and margin: `{"subscriptionId":0,"event":{...}}`. Futures and others, on /stream and sometimes
elsewhere: `{"stream":"<listenKey>","data":{...}}` (captures of 2026-10). Else the event alone.
"""

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from connector.errors import BadMessage

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class UserFrame(Struct, frozen=True):
    """A frame taken apart.

    Attributes:
        payload: JSON of the event, as received.
        subscription_id: Of the wrapper; None: it has none.
        stream: Of the wrapper: the listenKey, a secret. "": it has none.
    """

    payload: bytes
    subscription_id: int | None = None
    stream: str = ""


class _Wrapper(Struct):
    e: Raw | UnsetType = UNSET
    event: Raw | UnsetType = UNSET
    data: Raw | UnsetType = UNSET
    stream: str | None = None
    subscriptionId: int | None = None  # noqa: N815 - the wire's name


_decode = msgspec.json.Decoder(_Wrapper).decode


def unwrap_user_frame(frame: bytes) -> UserFrame:
    """Return the event in a frame, wrapped or not; raises BadMessage for what is no object."""
    try:
        found = _decode(frame)
    except msgspec.ValidationError:
        return UserFrame(frame)  # a key of the wrapper's name, with another meaning
    except _UNREADABLE as error:
        raise BadMessage("json", str(error)) from error
    if found.e is not UNSET:
        return UserFrame(frame)
    if found.event is not UNSET:
        return UserFrame(bytes(found.event), found.subscriptionId)
    if found.data is not UNSET and found.stream is not None:
        return UserFrame(bytes(found.data), stream=found.stream)
    return UserFrame(frame)
