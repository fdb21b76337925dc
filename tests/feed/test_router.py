"""Every stream's way to its topic, over changes of the plan."""

from dataclasses import replace

from connector.binance.products import ENVIRONMENTS
from connector.continuity.gap_tracker import GapTracker
from connector.feed.pipeline import Route
from connector.feed.router import Key, Router, key_of
from connector.planning.model import ConnectionPlan, Plan
from connector.planning.plan import make_plan
from tests.support.plan import Wanted

IDS = {"binance.spot.trade": 1, "binance.usdm.ticker": 2, "binance.coinm.ticker": 3, "other": 4}
SPOT: Key = ("spot-1", "wss://stream.binance.com:9443/stream")


def plan(*wanted: Wanted, before: Plan | None = None) -> Plan:
    return make_plan(wanted, ENVIRONMENTS["production"], "binance", before=before)


def trades(*symbols: str, topic: str | None = None) -> Wanted:
    return Wanted("spot", ["trade"], list(symbols), topic=topic)


def admitted(*plans: Plan) -> Router:
    routing = Router()
    for one in plans:
        routing.apply(one, IDS, GapTracker("binance"))
    return routing


def way(routing: Router, name: bytes, key: Key = SPOT) -> Route:
    return routing.tables[key][name]


def test_a_stream_that_stays_keeps_its_way() -> None:
    routing = admitted(plan(trades("BTCUSDT")))
    before = way(routing, b"btcusdt@trade")

    routing.apply(plan(trades("BTCUSDT", "ETHUSDT")), IDS, GapTracker("binance"))

    assert way(routing, b"btcusdt@trade") is before
    assert list(routing.tables[SPOT]) == [b"btcusdt@trade", b"ethusdt@trade"]


def test_a_stream_given_up_is_known_until_it_is_forgotten() -> None:
    routing = admitted(plan(trades("BTCUSDT", "ETHUSDT")), plan(trades("BTCUSDT")))
    late = way(routing, b"ethusdt@trade")
    late.messages = 5

    routing.forget(SPOT, [b"btcusdt@trade"])

    assert list(routing.tables[SPOT]) == [b"btcusdt@trade"]
    assert [route.stream.name for route in routing.routes()] == ["btcusdt@trade"]
    assert routing.published() == {("spot", "trade"): (5, 0)}


def test_a_connection_that_is_forgotten_leaves_its_counts() -> None:
    routing = admitted(plan(trades("BTCUSDT")))
    way(routing, b"btcusdt@trade").messages = 7

    routing.forget(SPOT)

    assert routing.tables == {}
    assert routing.published() == {("spot", "trade"): (7, 0)}


def test_a_way_leads_to_another_topic_and_its_series_go_along() -> None:
    routing, continuity = admitted(plan(trades("BTCUSDT"))), GapTracker("binance")
    before = way(routing, b"btcusdt@trade")
    series = before.open_series("BTCUSDT", continuity)
    tracker = series.tracker

    routing.apply(plan(trades("BTCUSDT", topic="other")), IDS, continuity)

    after = way(routing, b"btcusdt@trade")
    assert after is before
    assert (after.topic, after.schema_id) == ("other", 4)
    assert (series.topic, series.record_prefix[:5]) == ("other", b"\x00\x00\x00\x00\x04")
    assert series.tracker is tracker


def test_a_way_leads_on_under_another_key() -> None:
    routing, continuity = admitted(plan(trades("BTCUSDT"))), GapTracker("binance")
    series = way(routing, b"btcusdt@trade").open_series("BTCUSDT", continuity)

    routing.apply(plan(replace(trades("BTCUSDT"), key="{stream}")), IDS, continuity)

    assert series.key == b"btcusdt@trade"


def test_both_legs_of_a_stream_share_its_way() -> None:
    two = plan(replace(trades("BTCUSDT"), connections=2))

    routing = admitted(two)

    first, second = (way(routing, b"btcusdt@trade", key_of(bundle)) for bundle in two.connections)
    assert first is second
    routing.forget(key_of(two.connections[0]))
    assert list(routing.routes()) == [second]


def test_what_is_forgotten_with_its_last_way_are_its_series() -> None:
    routing, continuity = admitted(plan(trades("BTCUSDT", "ETHUSDT"))), GapTracker("binance")
    series = way(routing, b"btcusdt@trade").open_series("BTCUSDT", continuity)
    other = way(routing, b"ethusdt@trade").open_series("ETHUSDT", continuity)

    assert routing.forget(SPOT, [b"ethusdt@trade"]) == [series]
    assert routing.forget(SPOT) == [other]


def test_milliseconds_and_microseconds_have_ways_of_the_same_series() -> None:
    old = plan(trades("BTCUSDT"))
    new = plan(replace(trades("BTCUSDT"), time_unit="us"), before=old)
    routing = admitted(old, new)

    units = {
        bundle.time_unit: way(routing, b"btcusdt@trade", key_of(bundle)).codec.unit
        for bundle in (*old.connections, *new.connections)
    }
    assert units == {"ms": "ms", "us": "us"}
    [one, other] = routing.routes()
    assert one.series is other.series
    assert one.feeds is other.feeds


def test_rows_of_the_other_product_have_a_way_of_their_own_when_planned() -> None:
    merged = Wanted("usdm", ["!ticker@arr"])
    both = plan(merged, Wanted("coinm", ["ticker"], ["BTCUSD_PERP"]))
    routing = admitted(both)
    [table] = [table for table in routing.tables.values() if b"!ticker@arr" in table]
    route = table[b"!ticker@arr"]

    assert route.carries_other_product
    assert route.other_product is not None
    assert (route.other_product.topic, route.other_product.schema_id) == ("binance.coinm.ticker", 3)
    route.messages, route.other_product.messages = 2, 5
    counted = {key: number for key, (number, _) in routing.published().items()}
    assert counted == {("usdm", "ticker"): 2, ("coinm", "ticker"): 5}


def test_only_announcements_of_listings_are_news() -> None:
    routing = Router()
    routing.apply(
        plan(Wanted("usdm", ["!contractInfo"]), trades("BTCUSDT")),
        IDS | {"binance.usdm.contract-info": 5},
        GapTracker("binance"),
    )
    for route in routing.routes():
        route.messages = 3

    assert routing.listing_announcements() == 3


def test_an_endpoint_of_its_own_is_a_connection_of_its_own() -> None:
    bundle = ConnectionPlan("spot-1", "spot", "wss://a/stream", ())

    assert key_of(bundle) != key_of(replace(bundle, endpoint="wss://b/stream"))
