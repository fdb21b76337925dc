"""What plans are made of: what is equal, what is counted once, what is written in messages."""

from dataclasses import replace

import pytest

from connector.binance.stream_name import parse
from connector.planning.model import KeyPath, Plan, PlanError, PlannedStream, path_of
from connector.planning.placement import place
from tests.support.plan import streams

TRADE = PlannedStream(parse("spot", "btcusdt@trade"), "t", "wss://host/stream")


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (("subscriptions", 2, "streams", 0), "subscriptions[2].streams[0]"),
        (("kafka",), "kafka"),
        ((), ""),
    ],
)
def test_a_path_is_written_as_in_messages(where: KeyPath, text: str) -> None:
    assert path_of(where) == text


def test_estimates_are_no_part_of_what_is_planned() -> None:
    assert replace(TRADE, rate=5.0, bytes_rate=900.0) == TRADE
    assert replace(TRADE, topic="other") != TRADE


def test_a_stream_is_known_by_product_and_name() -> None:
    assert TRADE.stream_key == ("spot", "btcusdt@trade")


@pytest.mark.parametrize(
    ("name", "other"),
    [("!ticker@arr", "coinm"), ("btcusdt@ticker", None), ("!assetIndex@arr", None)],
)
def test_a_merged_stream_has_another_product(name: str, other: str | None) -> None:
    planned = PlannedStream(parse("usdm", name), "t", "wss://host/stream")

    assert planned.other_product == other


def test_a_connections_rate_is_the_sum_of_its_streams() -> None:
    [connection] = place(streams(["AUSDT", "BUSDT"], rate=2.5))

    assert connection.rate == pytest.approx(5.0)
    assert connection.bytes_rate == 0.0


def test_a_plan_has_the_streams_of_two_replicas_once() -> None:
    plan = Plan(place(streams(["AUSDT", "BUSDT"], connections=2)))

    assert len(plan.connections) == 2
    assert [planned.stream.name for planned in plan.streams] == ["ausdt@trade", "busdt@trade"]


def test_topics_have_the_kind_of_their_records_those_of_other_products_too() -> None:
    ticker = PlannedStream(
        parse("usdm", "!ticker@arr"), "usdm-t", "wss://host/stream", other_product_topic="coinm-t"
    )

    assert Plan(place([TRADE, ticker])).topics == {
        "t": "trade",
        "usdm-t": "ticker",
        "coinm-t": "ticker",
    }


def test_an_error_has_every_problem_and_says_them_all() -> None:
    error = PlanError([(("a",), "first"), (("b",), "second")])

    assert str(error) == "first; second"
    assert [where for where, _ in error.problems] == [("a",), ("b",)]
