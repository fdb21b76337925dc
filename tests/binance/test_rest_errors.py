"""Answers that are no success, as met on the wire: what is raised, and what people read."""

import pytest

from connector.binance.rest_errors import error_from_response
from connector.errors import Refused, Retry

NOW = 1_795_000_030.0  # 10 s into a minute
PLACE = "api.binance.com/api/v3/depth (BTCUSDT)"
BANNED = b'{"code":-1003,"msg":"Way too much request weight used; IP banned until 1795000330000."}'


def error(status: int, body: bytes = b"", retry_after: str | None = None) -> Retry | Refused:
    return error_from_response(PLACE, status, body, retry_after, NOW)


@pytest.mark.parametrize(
    ("status", "body", "retry_after", "after_s"),
    [
        (429, b'{"code":-1003,"msg":"Too much request weight used"}', "7", 7.0),
        (429, b"", "0", 1.0),  # never at once
        (429, b"", None, 50.0),  # the rest of the minute
        (418, BANNED, "120", 120.0),
        (418, BANNED, None, 300.0),  # what the text says
        (418, b"<html>", None, 120.0),  # the shortest ban there is
        (403, b"<html>Request blocked</html>", None, 300.0),
        (503, b'{"code":-1008,"msg":"Server is overloaded"}', None, None),
        (502, b"<html>", "Wed, 25 Nov 2026 01:00:00 GMT", None),
        (400, b'{"code":-1007,"msg":"Timeout waiting for response"}', None, None),
        (408, b"", None, None),
    ],
)
def test_passing_trouble_says_when_to_come_back(
    status: int, body: bytes, retry_after: str | None, after_s: float | None
) -> None:
    caught = error(status, body, retry_after)

    assert isinstance(caught, Retry)
    assert caught.after_s == after_s


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (400, b'{"code":-1121,"msg":"Invalid symbol."}', "HTTP 400: -1121 Invalid symbol."),
        (
            401,
            b'{"code":-2014,"msg":"API-key format invalid."}',
            "HTTP 401: -2014 API-key format invalid.; check the file with the API key",
        ),
        (
            404,
            b"<html>Not Found</html>",
            "HTTP 404: no such path; check the exchange's REST address",
        ),
        (410, b"<html>nginx</html>", "HTTP 410: this call is no longer offered"),
        (
            451,
            b"<html>restricted location</html>",
            "HTTP 451: the exchange does not serve this location; run elsewhere, or set a proxy",
        ),
        (
            302,
            b"<html>moved</html>",
            "HTTP 302: redirected, which the API never does; check the exchange's REST address",
        ),
        (400, b"what\xff?", "HTTP 400: it begins with 'what\N{REPLACEMENT CHARACTER}?'"),
        (422, b"", "HTTP 422: empty answer"),
    ],
)
def test_wrong_input_says_what_and_the_cure(status: int, body: bytes, text: str) -> None:
    caught = error(status, body)

    assert isinstance(caught, Refused)
    assert str(caught) == f"{PLACE}: {text}"


def test_a_firewalls_page_is_said_in_words() -> None:
    assert str(error(403, b"<html>Request blocked</html>")) == (
        f"{PLACE}: HTTP 403: a firewall in front of the exchange blocks this address or request"
    )
