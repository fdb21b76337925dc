"""Whether an endpoint of the user's own carries a stream, as far as the catalogue tells."""

import pytest

from connector.binance.products import ENVIRONMENTS, Product
from connector.planning.destination import endpoint_problem
from connector.planning.templates import trial
from tests.support.plan import Wanted, plan, problem


def problem_of(product: Product, template: str, endpoint: str) -> str | None:
    return endpoint_problem(trial(product, template).row, endpoint)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize(
    ("product", "stream", "route"),
    [
        ("spot", "trade", ""),
        ("usdm", "trade", "/public"),
        ("usdm", "aggTrade", "/market"),
        ("coinm", "aggTrade", ""),
        ("options", "<underlying>@openInterest@<yymmdd>", "/market"),
    ],
)
def test_every_base_of_binance_carries_a_stream_on_its_route(
    environment: str, product: Product, stream: str, route: str
) -> None:
    bases = ENVIRONMENTS[environment][product].streams

    assert [problem_of(product, stream, base + route) for base in bases] == [None] * len(bases)


@pytest.mark.parametrize(
    "endpoint",
    ["ws://127.0.0.1:8011", "ws://lab/market", "wss://proxy/binance", "wss://proxy/usdm/market/"],
)
def test_of_a_strange_host_nothing_is_known_but_a_wrong_route(endpoint: str) -> None:
    assert problem_of("usdm", "aggTrade", endpoint) is None


@pytest.mark.parametrize(
    ("product", "stream", "endpoint", "words"),
    [
        (
            "usdm",
            "trade",
            "wss://fstream.binance.com/market",
            "does not carry usdm <symbol>@trade: Binance sends it on /public;"
            " write wss://fstream.binance.com/public, or leave it out: then each stream"
            " has its own",
        ),
        (
            "usdm",
            "aggTrade",
            "wss://fstream.binance.com",
            "does not carry usdm <symbol>@aggTrade: Binance sends it on /market;"
            " write wss://fstream.binance.com/market, or leave it out: then each stream"
            " has its own",
        ),
        (
            "usdm",
            "aggTrade",
            "ws://127.0.0.1:8011/public",
            "does not carry usdm <symbol>@aggTrade: Binance sends it on /market;"
            " write ws://127.0.0.1:8011/market, or leave it out: then each stream"
            " has its own",
        ),
        (
            "coinm",
            "aggTrade",
            "wss://dstream.binance.com/market",
            "does not carry coinm <symbol>@aggTrade: coinm has no routes;"
            " write wss://dstream.binance.com, or leave it out: then each stream"
            " has its own",
        ),
        (
            "coinm",
            "trade",
            "wss://fstream.binance.com/public",
            "does not carry coinm <symbol>@trade: this host serves usdm and options;"
            " write wss://dstream.binance.com, or leave it out",
        ),
    ],
)
def test_a_wrong_route_or_host_is_told_with_the_right_one(
    product: Product, stream: str, endpoint: str, words: str
) -> None:
    assert problem_of(product, stream, endpoint) == f"{endpoint!r} {words}"


def test_a_wrong_endpoint_is_a_problem_of_its_key_even_before_symbols_are_known() -> None:
    names = Wanted("usdm", ["bookTicker", "aggTrade"], ["BTCUSDT"], endpoint="ws://lab/public")
    where, text = problem(names)

    assert where == ("subscriptions", 0, "endpoint")
    assert "does not carry usdm <symbol>@aggTrade" in text


def test_a_right_endpoint_is_taken_whole() -> None:
    wanted = Wanted("usdm", ["aggTrade"], ["BTCUSDT"], endpoint="ws://lab/market/")

    assert [planned.endpoint for planned in plan(wanted).streams] == ["ws://lab/market/stream"]
