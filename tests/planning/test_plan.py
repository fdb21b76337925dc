"""Subscriptions resolved into streams, endpoints, topics and connections."""

import pytest

from connector.binance.products import Bases, Product
from connector.planning.model import PlanError
from connector.planning.plan import make_plan
from tests.support.plan import Wanted, plan, problem


@pytest.mark.parametrize(
    ("product", "stream", "symbol", "endpoint"),
    [
        ("spot", "trade", "BTCUSDT", "wss://stream.binance.com:9443/stream"),
        ("usdm", "aggTrade", "BTCUSDT", "wss://fstream.binance.com/market/stream"),
        ("usdm", "bookTicker", "BTCUSDT", "wss://fstream.binance.com/public/stream"),
        ("coinm", "aggTrade", "BTCUSD_PERP", "wss://dstream.binance.com/stream"),
        ("options", "kline_1m", "BTC-261225-1-C", "wss://fstream.binance.com/market/stream"),
        ("options", "bookTicker", "BTC-261225-1-C", "wss://fstream.binance.com/public/stream"),
    ],
)
def test_the_catalogue_chooses_endpoint_and_topic(
    product: Product, stream: str, symbol: str, endpoint: str
) -> None:
    [planned] = plan(Wanted(product, [stream], [symbol])).streams

    assert planned.endpoint == endpoint
    assert planned.topic == f"binance.{product}.{planned.stream.row.kind}"


def test_a_subscription_may_name_its_own_topic_and_endpoint() -> None:
    wanted = Wanted("usdm", ["!forceOrder@arr"], topic="risk", endpoint="ws://proxy:1/market")

    [planned] = plan(wanted).streams

    assert (planned.topic, planned.endpoint) == ("risk", "ws://proxy:1/market/stream")


def test_one_topic_holds_one_record_type() -> None:
    where, text = problem(Wanted("spot", ["trade", "aggTrade"], ["BTCUSDT"], topic="mixed"))

    assert where == ("subscriptions", 0, "streams", 1)
    assert "topic mixed already holds trade" in text


def test_a_stream_is_not_written_twice() -> None:
    first, second = Wanted("spot", ["trade"], ["BTCUSDT"]), Wanted("spot", ["trade"], ["BTCUSDT"])

    assert problem(first, second)[0] == ("subscriptions", 1, "streams", 0)


def test_a_merged_stream_is_refused_on_the_second_host() -> None:
    where, text = problem(Wanted("usdm", ["!ticker@arr"]), Wanted("coinm", ["!ticker@arr"]))

    assert where == ("subscriptions", 1, "streams", 0)
    assert "subscribe on one of them" in text


def test_an_unmerged_stream_of_two_products_is_two_streams() -> None:
    made = plan(
        Wanted("usdm", ["bookTicker"], ["BTCUSDT"]), Wanted("spot", ["bookTicker"], ["BTCUSDT"])
    )

    assert len(made.streams) == 2


def test_a_product_without_a_base_is_refused() -> None:
    bases: dict[Product, Bases] = {"spot": Bases(("ws://x",), "http://x")}
    with pytest.raises(PlanError, match="no base for usdm"):
        make_plan([Wanted("usdm", ["tradingSession"])], bases, "binance")


@pytest.mark.parametrize(
    ("topic", "streams", "expected"),
    [
        ("{prefix}.{kind}.{symbol}", ["trade"], "binance.trade.BTCUSDT"),
        ("x-{product}", ["!miniTicker@arr"], "x-spot"),
    ],
)
def test_a_topic_is_a_template(topic: str, streams: list[str], expected: str) -> None:
    symbols = [] if streams[0].startswith("!") else ["BTCUSDT"]

    assert list(plan(Wanted("spot", streams, symbols, topic=topic)).topics) == [expected]


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Wanted("spot", ["!miniTicker@arr"], topic="{symbol}"), "carries several symbols"),
        (Wanted("spot", ["trade"], ["BTCUSDT"], topic="{what}"), "has {what}, which is none of"),
        (Wanted("usdm", ["trade"], ["币安USDT"], topic="{symbol}"), "leave {symbol} out"),
        (Wanted("spot", ["trade"], ["BTCUSDT"], topic=".."), "is no name Kafka accepts"),
        (Wanted("usdm", ["trade"], ["BTCUSDT"], time_unit="us"), "option of spot alone"),
        (Wanted("spot", ["trade"]), "give symbols"),
        (Wanted("spot", ["<name>@trade"], ["BTCUSDT"]), "none of <symbol>"),
    ],
)
def test_what_cannot_be_is_refused_with_the_cure(wanted: Wanted, text: str) -> None:
    where, found = problem(wanted)

    assert where == ("subscriptions", 0, "streams", 0)
    assert text in found


def test_a_full_name_in_upper_case_is_refused_with_the_cure() -> None:
    _, text = problem(Wanted("spot", ["BTCUSDT@trade"], ["ETHUSDT"]))

    assert text.startswith("'BTCUSDT@trade': write it in lower case, 'btcusdt@trade'")


@pytest.mark.parametrize("stream", ["!miniTicker@arr", "ethusdt@trade"])
def test_symbols_that_do_not_apply_are_warned_of(stream: str) -> None:
    with_symbols = plan(Wanted("spot", ["aggTrade", stream], ["BTCUSDT"]))
    without = plan(Wanted("spot", [stream]))

    assert (with_symbols.warnings, without.warnings) == (
        (
            (
                ("subscriptions", 0, "streams", 1),
                f"{stream} takes no symbols: those of this subscription do not apply to it",
            ),
        ),
        (),
    )


def test_a_symbol_outside_ascii_goes_to_a_topic_of_all_symbols() -> None:
    [planned] = plan(Wanted("usdm", ["trade"], ["币安USDT"])).streams

    assert (planned.stream.name, planned.topic) == ("币安usdt@trade", "binance.usdm.trade")


def test_a_stream_that_goes_elsewhere_already_is_refused_with_its_place() -> None:
    where, text = problem(
        Wanted("spot", ["trade"], ["BTCUSDT"]),
        Wanted("spot", ["btcusdt@trade"], topic="elsewhere"),
    )

    assert where == ("subscriptions", 1, "streams", 0)
    assert "subscriptions[0].streams[0] sends it to binance.spot.trade" in text


def test_thousands_of_like_problems_are_told_once() -> None:
    symbols = [f"C{number}USDT" for number in range(100)]
    with pytest.raises(PlanError) as caught:
        plan(Wanted("spot", ["tradde"], symbols))

    texts = [text for _, text in caught.value.problems]
    assert (len(texts), texts[-1]) == (4, "and more of the kind")


def test_rows_of_the_other_product_go_home_even_to_another_shards_topic() -> None:
    wanted = (
        Wanted("usdm", ["!ticker@arr"]),
        Wanted("coinm", ["ticker"], ["BTCUSD_PERP"], topic="coins"),
    )

    shards = [plan(*wanted, shard=(index, 2)) for index in range(2)]

    [merged] = [planned for made in shards for planned in made.streams if planned.other_product]
    assert merged.other_product_topic == "coins"
    assert all("coins" in made.topics for made in shards if merged in made.streams)


def test_rows_of_the_other_product_stay_where_merged_says() -> None:
    [kept] = plan(Wanted("usdm", ["!ticker@arr"], merged="keep")).streams
    [dropped] = plan(Wanted("usdm", ["!ticker@arr"])).streams

    assert (kept.other_product_topic, dropped.other_product_topic) == ("binance.usdm.ticker", None)


def test_key_unit_and_connections_are_the_subscriptions() -> None:
    [planned] = plan(
        Wanted("spot", ["trade"], ["BTCUSDT"], key="{product}", time_unit="us", connections=2)
    ).streams

    assert (planned.key, planned.time_unit, planned.connections) == ("{product}", "us", 2)
    assert planned.endpoint == "wss://stream.binance.com:9443/stream?timeUnit=MICROSECOND"


@pytest.mark.parametrize("name", ["markers", "progress", "dead-letter"])
def test_what_the_connector_writes_itself_is_no_topic_for_a_stream(name: str) -> None:
    topic = f"binance.{name}"

    _, text = problem(Wanted("spot", ["trade"], ["BTCUSDT"], topic=topic))

    assert text.startswith(f"topic {topic} already holds {name}")
