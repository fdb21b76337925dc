"""Frames of the WS API as web-socket-api.md shows them (2026-07-21)."""

import json

import pytest

from connector.binance.exchange_info import RateLimit
from connector.binance.wsapi_messages import (
    ErrorBody,
    ErrorData,
    WsApiAnswer,
    WsApiEvent,
    event_type,
    parse_frame,
    request,
)

LIMIT = (
    '{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":70}'
)


def answer(text: str) -> WsApiAnswer:
    frame = parse_frame(text.encode())
    assert isinstance(frame, WsApiAnswer)
    return frame


def test_a_request_has_id_method_and_its_parameters() -> None:
    assert json.loads(request(7, "depth", {"symbol": "BTCUSDT", "limit": 5})) == {
        "id": 7,
        "method": "depth",
        "params": {"symbol": "BTCUSDT", "limit": 5},
    }


def test_a_request_without_parameters_has_no_params() -> None:
    assert request(7, "ping", {}) == b'{"id":7,"method":"ping"}'


def test_a_result_and_its_limits() -> None:
    good = answer(f'{{"id":7,"status":200,"result":{{"a":[1]}},"rateLimits":[{LIMIT}],"new":1}}')

    assert (good.id, good.status, good.decoded(), good.error) == (7, 200, {"a": [1]}, None)
    [count] = good.rateLimits
    assert (count.as_limit, count.count) == (RateLimit("REQUEST_WEIGHT", 60, 6000), 70)


def test_an_error_and_the_moment_to_come_back() -> None:
    text = '{"id":"x","status":418,"error":{"code":-1003,"msg":"m","data":'
    bad = answer(text + '{"serverTime":5,"retryAfter":9}}}')

    assert bad.error == ErrorBody(-1003, "m", ErrorData(5, 9))
    assert bad.decoded() is None


def test_the_end_of_a_session_has_no_id() -> None:
    revoked = answer('{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key"}}')

    assert (revoked.id, revoked.status) == (None, 401)


def test_an_event_is_taken_out_of_its_wrapper_as_it_stands() -> None:
    frame = parse_frame(b'{"subscriptionId":3, "event": {"e":"x", "q":1.10}, "more":1}')

    assert isinstance(frame, WsApiEvent)
    assert frame.subscriptionId == 3
    assert bytes(frame.event) == b'{"e":"x", "q":1.10}'


def test_an_event_of_the_connection_has_no_subscription() -> None:
    frame = parse_frame(b'{"event":{"e":"serverShutdown","E":1770123456789}}')

    assert isinstance(frame, WsApiEvent)
    assert (frame.subscriptionId, event_type(bytes(frame.event))) == (None, "serverShutdown")


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"{}", b'{"status":200}', b'{"id":1.5}', b"\xff"]
)
def test_what_is_neither_answer_nor_event_is_none(raw: bytes) -> None:
    assert parse_frame(raw) is None


@pytest.mark.parametrize("payload", [b"{", b"[]", b'{"e":5}', b"{}"])
def test_a_payload_without_an_event_type_has_an_empty_one(payload: bytes) -> None:
    assert event_type(payload) == ""
