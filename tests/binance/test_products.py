"""Hosts, limits and URLs, and the product of an event in a merged stream."""

from urllib.parse import urlsplit

import pytest

from connector.binance.products import (
    ENVIRONMENTS,
    LIMITS,
    PRODUCTS,
    Bases,
    ConnectionLimits,
    Product,
    host_of,
    product_of,
    stream_url,
)

BASES = [bases for products in ENVIRONMENTS.values() for bases in products.values()]


def test_every_environment_serves_every_product() -> None:
    assert list(ENVIRONMENTS) == ["production", "testnet", "demo"]
    for products in ENVIRONMENTS.values():
        assert tuple(products) == PRODUCTS


@pytest.mark.parametrize("bases", BASES)
def test_a_base_is_scheme_and_host_without_a_path(bases: Bases) -> None:
    urls = [(base, "wss") for base in bases.streams] + [(bases.rest, "https")]
    for url, scheme in urls:
        parts = urlsplit(url)
        assert (parts.scheme, parts.path, parts.query) == (scheme, "", "")


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_ws_api_has_its_path_and_options_have_none(environment: str) -> None:
    paths = {
        product: urlsplit(bases.ws_api).path for product, bases in ENVIRONMENTS[environment].items()
    }

    assert paths == {
        "spot": "/ws-api/v3",
        "usdm": "/ws-fapi/v1",
        "coinm": "/ws-dapi/v1",
        "options": "",
    }


def test_spot_has_both_ports_and_the_market_data_only_host() -> None:
    assert ENVIRONMENTS["production"]["spot"].streams[:3] == (
        "wss://stream.binance.com:9443",
        "wss://stream.binance.com:443",
        "wss://data-stream.binance.vision",
    )


@pytest.mark.parametrize("environment", ["production", "testnet"])
def test_options_share_the_stream_host_of_usdm(environment: str) -> None:
    products = ENVIRONMENTS[environment]
    assert products["options"].streams[0] == products["usdm"].streams[0]


def test_limits_are_those_of_the_documentation() -> None:
    assert dict(LIMITS) == {
        "spot": ConnectionLimits(5, 1024, 300, 300.0, 20.0, 60.0, 86_400.0),
        "usdm": ConnectionLimits(10, 1024, 300, 300.0, 180.0, 600.0, 86_400.0),
        "coinm": ConnectionLimits(10, 1024, 300, 300.0, 180.0, 600.0, 86_400.0),
        "options": ConnectionLimits(10, 200, 300, 300.0, 300.0, 900.0, 86_400.0),
    }


@pytest.mark.parametrize(
    ("base", "route", "url"),
    [
        ("wss://fstream.binance.com", "/public", "wss://fstream.binance.com/public/stream"),
        ("wss://fstream.binance.com", "/market", "wss://fstream.binance.com/market/stream"),
        ("wss://stream.binance.com:9443", None, "wss://stream.binance.com:9443/stream"),
        ("ws://127.0.0.1:9001", None, "ws://127.0.0.1:9001/stream"),
    ],
)
def test_a_connection_is_always_a_combined_one(base: str, route: str | None, url: str) -> None:
    assert stream_url(base, route) == url


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("wss://stream.binance.com:9443/stream", "stream.binance.com:9443"),
        ("wss://fstream.binance.com/market/stream", "fstream.binance.com"),
    ],
)
def test_a_host_keeps_its_port(url: str, host: str) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("symbol_type", "symbol", "product"),
    [
        (1, "BTCUSDT", "usdm"),
        (2, "BTCUSD_PERP", "coinm"),
        (1, "ODDUSD_PERP", "usdm"),  # the payload decides, not the symbol
        (None, "BTCUSD_PERP", "coinm"),
        (None, "BTCUSD_260925", "coinm"),
        (None, "BTCUSDT_260925", "usdm"),
        (None, "BTCUSDT", "usdm"),
        (None, "BTCUSD", "usdm"),
    ],
)
def test_an_event_of_a_merged_stream_has_its_product(
    symbol_type: int | None, symbol: str, product: Product
) -> None:
    assert product_of(symbol_type, symbol) == product
