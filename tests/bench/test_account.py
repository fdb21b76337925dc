"""The account benchmark's verdict: what counts as not held."""

from typing import Any

from bench.account import BAR, KEY, problems_of

GOOD: dict[str, Any] = {
    "frames": {"dropped": 0},
    "accounts": {KEY: {"right": True, "cause": None, "reconciliations": {"picture": 1}}},
}


def test_a_run_that_stores_everything_is_held() -> None:
    assert problems_of(GOOD, BAR, BAR, 0.4) == []


def test_each_fault_is_named() -> None:
    wrong = {"right": False, "cause": "not subscribed", "reconciliations": {"opened": 1}}
    end = {"frames": {"dropped": 3}, "accounts": {KEY: wrong}}

    assert problems_of(end, BAR, BAR / 2, 1.0) == [
        "the exchange sent 1,000 a second",
        "it took 100% of a core",
        "3 events were dropped",
        "a break was marked",
        "the account is not right: not subscribed",
    ]
