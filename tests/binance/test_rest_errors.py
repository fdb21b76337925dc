"""Answers that are no success, as met on the wire: what is raised, and what people read."""

import pytest

from connector.binance.rest_errors import error_from_response, foreign_body
from connector.errors import Refused, Retry, Unserved

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
        (451, b"<html>restricted location</html>", None, 300.0),
        (202, b"", None, None),  # a firewall's challenge
        (302, b"<html>log in</html>", None, None),  # a login page on the way
        (400, b"what?", None, None),  # the API answers in JSON: this is somebody else's
        (422, b"", None, None),
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
        (404, b"<html>Not Found</html>", "HTTP 404: no such path; check the exchange's address"),
        (410, b"<html>nginx</html>", "HTTP 410: this call is no longer offered"),
        (414, b"<html>nginx</html>", "HTTP 414: the request is too long"),
    ],
)
def test_wrong_input_says_what_and_the_cure(status: int, body: bytes, text: str) -> None:
    caught = error(status, body)

    assert isinstance(caught, Refused)
    assert str(caught) == f"{PLACE}: {text}"


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (
            403,
            b"<html>Request blocked</html>",
            "HTTP 403: a firewall in front of the exchange blocks this address or request; wait,"
            " or run elsewhere",
        ),
        (
            202,
            b"",
            "HTTP 202: a firewall in front of the exchange asks for proof that a browser calls;"
            " wait, or run elsewhere",
        ),
        (
            302,
            b"<html>moved</html>",
            "HTTP 302: redirected, which the API never does: a login page on the way, or the"
            " address is not the exchange's",
        ),
        (
            502,
            b"<html>nginx</html>",
            "HTTP 502: the exchange is down or in maintenance; wait for it",
        ),
        (400, b"what\xff?", "HTTP 400: it begins with 'what\N{REPLACEMENT CHARACTER}?'"),
        (422, b"", "HTTP 422: empty answer"),
    ],
)
def test_what_a_server_on_the_way_answers_is_said_in_words(
    status: int, body: bytes, text: str
) -> None:
    assert str(error(status, body)) == f"{PLACE}: {text}"


def test_a_location_that_is_not_served_is_an_error_of_its_own() -> None:
    caught = error(451, b"<html>restricted location</html>")

    assert isinstance(caught, Unserved)
    assert str(caught) == (
        f"{PLACE}: HTTP 451: the exchange does not serve this location; run elsewhere, or set a"
        " proxy"
    )


def test_a_page_of_status_200_is_no_answer_of_the_api() -> None:
    caught = foreign_body(PLACE, 200, b"<html>log in</html>", "no exchangeInfo of spot")

    assert isinstance(caught, Retry)
    assert str(caught) == (
        f"{PLACE}: HTTP 200, and no exchangeInfo of spot; something on the way answers in the"
        " exchange's place (firewall, proxy, maintenance), or the address is not the exchange's"
    )


def test_an_error_of_the_api_under_status_200_is_said_as_one() -> None:
    body = b'{"code":-1000,"msg":"An unknown error occurred."}'

    assert str(foreign_body(PLACE, 200, body, "no exchangeInfo of spot")) == (
        f"{PLACE}: HTTP 200: -1000 An unknown error occurred."
    )
