"""Requests byte for byte, answers and shutdown notices told from data."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.binance.ws_messages import (
    MAX_REQUEST_BYTES,
    Answer,
    chunks,
    is_server_shutdown,
    parse_answer,
    subscribe,
    unsubscribe,
)

FRAME_HEADER_BYTES = 8  # a client's, of 126 to 65,535 bytes


def test_requests_are_as_binance_documents_them() -> None:
    assert subscribe(["btcusdt@aggTrade", "btcusdt@depth"], 1) == (
        b'{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@depth"],"id":1}'
    )
    assert unsubscribe(["btcusdt@depth"], 312) == (
        b'{"method":"UNSUBSCRIBE","params":["btcusdt@depth"],"id":312}'
    )


def test_a_chunk_has_at_most_250_names() -> None:
    names = [f"s{number}@trade" for number in range(501)]
    assert [len(chunk) for chunk in chunks(names)] == [250, 250, 1]


LONG = "btc-261225-100000-c@depth20@500ms"
CONTINUOUS = "1000000mogusdt_current_quarter@continuousKline_15m"


@pytest.mark.parametrize("name", ["btcusdt@aggTrade", LONG, CONTINUOUS, "我踏马来了usdt@aggTrade"])
def test_a_request_of_a_thousand_names_of_any_length_has_no_frame_over_4000_bytes(
    name: str,
) -> None:
    names = [f"{number}{name}" for number in range(1000)]

    sizes = [len(subscribe(chunk, 2**64)) + FRAME_HEADER_BYTES for chunk in chunks(names)]

    assert max(sizes) <= 4_000
    assert min(sizes[:-1]) > 3_800


def test_no_names_make_no_chunk() -> None:
    assert list(chunks([])) == []


def test_a_name_longer_than_a_request_still_gets_one_of_its_own() -> None:
    long = "x" * 100
    assert list(chunks(["a", long, "b"], max_bytes=80)) == [["a"], [long], ["b"]]


@given(st.lists(st.text('ab币"\\', min_size=1, max_size=300), max_size=400), st.integers(1, 250))
def test_chunks_keep_every_name_in_order_and_fit_a_request(names: list[str], most: int) -> None:
    cut = list(chunks(names, most))
    assert [name for chunk in cut for name in chunk] == names
    for number, chunk in enumerate(cut):
        assert 1 <= len(chunk) <= most
        request = unsubscribe(chunk, 2**64 - number - 1)
        assert len(request) + FRAME_HEADER_BYTES <= MAX_REQUEST_BYTES
        assert msgspec.json.decode(request)["params"] == chunk


TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1789967129009,"s":"BTCUSDT","t":1,'
    b'"p":"81382.15","q":"0.1","T":1789967129009,"m":true,"M":true}}'
)


@pytest.mark.parametrize(
    ("raw", "answer"),
    [
        (b'{"result":null,"id":1}', Answer(1)),
        (b'{"id":"a1","result":null}', Answer("a1")),
        (b'{"result":["btcusdt@aggTrade"],"id":3}', Answer(3, ["btcusdt@aggTrade"])),
        (b'{"result":[],"id":3}', Answer(3, [])),
        (b'{"result":true,"id":2}', Answer(2, result=True)),
        (
            b'{"code":0,"msg":"Unknown property","id":5}',
            Answer(5, code=0, message="Unknown property"),
        ),
        (
            b'{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"}',
            Answer(None, code=3, message="Invalid JSON: expected value at line 1 column 1"),
        ),
        (
            b'{"error":{"code":2,"msg":"Invalid request: too many parameters"},"id":7}',
            Answer(7, code=2, message="Invalid request: too many parameters"),
        ),
    ],
)
def test_an_answer_is_recognised(raw: bytes, answer: Answer) -> None:
    assert parse_answer(raw) == answer


def test_an_error_is_told_from_an_acknowledgement() -> None:
    assert Answer(1).is_error is False
    assert Answer(1, code=0, message="Unknown property").is_error is True


@pytest.mark.parametrize(
    "raw",
    [
        TRADE,
        b'{"e":"serverShutdown","E":1770123456789}',
        b'{"lastUpdateId":160,"bids":[],"asks":[]}',
        b'[{"e":"24hrMiniTicker"}]',
        b'{"stream":"x","data":{"result":null,"id":1}}',
        b'{"result":null,"id"',
        b"{}",
        b"",
        b"<html>",
    ],
)
def test_what_is_no_answer_is_left_alone(raw: bytes) -> None:
    assert parse_answer(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        b'{"e":"serverShutdown","E":1770123456789}',
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
    ],
)
def test_a_server_shutdown_is_recognised_in_both_shapes(raw: bytes) -> None:
    assert is_server_shutdown(raw) is True


@pytest.mark.parametrize(
    "raw",
    [
        TRADE,
        b'{"result":["!serverShutdown"],"id":1}',
        b'{"stream":"!serverShutdown","data":{"e":"trade"}}',
        b'{"stream":"x","data":["serverShutdown"]}',
        b"serverShutdown",
        b"",
    ],
)
def test_anything_else_is_no_server_shutdown(raw: bytes) -> None:
    assert is_server_shutdown(raw) is False


@given(st.binary(max_size=60))
def test_no_bytes_make_them_raise(raw: bytes) -> None:
    parse_answer(raw)
    is_server_shutdown(b'{"e":"serverShutdown"' + raw)


@given(st.binary(max_size=80), st.sampled_from([b"", b'{"e":"serverShutdown"', b'{"result":']))
def test_no_bytes_make_it_raise(noise: bytes, before: bytes) -> None:
    for raw in (before + noise, noise + before):
        parse_answer(raw)
        is_server_shutdown(raw)


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (Answer(1), False),
        (Answer(1, code=2, message="Invalid request: invalid stream name"), False),
        (Answer(1, code=2, message="Invalid request: too many parameters"), False),
        (Answer(1, code=-1121, message="Invalid symbol."), False),
        (Answer(1, code=-1003, message="Too much request weight used"), True),
        (Answer(1, code=2, message="Too many requests"), True),
        (Answer(1, code=503), True),
    ],
)
def test_trouble_of_the_exchange_is_told_from_a_wrong_request(
    answer: Answer, trouble: bool
) -> None:
    assert answer.is_temporary == trouble
