"""Streams over connections and shards: limits hold, and nobody moves without need."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.binance.products import PRODUCTS
from connector.binance.stream_name import Stream
from connector.planning.diff import compare, stream_names
from connector.planning.model import ConnectionPlan, PlannedStream, StreamKey
from connector.planning.placement import (
    MAX_RATE,
    MAX_STREAMS,
    max_streams,
    place,
    shard_of,
    stem_of,
)
from tests.support.plan import Wanted, plan, streams
from tests.support.thorough import examples

COINS = [f"C{number}USDT" for number in range(3000)]


def places(connections: Iterable[ConnectionPlan]) -> dict[StreamKey, list[str]]:
    found: dict[StreamKey, list[str]] = {}
    for connection in connections:
        for planned in connection.streams:
            found.setdefault(planned.stream_key, []).append(connection.name)
    return found


def sizes(connections: Iterable[ConnectionPlan]) -> list[int]:
    return [len(connection.streams) for connection in connections]


def test_a_connection_gets_few_streams_of_many_and_all_get_alike() -> None:
    connections = place(streams(COINS[:1001]))

    assert sizes(connections) == [334, 334, 333]
    assert [connection.name for connection in connections] == ["spot-1", "spot-2", "spot-3"]


def test_options_have_200_streams_a_connection() -> None:
    symbols = [f"BTC-261225-{number}-C" for number in range(450)]

    connections = plan(Wanted("options", ["kline_1m"], symbols)).connections

    assert sizes(connections) == [150, 150, 150]
    assert [max_streams(product) for product in PRODUCTS] == [
        MAX_STREAMS,
        MAX_STREAMS,
        MAX_STREAMS,
        200,
    ]


def test_busy_streams_get_more_connections() -> None:
    connections = place(streams(COINS[:50], rate=100.0))

    assert sizes(connections) == [17, 17, 16]
    assert max(connection.rate for connection in connections) <= MAX_RATE


def test_a_stream_too_busy_for_any_connection_has_one_of_its_own() -> None:
    connections = place([*streams(COINS[:2], rate=3 * MAX_RATE), *streams(COINS[2:4])])

    assert sorted(sizes(connections)) == [1, 1, 2]


def test_a_newcomer_goes_where_there_is_most_room() -> None:
    before = place(streams(COINS[:600]))
    left = [planned for planned in streams(COINS[:600]) if planned not in before[1].streams[:50]]

    after = place([*left, *streams(COINS[600:610])], before)

    assert sizes(before) == [300, 300]
    assert sizes(after) == [300, 260]


def test_a_full_house_gets_a_new_connection_and_an_empty_one_ends() -> None:
    before = place(streams(COINS[:800]))
    more = place(streams(COINS[:801]), before)
    fewer = place([planned for planned in streams(COINS[:801]) if planned in more[0].streams], more)

    assert sizes(more) == [400, 400, 1]
    assert [connection.name for connection in fewer] == ["spot-1"]


def test_a_new_connection_never_takes_the_name_of_one_that_ends() -> None:
    before = place(streams(COINS[:10]))
    elsewhere = [replace(planned, endpoint="wss://other/stream") for planned in streams(COINS[:10])]

    after = place(elsewhere, before)

    assert [connection.name for connection in (*before, *after)] == ["spot-1", "spot-2"]


def test_two_replicas_have_the_same_streams_and_share_no_connection() -> None:
    connections = place([*streams(COINS[:500], connections=2), *streams(COINS[500:510])])

    assert [(connection.name, connection.replica) for connection in connections] == [
        ("spot-1a", 0),
        ("spot-1b", 1),
        ("spot-2a", 0),
        ("spot-2b", 1),
        ("spot-3", 0),
    ]
    assert connections[0].streams == connections[1].streams


def test_a_plan_with_two_replicas_has_each_stream_once() -> None:
    made = plan(Wanted("spot", ["trade"], ["BTCUSDT"], connections=2))

    assert (len(made.connections), len(made.streams)) == (2, 1)


def test_microseconds_have_connections_of_their_own() -> None:
    made = plan(
        Wanted("spot", ["trade"], ["BTCUSDT"], time_unit="us"),
        Wanted("spot", ["trade"], ["ETHUSDT"]),
    )

    assert [(connection.name, connection.time_unit) for connection in made.connections] == [
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
    """Some streams of few symbols, busy or not, with one replica or two, on one host or another."""
    chosen = draw(st.lists(coins, unique=True, max_size=40))
    return [
        replace(
            streams([symbol], rate=draw(rates), connections=draw(st.integers(1, 2)))[0],
            endpoint=draw(st.sampled_from(["wss://one/stream", "wss://two/stream"])),
        )
        for symbol in chosen
    ]


def group(planned: PlannedStream) -> tuple[str, int]:
    return planned.endpoint, planned.connections


@settings(max_examples=examples(150))
@given(steps=st.lists(wishes(), min_size=1, max_size=5))
def test_a_new_symbol_moves_nobody(steps: list[list[PlannedStream]]) -> None:
    before: tuple[ConnectionPlan, ...] = ()
    for wanted in steps:
        after = place(wanted, before)
        was = {
            planned.stream_key: planned for connection in before for planned in connection.streams
        }
        old, new = places(before), places(after)
        for planned in wanted:
            same = planned.stream_key in was and group(was[planned.stream_key]) == group(planned)
            assert not same or old[planned.stream_key] == new[planned.stream_key]
        check(wanted, after)
        before = after


def check(wanted: Sequence[PlannedStream], connections: Sequence[ConnectionPlan]) -> None:
    """Every stream has its connections, no name is given twice, no limit is passed."""
    assert Counter(
        planned.stream_key for connection in connections for planned in connection.streams
    ) == Counter({planned.stream_key: planned.connections for planned in wanted})
    assert len({connection.name for connection in connections}) == len(connections)
    for connection in connections:
        assert 0 < len(connection.streams) <= max_streams(connection.product)
        assert {planned.endpoint for planned in connection.streams} == {connection.endpoint}


@settings(max_examples=examples(50))
@given(first=st.integers(1, 900), more=st.integers(0, 900))
def test_many_streams_keep_the_limits_however_they_grow(first: int, more: int) -> None:
    before = place(streams(COINS[:first], rate=4.0))
    after = place(streams(COINS[: first + more], rate=4.0), before)

    check(streams(COINS[: first + more]), after)
    assert max(connection.rate for connection in after) <= MAX_RATE
    assert compare(stream_names(before), stream_names(after)).moved == {}


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

    assert (
        sum(map(len, shards))
        == len({planned.stream_key for part in shards for planned in part})
        == 1000
    )
    assert all(200 < len(part) < 300 for part in shards)


def test_a_fifth_shard_takes_a_fifth_and_nothing_else_moves() -> None:
    names = [f"{symbol.lower()}@trade" for symbol in COINS]
    four = [shard_of("spot", name, 4) for name in names]
    five = [shard_of("spot", name, 5) for name in names]
    moved = [(old, new) for old, new in zip(four, five, strict=True) if old != new]

    assert {new for _, new in moved} == {4}
    assert 0.17 < len(moved) / len(names) < 0.23
