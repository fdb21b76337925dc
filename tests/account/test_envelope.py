"""Events are taken out of their wrappers by what is there, not by where it came from."""

import pytest

from connector.account.envelope import UserFrame, unwrap_user_frame
from connector.errors import BadMessage


@pytest.mark.parametrize(
    ("frame", "taken"),
    [
        (b'{"e":"x","E":1}', UserFrame(b'{"e":"x","E":1}')),
        (b'{"subscriptionId":2,"event":{"e":"x"}}', UserFrame(b'{"e":"x"}', 2)),
        (b'{"event": {"e":"x"} , "subscriptionId":0}', UserFrame(b'{"e":"x"}', 0)),
        (b'{"event":{"e":"serverShutdown"}}', UserFrame(b'{"e":"serverShutdown"}')),
        (b'{"stream":"key","data":{"e":"x"}}', UserFrame(b'{"e":"x"}', None, "key")),
        (b'{"data":{"p":1.10},"new":1,"stream":"key"}', UserFrame(b'{"p":1.10}', None, "key")),
        (b'{"e":"x","event":{"e":"y"}}', UserFrame(b'{"e":"x","event":{"e":"y"}}')),
        (b'{"e":"x","stream":5}', UserFrame(b'{"e":"x","stream":5}')),
        (b'{"data":{}}', UserFrame(b'{"data":{}}')),
        (b"[]", UserFrame(b"[]")),
    ],
)
def test_a_frame_is_taken_apart(frame: bytes, taken: UserFrame) -> None:
    assert unwrap_user_frame(frame) == taken


@pytest.mark.parametrize("frame", [b"", b"{", b"\xff"])
def test_what_is_no_json_is_a_bad_message(frame: bytes) -> None:
    with pytest.raises(BadMessage):
        unwrap_user_frame(frame)
