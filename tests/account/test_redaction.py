"""Secrets leave the JSON of an event; everything else stays byte for byte."""

import json
from typing import Any

import msgspec
import pytest

from connector.account.redaction import redact, redact_value

KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1"


def redacted(raw: bytes, *secrets: str) -> str:
    return redact(raw, msgspec.json.decode(raw), secrets)


def test_an_event_without_secrets_stays_as_it_stands() -> None:
    raw = b'{ "e":"x",  "p":1.10, "q":"0.10" }'

    assert redacted(raw) == raw.decode()


@pytest.mark.parametrize(
    "name",
    [
        *("listenKey", "listenToken", "token", "apiKey", "signature", "LISTENKEY", "secretKey"),
        *("accountId", "uid"),
    ],
)
def test_values_under_the_names_of_secrets_are_hidden_at_any_depth(name: str) -> None:
    raw = f'{{"p":1.10,"a":[{{"{name}":"{KEY}"}}]}}'.encode()

    assert redacted(raw) == f'{{"p":1.10,"a":[{{"{name}":"***"}}]}}'


def test_a_known_secret_is_hidden_under_any_name_and_inside_texts() -> None:
    raw = f'{{"a":"{KEY}","b":"wss://host/ws/{KEY}"}}'.encode()

    assert redacted(raw, KEY) == '{"a":"***","b":"wss://host/ws/***"}'


def test_a_short_secret_is_hidden_only_as_a_whole_value() -> None:
    raw = b'{"E":1712345,"a":"123","b":"x123"}'

    assert redacted(raw, "123") == '{"E":1712345,"a":"***","b":"x123"}'


@pytest.mark.parametrize(
    "raw",
    [
        b'{"listen\\u004bey":"%b"}' % KEY.encode(),
        b'{"listenKey":"\\u0070%b"}' % KEY[1:].encode(),
        b'{"listenKey":{"value":"%b"}}' % KEY.encode(),
        b'{"listenKey":["%b"]}' % KEY.encode(),
        b'{"token":123456789}',
    ],
)
def test_a_secret_in_another_spelling_is_hidden_too(raw: bytes) -> None:
    text = redacted(raw)

    assert json.loads(text) in ({"listenKey": "***"}, {"token": "***"})
    assert KEY[1:] not in text


def test_a_secret_that_is_a_key_or_part_of_json_does_not_break_it() -> None:
    text = redacted(b'{"token":"e","e":"x"}')

    assert json.loads(text)["token"] == "***"


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        ({"token": "x", "a": 1}, {"token": "***", "a": 1}),
        ([{"listenKey": KEY}, KEY, f"ws/{KEY}"], [{"listenKey": "***"}, "***", "ws/***"]),
        (None, None),
        (5, 5),
    ],
)
def test_decoded_values_are_hidden_alike(value: Any, hidden: Any) -> None:
    assert redact_value(value, (KEY,)) == hidden
