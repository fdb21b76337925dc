"""Streams whose events are the same, under one name or another."""

import pytest

from connector.binance.products import Product
from connector.binance.stream_name import parse
from connector.planning.duplicates import DuplicateStream, duplicate_streams, wasteful
from connector.planning.model import PlannedStream
from tests.support.plan import Wanted, plan, problem


def duplicates(*streams: tuple[Product, str, str]) -> list[DuplicateStream]:
    """What is found of streams given by product, name and topic; each has its number as place."""
    planned = [PlannedStream(parse(product, name), topic, "ws://host/stream")
               for product, name, topic in streams]  # fmt: skip
    return list(
        duplicate_streams(
            {each.stream_key: ((number,), each) for number, each in enumerate(planned)}
        )
    )


def test_the_wider_stream_is_named_with_its_place_and_one_that_it_includes() -> None:
    [found] = duplicates(
        ("usdm", "btcusdt@forceOrder", "t"),
        ("usdm", "!forceOrder@arr", "t"),
        ("usdm", "ethusdt@forceOrder", "t"),
    )

    assert found.where == (1,)
    assert found.refused
    assert found.text == (
        "!forceOrder@arr has the events of btcusdt@forceOrder and 1 more too, and both are written"
        " into topic t: leave one out, or give it a topic of its own"
    )


def test_a_topic_of_its_own_cures_it_and_leaves_no_warning() -> None:
    assert duplicates(("usdm", "btcusdt@forceOrder", "a"), ("usdm", "!forceOrder@arr", "b")) == []


def test_only_streams_of_the_same_topic_are_named() -> None:
    [found] = duplicates(
        ("usdm", "btcusdt@forceOrder", "other"),
        ("usdm", "ethusdt@forceOrder", "same"),
        ("usdm", "!forceOrder@arr", "same"),
    )

    assert found.refused
    assert "has the events of ethusdt@forceOrder too" in found.text


def test_those_that_are_only_waste_make_one_warning_that_names_them() -> None:
    found = duplicates(
        ("spot", "btcusdt@miniTicker", "a"),
        ("spot", "!miniTicker@arr", "a"),
        ("usdm", "btcusdt@ticker", "b"),
        ("usdm", "!ticker@arr", "b"),
    )

    assert wasteful(found) == [((1,), f"{found[0].text}; the same of usdm !ticker@arr")]
    assert wasteful(found[:1]) == [((1,), found[0].text)]
    assert wasteful([]) == []


def test_states_told_twice_are_only_waste() -> None:
    [found] = duplicates(("spot", "btcusdt@miniTicker", "t"), ("spot", "!miniTicker@arr", "t"))

    assert not found.refused


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("btc-261225-1-c@optionTrade", "btcusdt@optionTrade"),
        ("btc-261225-1-c@optionTicker", "btcusdt@optionTicker@261225"),
    ],
)
def test_an_underlyings_stream_includes_its_options(narrow: str, wide: str) -> None:
    assert len(duplicates(("options", narrow, "t"), ("options", wide, "t"))) == 1


def test_a_pairs_prices_include_its_contracts() -> None:
    assert (
        len(duplicates(("coinm", "btcusd_perp@markPrice", "t"), ("coinm", "btcusd@markPrice", "t")))
        == 1
    )
    assert (
        duplicates(("coinm", "ethusd_perp@markPrice", "t"), ("coinm", "btcusd@markPrice", "t"))
        == []
    )


def test_narrow_streams_alone_are_no_duplicates() -> None:
    assert duplicates(("spot", "btcusdt@trade", "t"), ("spot", "btcusdt@aggTrade", "t")) == []


def test_streams_of_two_products_are_no_duplicates_unless_one_is_merged() -> None:
    assert duplicates(("spot", "btcusdt@miniTicker", "t"), ("usdm", "!miniTicker@arr", "t")) == []


@pytest.mark.parametrize(
    ("product", "wide", "narrow", "symbol"),
    [
        ("usdm", "!forceOrder@arr", "forceOrder", "BTCUSDT"),
        ("options", "btcusdt@optionTrade", "optionTrade", "BTC-261225-1-C"),
    ],
)
def test_the_same_events_twice_in_one_topic_are_refused(
    product: Product, wide: str, narrow: str, symbol: str
) -> None:
    where, text = problem(Wanted(product, [narrow], [symbol]), Wanted(product, [wide]))

    assert where == ("subscriptions", 1, "streams", 0)
    assert "give it a topic of its own" in text


@pytest.mark.parametrize(
    ("first", "second", "warnings"),
    [
        # in two topics it may be meant
        (Wanted("usdm", ["forceOrder"], ["BTCUSDT"]),
         Wanted("usdm", ["!forceOrder@arr"], topic="all"), 0),
        # a state told twice is only waste
        (Wanted("spot", ["miniTicker"], ["BTCUSDT"]), Wanted("spot", ["!miniTicker@arr"]), 1),
        # another window, another speed, another expiry: other events
        (Wanted("spot", ["ticker_1h"], ["BTCUSDT"]), Wanted("spot", ["!ticker_4h@arr"]), 0),
        (Wanted("usdm", ["markPrice@1s"], ["BTCUSDT"]), Wanted("usdm", ["!markPrice@arr"]), 0),
        (Wanted("usdm", ["bookTicker"], ["BTCUSDT"]), Wanted("usdm", ["!bookTicker"]), 0),
        (Wanted("options", ["optionTicker"], ["BTC-261225-1-C"]),
         Wanted("options", ["btcusdt@optionTicker@270326"]), 0),
        (Wanted("options", ["optionTrade"], ["ETH-261225-1-C"]),
         Wanted("options", ["btcusdt@optionTrade"]), 0),
        # coin-m liquidations come on usd-m's stream as well
        (Wanted("coinm", ["forceOrder"], ["BTCUSD_PERP"]), Wanted("usdm", ["!forceOrder@arr"]), 1),
    ],
)  # fmt: skip
def test_streams_that_share_events_are_warned_of(
    first: Wanted, second: Wanted, warnings: int
) -> None:
    assert len(plan(first, second).warnings) == warnings
