"""The wrapper around a stream's payload, to the letter and in other spellings."""

import json

import pytest

from connector.binance.envelope import (
    NAME_START,
    OPENING,
    OVERHEAD_BYTES,
    SEPARATOR,
    SEPARATOR_BYTES,
    unwrap,
    wrap,
)
from connector.errors import BadMessage

NAME, PAYLOAD = b"btcusdt@trade", b'{"e":"trade","t":1}'
FRAME = b'{"stream":"btcusdt@trade","data":{"e":"trade","t":1}}'
DEEP = b'{"stream":"x","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def test_a_payload_is_wrapped_as_the_exchange_does() -> None:
    assert wrap(NAME, PAYLOAD) == FRAME
    assert len(FRAME) == len(NAME) + len(PAYLOAD) + OVERHEAD_BYTES
    assert FRAME.startswith(OPENING)


def test_the_constants_cut_name_and_payload_out_of_a_frame() -> None:
    end = FRAME.find(b'"', NAME_START)

    assert FRAME[NAME_START:end] == NAME
    assert FRAME[end : end + SEPARATOR_BYTES] == SEPARATOR
    assert FRAME[end + SEPARATOR_BYTES : -1] == PAYLOAD


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        json.dumps({"stream": NAME.decode(), "data": json.loads(PAYLOAD)}, indent=1).encode(),
        b'{"data":{"e":"trade","t":1},"stream":"btcusdt@trade","new":null}',
        b'{"stream":"btcusdt\\u0040trade","data":{"e":"trade","t":1}}',
    ],
)
def test_name_and_payload_are_found_whatever_the_spelling(frame: bytes) -> None:
    name, payload = unwrap(frame)

    assert name == NAME
    assert json.loads(payload) == json.loads(PAYLOAD)


@pytest.mark.parametrize(
    "frame",
    [b"", b"[]", b'{"result":null,"id":1}', b'{"stream":"x"}', b'{"stream":1,"data":{}}',
     b'{"stream":"\xff","data":{}}', b'{"stream":"x","data":{"t":}}', DEEP],
)  # fmt: skip
def test_any_other_frame_is_a_bad_message(frame: bytes) -> None:
    with pytest.raises(BadMessage, match=r"^json: "):
        unwrap(frame)
