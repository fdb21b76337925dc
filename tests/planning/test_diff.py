"""What changes from one plan to another."""

from dataclasses import replace

import pytest

from connector.errors import Refused
from connector.planning.diff import compare, difference
from connector.planning.model import Plan
from connector.planning.placement import place
from tests.support.plan import streams

COINS = [f"C{number}USDT" for number in range(9)]


def test_a_difference_names_what_to_do() -> None:
    before = place(streams(COINS[:4]))
    kept = streams(COINS[1:3])
    kept[0] = replace(kept[0], topic="other", rate=9.0)
    moved = replace(streams(COINS[3:4])[0], endpoint="wss://other/stream")

    found = difference(Plan(before), Plan(place([*kept, moved, *streams(COINS[8:9])], before)))

    assert [one.stream.name for one in found.added] == ["c8usdt@trade"]
    assert [one.stream.name for one in found.removed] == ["c0usdt@trade"]
    assert [one.stream.name for one in found.moved] == ["c3usdt@trade"]
    assert [one.topic for one in found.rerouted] == ["other"]


def test_another_estimate_or_order_is_no_difference() -> None:
    before = place(streams(COINS[:4]))

    after = place(streams(reversed(COINS[:4]), rate=7.0), before)

    assert difference(Plan(before), Plan(after)).is_nothing


def test_a_connection_that_names_no_product_is_refused() -> None:
    with pytest.raises(Refused, match="'forex-1' is no connection's name"):
        compare({"forex-1": ["x@trade"]}, {})
