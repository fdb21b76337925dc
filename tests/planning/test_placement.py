"""Streams over connections and shards: limits hold, and nobody moves without need."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.binance.products import PRODUCTS
from connector.binance.stream_name import Stream
from connector.planning.diff import compare, names_of
from connector.planning.model import ConnectionPlan, PlannedStream, StreamKey
from connector.planning.placement import (
    MAX_RATE,
    MAX_STREAMS,
    most_streams,
    place,
    shard_of,
    stem_of,
)
from tests.support.plan import Wanted, plan, streams

COINS = [f"C{number}USDT" for number in range(3000)]


def places(bundles: Iterable[ConnectionPlan]) -> dict[StreamKey, list[str]]:
    found: dict[StreamKey, list[str]] = {}
    for bundle in bundles:
        for one in bundle.streams:
            found.setdefault(one.stream_key, []).append(bundle.name)
    return found


def sizes(bundles: Iterable[ConnectionPlan]) -> list[int]:
    return [len(bundle.streams) for bundle in bundles]


def test_a_connection_gets_few_streams_of_many_and_all_get_alike() -> None:
    bundles = place(streams(COINS[:1001]))

    assert sizes(bundles) == [334, 334, 333]
    assert [bundle.name for bundle in bundles] == ["spot-1", "spot-2", "spot-3"]


def test_options_have_200_streams_a_connection() -> None:
    symbols = [f"BTC-261225-{number}-C" for number in range(450)]

    bundles = plan(Wanted("options", ["kline_1m"], symbols)).connections

    assert sizes(bundles) == [150, 150, 150]
    assert [most_streams(product) for product in PRODUCTS] == [
        MAX_STREAMS,
        MAX_STREAMS,
        MAX_STREAMS,
        200,
    ]


def test_busy_streams_get_more_connections() -> None:
    bundles = place(streams(COINS[:50], rate=100.0))

    assert sizes(bundles) == [17, 17, 16]
    assert max(bundle.rate for bundle in bundles) <= MAX_RATE


def test_a_stream_too_busy_for_any_connection_has_one_of_its_own() -> None:
    bundles = place([*streams(COINS[:2], rate=3 * MAX_RATE), *streams(COINS[2:4])])

    assert sorted(sizes(bundles)) == [1, 1, 2]


def test_a_newcomer_goes_where_there_is_most_room() -> None:
    before = place(streams(COINS[:600]))
    left = [one for one in streams(COINS[:600]) if one not in before[1].streams[:50]]

    after = place([*left, *streams(COINS[600:610])], before)

    assert sizes(before) == [300, 300]
    assert sizes(after) == [300, 260]


def test_a_full_house_gets_a_new_connection_and_an_empty_one_ends() -> None:
    before = place(streams(COINS[:800]))
    more = place(streams(COINS[:801]), before)
    fewer = place([one for one in streams(COINS[:801]) if one in more[0].streams], more)

    assert sizes(more) == [400, 400, 1]
    assert [bundle.name for bundle in fewer] == ["spot-1"]


def test_a_new_connection_never_takes_the_name_of_one_that_ends() -> None:
    before = place(streams(COINS[:10]))
    elsewhere = [replace(one, endpoint="wss://other/stream") for one in streams(COINS[:10])]

    after = place(elsewhere, before)

    assert [bundle.name for bundle in (*before, *after)] == ["spot-1", "spot-2"]


def test_two_legs_have_the_same_streams_and_share_no_connection() -> None:
    bundles = place([*streams(COINS[:500], connections=2), *streams(COINS[500:510])])

    assert [(bundle.name, bundle.replica) for bundle in bundles] == [
        ("spot-1a", 0),
        ("spot-1b", 1),
        ("spot-2a", 0),
        ("spot-2b", 1),
        ("spot-3", 0),
    ]
    assert bundles[0].streams == bundles[1].streams


def test_a_plan_with_two_legs_has_each_stream_once() -> None:
    made = plan(Wanted("spot", ["trade"], ["BTCUSDT"], connections=2))

    assert (len(made.connections), len(made.streams)) == (2, 1)


def test_microseconds_have_connections_of_their_own() -> None:
    made = plan(
        Wanted("spot", ["trade"], ["BTCUSDT"], time_unit="us"),
        Wanted("spot", ["trade"], ["ETHUSDT"]),
    )

    assert [(bundle.name, bundle.time_unit) for bundle in made.connections] == [
        ("spot-us-1", "us"),
        ("spot-1", "ms"),
    ]


@pytest.mark.parametrize(
    ("endpoint", "stem"),
    [
        ("wss://host/stream", "usdm"),
        ("wss://host/public/stream", "usdm-public"),
        ("wss://host/market/stream", "usdm-market"),
        ("ws://127.0.0.1:9001/stream?timeUnit=MICROSECOND", "usdm-us"),
    ],
)
def test_a_name_begins_with_product_and_route(endpoint: str, stem: str) -> None:
    assert stem_of("usdm", endpoint) == stem


coins = st.sampled_from(COINS[:60])
rates = st.floats(0.0, 3 * MAX_RATE)


@st.composite
def wishes(draw: st.DrawFn) -> list[PlannedStream]:
    """Some streams of few symbols, busy or not, with one leg or two, on one host or another."""
    chosen = draw(st.lists(coins, unique=True, max_size=40))
    return [
        replace(
            streams([symbol], rate=draw(rates), connections=draw(st.integers(1, 2)))[0],
            endpoint=draw(st.sampled_from(["wss://one/stream", "wss://two/stream"])),
        )
        for symbol in chosen
    ]


def group(one: PlannedStream) -> tuple[str, int]:
    return one.endpoint, one.connections


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(wishes(), min_size=1, max_size=5))
def test_a_new_symbol_moves_nobody(steps: list[list[PlannedStream]]) -> None:
    before: tuple[ConnectionPlan, ...] = ()
    for wanted in steps:
        after = place(wanted, before)
        was = {one.stream_key: one for bundle in before for one in bundle.streams}
        old, new = places(before), places(after)
        for one in wanted:
            same = one.stream_key in was and group(was[one.stream_key]) == group(one)
            assert not same or old[one.stream_key] == new[one.stream_key]
        check(wanted, after)
        before = after


def check(wanted: Sequence[PlannedStream], bundles: Sequence[ConnectionPlan]) -> None:
    """Every stream has its connections, no name is given twice, no limit is passed."""
    assert Counter(one.stream_key for bundle in bundles for one in bundle.streams) == Counter(
        {one.stream_key: one.connections for one in wanted}
    )
    assert len({bundle.name for bundle in bundles}) == len(bundles)
    for bundle in bundles:
        assert 0 < len(bundle.streams) <= most_streams(bundle.product)
        assert {one.endpoint for one in bundle.streams} == {bundle.endpoint}


@settings(max_examples=20, deadline=None)
@given(first=st.integers(1, 900), more=st.integers(0, 900))
def test_many_streams_keep_the_limits_however_they_grow(first: int, more: int) -> None:
    before = place(streams(COINS[:first], rate=4.0))
    after = place(streams(COINS[: first + more], rate=4.0), before)

    check(streams(COINS[: first + more]), after)
    assert max(bundle.rate for bundle in after) <= MAX_RATE
    assert compare(names_of(before), names_of(after)).moved == {}


def test_the_same_streams_make_the_same_plan() -> None:
    assert place(streams(COINS)) == place(streams(COINS))


def test_work_grows_with_the_streams_not_with_their_square(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    printed = Counter[str]()
    read = Stream.name.fget  # type: ignore[attr-defined]  # a property, replaced below

    def counting(stream: Stream) -> str:
        printed["names"] += 1
        return str(read(stream))

    monkeypatch.setattr(Stream, "name", property(counting))
    made = plan(Wanted("spot", ["trade", "aggTrade"], COINS[:500]))
    first = printed["names"]
    plan(Wanted("spot", ["trade", "aggTrade"], COINS[:1000]), before=made)

    assert first <= 12 * 1000
    assert printed["names"] - first <= 12 * 3000


def test_shards_share_every_stream_out() -> None:
    wanted = Wanted("spot", ["trade"], COINS[:1000])

    shards = [plan(wanted, shard=(index, 4)).streams for index in range(4)]

    assert sum(map(len, shards)) == len({one.stream_key for part in shards for one in part}) == 1000
    assert all(200 < len(part) < 300 for part in shards)


def test_a_fifth_shard_takes_a_fifth_and_nothing_else_moves() -> None:
    names = [f"{symbol.lower()}@trade" for symbol in COINS]
    four = [shard_of("spot", name, 4) for name in names]
    five = [shard_of("spot", name, 5) for name in names]
    moved = [(old, new) for old, new in zip(four, five, strict=True) if old != new]

    assert {new for _, new in moved} == {4}
    assert 0.17 < len(moved) / len(names) < 0.23
