"""Which error an answer becomes: named by what its caller does next."""

import pytest

from connector.binance import api_errors
from connector.binance.api_errors import (
    BackOff,
    DropSymbol,
    NewListenKey,
    ReplaceKey,
    SyncClock,
    error_from_answer,
    error_from_rest,
)
from connector.binance.wsapi_messages import ErrorBody, ErrorData
from connector.errors import Refused, Retry

NOW_S = 1_659_142_907.5


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (429, -1003, BackOff),
        (418, -1003, BackOff),
        (400, -1034, BackOff),
        (400, -1021, api_errors.SyncClock),
        (400, -1193, api_errors.LogOn),
        (400, -1125, api_errors.NewListenKey),
        (400, -1209, api_errors.NewToken),
        (400, -1191, api_errors.AnotherConnection),
        (400, -1022, api_errors.ReplaceKey),
        (401, -2014, api_errors.ReplaceKey),
        (401, -2015, api_errors.ReplaceKey),
        (400, -2028, api_errors.SubscribeBySignature),
        (400, -1121, api_errors.DropSymbol),
        (400, -1007, Retry),
        (400, -1008, Retry),
        (500, -1000, Retry),
        (503, 0, Retry),
        (400, -1102, Refused),
        (400, -1016, Refused),
        (403, 0, Refused),
    ],
)
def test_an_error_is_of_the_class_that_says_what_to_do(
    status: int, code: int, kind: type[Exception]
) -> None:
    error = error_from_answer("spot WS API: x", status, ErrorBody(code, "text"), NOW_S)

    assert type(error) is kind
    assert str(error).startswith(f"spot WS API: x: status {status}: {code} text")


def after_s(status: int, error: ErrorBody | None) -> float | None:
    found = error_from_answer("p", status, error, NOW_S)
    assert isinstance(found, BackOff)
    return found.after_s


def test_the_wait_is_from_the_exchanges_time_to_the_moment_it_names() -> None:
    data = ErrorData(serverTime=1_659_142_907_531, retryAfter=1_659_146_400_000)

    assert after_s(418, ErrorBody(-1003, "", data)) == pytest.approx(3_492.469)


def test_without_the_exchanges_time_our_own_is_taken() -> None:
    assert after_s(429, ErrorBody(-1003, "", ErrorData(None, 1_659_142_910_000))) == 2.5


def test_a_moment_that_has_passed_is_a_wait_of_a_second() -> None:
    assert after_s(429, ErrorBody(-1003, "", ErrorData(5_000, 1_000))) == 1.0


def test_without_a_moment_a_slow_down_lasts_to_the_minutes_end_and_a_ban_two_minutes() -> None:
    assert after_s(429, None) == 60 - NOW_S % 60
    assert after_s(418, None) == 120.0
    assert after_s(400, ErrorBody(-1034, "")) == 300.0


def test_an_error_without_a_body_names_place_and_status() -> None:
    assert (
        str(error_from_answer("usdm WS API: x", 500, None, NOW_S)) == "usdm WS API: x: status 500"
    )


def rest_error(status: int, code: int, retry_after: str | None = None) -> Retry | Refused:
    body = b'{"code":%d,"msg":"text"}' % code
    return error_from_rest("host/path", status, body, retry_after, 60.0)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, -1021, SyncClock),
        (400, -1022, ReplaceKey),
        (400, -1121, DropSymbol),
        (400, -1125, NewListenKey),
        (401, -2015, ReplaceKey),
        (503, -1008, Retry),
        (400, -1102, Refused),
        (429, -1003, BackOff),
    ],
)
def test_rests_errors_are_of_the_same_classes(status: int, code: int, kind: type) -> None:
    error = rest_error(status, code)

    assert type(error) is kind
    assert f"host/path: HTTP {status}: {code} text" in str(error)


def test_a_ban_by_rest_lasts_as_its_header_says_and_else_to_the_minutes_end() -> None:
    banned, unnamed = rest_error(418, -1003, "77"), rest_error(429, -1003)

    assert isinstance(banned, BackOff)
    assert isinstance(unnamed, BackOff)
    assert (banned.after_s, unnamed.after_s) == (77.0, 60.0)


def test_a_rejected_key_is_told_the_cure_once() -> None:
    assert str(rest_error(401, -2015)).count("check the") == 1
