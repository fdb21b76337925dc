"""Errors that say what the caller does next, and the name that was meant by a wrong one."""

import pytest

from connector.errors import BadMessage, Retry, did_you_mean, normalise

KEYS = ("bootstrap_servers", "client_id", "security", "librdkafka_one", "librdkafka_two")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BOOTSTRAP-SERVERS", "bootstrap_servers"),
        ("client.id", "client_id"),
        ("boot", "bootstrap_servers"),
        ("bo", None),
        ("lib", None),
        ("securty", "security"),
        ("nonsense", None),
    ],
)
def test_a_name_is_the_same_but_for_case_or_begun_or_alike(name: str, meant: str | None) -> None:
    assert did_you_mean(name, KEYS) == meant


def test_how_alike_a_name_must_be_is_a_parameter() -> None:
    assert did_you_mean("securty", KEYS, cutoff=0.95) is None


def test_the_beginning_of_a_name_may_not_be_enough() -> None:
    assert did_you_mean("boot", KEYS, by_prefix=False) is None


def test_case_dashes_dots_and_blanks_make_no_difference() -> None:
    assert normalise("Client-Id. x_y") == "clientidxy"


def test_an_error_carries_what_the_caller_needs() -> None:
    assert (Retry("away").after_s, Retry("away", 3.0).after_s) == (None, 3.0)
    assert (BadMessage("json", "no JSON").reason, str(BadMessage("json", "x"))) == (
        "json",
        "json: x",
    )
