"""Subscriptions resolved into streams, endpoints, topics and connections."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from connector.binance.plan import Plan, PlanError, expand, make_plan
from connector.binance.products import ENVIRONMENTS, Bases, Product
from connector.binance.selection import Selection


@dataclass(frozen=True)
class Wanted:
    product: Product
    streams: list[str]
    symbols: list[str] = field(default_factory=list)
    topic: str | None = None
    endpoint: str | None = None
    merged: Literal["drop", "keep"] = "drop"
    key: str | None = None
    time_unit: Literal["ms", "us"] = "ms"
    connections: int = 1
    chosen: Selection | None = None

    @property
    def selection(self) -> Selection:
        return self.chosen or Selection(names=tuple(self.symbols))


def plan(*wanted: Wanted) -> Plan:
    return make_plan(wanted, ENVIRONMENTS["production"], "binance")


def problem(*wanted: Wanted) -> tuple[tuple[str | int, ...], str]:
    with pytest.raises(PlanError) as caught:
        plan(*wanted)
    [found] = caught.value.problems
    return found


@pytest.mark.parametrize(
    ("product", "template", "symbols", "names"),
    [
        (
            "spot",
            "depth@100ms",
            ["BTCUSDT", "ETHUSDT"],
            ["btcusdt@depth@100ms", "ethusdt@depth@100ms"],
        ),
        ("spot", "kline_1M", ["BTCUSDT"], ["btcusdt@kline_1M"]),
        ("spot", "!miniTicker@arr", [], ["!miniTicker@arr"]),
        ("spot", "btcusdt@trade", [], ["btcusdt@trade"]),
        ("usdm", "tradingSession", [], ["tradingSession"]),
        ("options", "<underlying>@optionMarkPrice", ["BTCUSDT"], ["btcusdt@optionMarkPrice"]),
        (
            "coinm",
            "<pair>_perpetual@continuousKline_1m",
            ["BTCUSD"],
            ["btcusd_perpetual@continuousKline_1m"],
        ),
    ],
)
def test_a_template_becomes_wire_names(
    product: Product, template: str, symbols: list[str], names: list[str]
) -> None:
    assert expand(product, template, symbols) == names


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
    [planned] = plan(Wanted(product, [stream], [symbol])).planned

    assert planned.endpoint == endpoint
    assert planned.topic == f"binance.{product}.{planned.stream.row.kind}"


def test_a_subscription_may_name_its_own_topic_and_endpoint() -> None:
    wanted = Wanted("usdm", ["!forceOrder@arr"], topic="risk", endpoint="ws://proxy:1/market")

    [planned] = plan(wanted).planned

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

    assert len(made.planned) == 2


def test_a_product_without_a_base_is_refused() -> None:
    bases: dict[Product, Bases] = {"spot": Bases(("ws://x",), "http://x")}
    with pytest.raises(PlanError, match="no base for usdm"):
        make_plan([Wanted("usdm", ["tradingSession"])], bases, "binance")
