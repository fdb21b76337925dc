"""Every stream's route, over changes of the plan."""

from dataclasses import replace

from connector.binance.products import ENVIRONMENTS
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.series_registry import KEEP_LEFT_MS
from connector.feed.route import Route
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


def routed(*plans: Plan) -> Router:
    router = Router()
    for each in plans:
        router.apply(each, IDS, GapTracker("binance"))
    return router


def route_of(router: Router, name: bytes, key: Key = SPOT) -> Route:
    return router.tables[key][name]


def test_a_stream_that_stays_keeps_its_route() -> None:
    router = routed(plan(trades("BTCUSDT")))
    before = route_of(router, b"btcusdt@trade")

    router.apply(plan(trades("BTCUSDT", "ETHUSDT")), IDS, GapTracker("binance"))

    assert route_of(router, b"btcusdt@trade") is before
    assert list(router.tables[SPOT]) == [b"btcusdt@trade", b"ethusdt@trade"]


def test_a_stream_given_up_is_known_until_it_is_forgotten() -> None:
    router = routed(plan(trades("BTCUSDT", "ETHUSDT")), plan(trades("BTCUSDT")))
    late = route_of(router, b"ethusdt@trade")
    late.messages = 5

    router.forget(SPOT, [b"btcusdt@trade"])

    assert list(router.tables[SPOT]) == [b"btcusdt@trade"]
    assert [route.stream.name for route in router.routes()] == ["btcusdt@trade"]
    assert router.published() == {("spot", "trade"): (5, 0)}


def test_a_connection_that_is_forgotten_leaves_its_counts() -> None:
    router = routed(plan(trades("BTCUSDT")))
    route_of(router, b"btcusdt@trade").messages = 7

    router.forget(SPOT)

    assert router.tables == {}
    assert router.published() == {("spot", "trade"): (7, 0)}


def test_a_route_gets_another_topic_and_so_do_its_series() -> None:
    router, gap_tracker = routed(plan(trades("BTCUSDT"))), GapTracker("binance")
    before = route_of(router, b"btcusdt@trade")
    series = before.open_series("BTCUSDT", gap_tracker)
    tracker = series.tracker

    router.apply(plan(trades("BTCUSDT", topic="other")), IDS, gap_tracker)

    after = route_of(router, b"btcusdt@trade")
    assert after is before
    assert (after.topic, after.schema_id) == ("other", 4)
    assert (series.topic, series.record_prefix[:5]) == ("other", b"\x00\x00\x00\x00\x04")
    assert series.tracker is tracker


def test_a_route_gets_another_key_and_so_do_its_series() -> None:
    router, gap_tracker = routed(plan(trades("BTCUSDT"))), GapTracker("binance")
    series = route_of(router, b"btcusdt@trade").open_series("BTCUSDT", gap_tracker)

    router.apply(plan(replace(trades("BTCUSDT"), key="{stream}")), IDS, gap_tracker)

    assert series.key == b"btcusdt@trade"


def test_both_connections_of_a_stream_share_its_route() -> None:
    two = plan(replace(trades("BTCUSDT"), connections=2))

    router = routed(two)

    first, second = (
        route_of(router, b"btcusdt@trade", key_of(connection)) for connection in two.connections
    )
    assert first is second
    router.forget(key_of(two.connections[0]))
    assert list(router.routes()) == [second]


def test_with_its_last_route_a_series_is_forgotten() -> None:
    router, gap_tracker = routed(plan(trades("BTCUSDT", "ETHUSDT"))), GapTracker("binance")
    series = route_of(router, b"btcusdt@trade").open_series("BTCUSDT", gap_tracker)
    other = route_of(router, b"ethusdt@trade").open_series("ETHUSDT", gap_tracker)

    assert router.forget(SPOT, [b"ethusdt@trade"]) == [series]
    assert router.forget(SPOT) == [other]


def test_milliseconds_and_microseconds_have_routes_of_the_same_series() -> None:
    old = plan(trades("BTCUSDT"))
    new = plan(replace(trades("BTCUSDT"), time_unit="us"), before=old)
    router = routed(old, new)

    units = {
        connection.time_unit: route_of(router, b"btcusdt@trade", key_of(connection)).codec.unit
        for connection in (*old.connections, *new.connections)
    }
    assert units == {"ms": "ms", "us": "us"}
    [milliseconds, microseconds] = router.routes()
    assert milliseconds.series is microseconds.series
    assert milliseconds.feeds is microseconds.feeds


def test_rows_of_the_other_product_have_a_route_of_their_own_when_planned() -> None:
    merged = Wanted("usdm", ["!ticker@arr"])
    both = plan(merged, Wanted("coinm", ["ticker"], ["BTCUSD_PERP"]))
    router = routed(both)
    [table] = [table for table in router.tables.values() if b"!ticker@arr" in table]
    route = table[b"!ticker@arr"]

    assert route.carries_other_product
    assert route.other_product is not None
    assert (route.other_product.topic, route.other_product.schema_id) == ("binance.coinm.ticker", 3)
    route.messages, route.other_product.messages = 2, 5
    counted = {key: number for key, (number, _) in router.published().items()}
    assert counted == {("usdm", "ticker"): 2, ("coinm", "ticker"): 5}


def test_the_series_of_another_product_whose_rows_are_planned_no_more_are_left() -> None:
    merged, tracker, router = Wanted("usdm", ["!ticker@arr"]), GapTracker("binance"), Router()
    both = plan(merged, Wanted("coinm", ["ticker"], ["BTCUSD_PERP"]))
    router.apply(both, IDS, tracker)
    [other] = [route.other_product for route in router.routes() if route.other_product]
    series = other.open_series("BTCUSD_PERP", tracker)
    series.last_ms = 1_795_000_000_000
    assert not series.ended

    router.apply(plan(merged), IDS, tracker)
    tracker.forget_left(series.last_ms + KEEP_LEFT_MS)

    assert series.ended
    assert series.name not in tracker._series


def test_only_kinds_that_announce_listings_are_counted_as_announcements() -> None:
    router = Router()
    router.apply(
        plan(Wanted("usdm", ["!contractInfo"]), trades("BTCUSDT")),
        IDS | {"binance.usdm.contract-info": 5},
        GapTracker("binance"),
    )
    for route in router.routes():
        route.messages = 3

    assert router.listing_announcements() == 3


def test_an_endpoint_of_its_own_is_a_connection_of_its_own() -> None:
    connection = ConnectionPlan("spot-1", "spot", "wss://a/stream", ())

    assert key_of(connection) != key_of(replace(connection, endpoint="wss://b/stream"))
