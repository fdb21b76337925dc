"""The wrapper around a stream's payload, to the letter and in other spellings."""

import json

import pytest

from connector.binance.envelope import (
    HEAD,
    NAME_START,
    OPENING,
    OVERHEAD_BYTES,
    SEPARATOR,
    SEPARATOR_BYTES,
    cut_again,
    is_data,
    name_in,
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


def cut(frame: bytes) -> bytes:
    """Return what the hot path takes for the payload of a frame."""
    return frame[frame.find(b'"', NAME_START) + SEPARATOR_BYTES : -1]


@pytest.mark.parametrize("payload", [PAYLOAD, b"[1,2]", b'{"e":"}"}', b"{}"])
@pytest.mark.parametrize(
    "end", [b',"x":1}', b',"x":{"data":{}}}', b"}\n", b"}\r\n", b" } ", b',"x":[]}\n', b"} \n\t"]
)
def test_a_payload_that_more_follows_is_cut_again(payload: bytes, end: bytes) -> None:
    frame = HEAD + NAME + SEPARATOR + payload + end

    assert cut_again(cut(frame)) == payload


@pytest.mark.parametrize(
    "payload", [PAYLOAD, b"[1,2]", b"{}", b'{"t":}', b"", b"}", b"[" * 100_000]
)
def test_a_payload_that_nothing_follows_is_not_cut_again(payload: bytes) -> None:
    assert cut_again(cut(wrap(NAME, payload))) is None


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (FRAME, True),
        (b'{"data":{"e":"trade"},"stream":"btcusdt@trade"}', True),
        (b'{ "stream" : "btcusdt@trade", "data":{}}', True),
        (b'{"result":null,"id":1}', False),
        (b'{"code":2,"msg":"no such \\"stream\\"","id":1}', False),
    ],
)
def test_data_is_told_from_answers_whatever_the_spelling(frame: bytes, expected: bool) -> None:
    assert is_data(frame) is expected


def test_the_name_is_found_in_the_usual_spelling() -> None:
    assert name_in(FRAME) == NAME
