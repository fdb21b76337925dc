"""What changes from one plan to another."""

from dataclasses import replace

import pytest

from connector.binance.products import Product
from connector.errors import Refused
from connector.planning.diff import RunningPlan, compare, difference, product_of_connection
from connector.planning.model import Plan
from connector.planning.placement import place
from connector.planning.selection import Selection
from tests.support.plan import Wanted, plan, streams, universe

COINS = [f"C{number}USDT" for number in range(9)]


def test_a_difference_names_what_to_do() -> None:
    before = place(streams(COINS[:4]))
    kept = streams(COINS[1:3])
    kept[0] = replace(kept[0], topic="other", rate=9.0)
    moved = replace(streams(COINS[3:4])[0], endpoint="wss://other/stream")

    found = difference(Plan(before), Plan(place([*kept, moved, *streams(COINS[8:9])], before)))

    assert [planned.stream.name for planned in found.added] == ["c8usdt@trade"]
    assert [planned.stream.name for planned in found.removed] == ["c0usdt@trade"]
    assert [planned.stream.name for planned in found.moved] == ["c3usdt@trade"]
    assert [planned.topic for planned in found.rerouted] == ["other"]


def test_another_estimate_or_order_is_no_difference() -> None:
    before = place(streams(COINS[:4]))

    after = place(streams(reversed(COINS[:4]), rate=7.0), before)

    assert difference(Plan(before), Plan(after)).is_nothing


def test_a_connection_that_names_no_product_is_refused() -> None:
    with pytest.raises(Refused, match="'forex-1' is no connection's name"):
        compare({"forex-1": ["x@trade"]}, {})


def test_names_alone_tell_what_begins_ends_and_moves() -> None:
    old = {"spot-1": ["a@trade", "b@trade"], "spot-2": ["c@trade"]}
    new = {"spot-1": ["b@trade"], "spot-2": ["c@trade", "d@trade"], "spot-3": ["b@trade"]}

    found = compare(old, new)

    assert found.added == {("spot", "d@trade"): "spot-2"}
    assert found.removed == {("spot", "a@trade"): "spot-1"}
    assert found.moved == {("spot", "b@trade"): ("spot-1", "spot-1 + spot-3")}


def test_one_name_under_two_products_is_two_streams() -> None:
    found = compare({"spot-1": ["a@trade"]}, {"usdm-public-1": ["a@trade"]})

    assert (set(found.added), set(found.removed)) == ({("usdm", "a@trade")}, {("spot", "a@trade")})


@pytest.mark.parametrize(
    ("name", "product"),
    [("spot-us-1a", "spot"), ("usdm-market-12", "usdm"), ("options-public-1", "options")],
)
def test_a_connections_name_begins_with_its_product(name: str, product: Product) -> None:
    assert product_of_connection(name) == product


def test_what_a_worker_reads_leaves_the_top_late() -> None:
    wanted = Wanted("spot", ["trade"], chosen=Selection(top=5))
    running = RunningPlan({"spot-1": ["c6usdt@trade"]})
    volumes = {symbol: float(9 - rank) for rank, symbol in enumerate(COINS)}

    made = plan(
        wanted,
        universe=universe("spot", *COINS, **volumes),
        before=running.with_selected([wanted]),
    )

    assert [planned.stream.name for planned in made.streams] == [
        f"c{number}usdt@trade" for number in range(5)
    ]
    assert running.with_selected([wanted]).selected == {
        ("spot", Selection(top=5)): {"C6USDT": None}
    }


def test_what_a_worker_reads_stays_on_its_connection() -> None:
    wanted = Wanted("spot", ["trade"], ["AUSDT", "BUSDT"])
    running = RunningPlan({"spot-7": ["busdt@trade", "gone@trade"], "spot-8": ["gone@aggTrade"]})

    made = plan(wanted, before=running.with_connections(plan(wanted)))

    assert [connection.name for connection in made.connections] == ["spot-7"]
    changes = running.changes(made)
    assert changes.added == {("spot", "ausdt@trade"): "spot-7"}
    assert set(changes.removed) == {("spot", "gone@trade"), ("spot", "gone@aggTrade")}
    assert changes.moved == {}


def test_names_that_no_stream_has_are_refused() -> None:
    running = RunningPlan({"spot-1": ["no-such-stream"]})

    with pytest.raises(Refused, match="spot has no stream 'no-such-stream'"):
        running.with_selected([Wanted("spot", ["trade"], ["BTCUSDT"])])
