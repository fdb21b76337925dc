from typing import get_args

import pytest

from connector.binance.account_events import ACCOUNT_PRODUCTS
from connector.binance.account_events.layout import AccountProduct
from connector.binance.private_streams import (
    PRIVATE_STREAMS,
    UrlForm,
    default_form,
    find_private_stream,
    private_url,
    stream_base,
)
from connector.binance.products import ENVIRONMENTS, Bases, Product
from connector.errors import Refused

LAB: dict[Product, Bases] = {"usdm": Bases(("ws://127.0.0.1:9001",), "http://127.0.0.1:9002")}


def test_every_product_but_stocks_can_be_subscribed() -> None:
    assert set(ACCOUNT_PRODUCTS) - PRIVATE_STREAMS.keys() == {"stocks"}
    with pytest.raises(Refused, match=r"stocks accounts cannot be subscribed; products: spot"):
        find_private_stream("stocks")


@pytest.mark.parametrize(
    ("environment", "product", "url"),
    [
        ("production", "usdm", "wss://fstream.binance.com/private/stream?streams=k"),
        ("testnet", "usdm", "wss://fstream.binancefuture.com/ws/k"),
        ("demo", "usdm", "wss://demo-fstream.binance.com/ws/k"),
        ("production", "coinm", "wss://dstream.binance.com/ws/k"),
        ("production", "options", "wss://fstream.binance.com/private/ws/k"),
        ("testnet", "options", "wss://fstream.binancefuture.com/ws/k"),
        ("production", "portfolio_margin", "wss://fstream.binance.com/pm/ws/k"),
        ("production", "portfolio_margin_pro", "wss://fstream.binance.com/pm-classic/ws/k"),
        ("production", "margin_risk", "wss://margin-stream.binance.com/ws/k"),
        ("testnet", "margin_risk", "wss://stream.testnet.binance.vision/ws/k"),
        ("production", "margin_uta", "wss://fstream.binance.com/private/ws/k"),
    ],
)
def test_a_listen_key_stream_has_the_url_that_delivers_there(
    environment: str, product: AccountProduct, url: str
) -> None:
    bases = ENVIRONMENTS[environment]
    form = default_form(product, bases)
    assert private_url(stream_base(product, bases), form, "k") == url


def test_elsewhere_than_at_binance_the_form_is_that_of_production() -> None:
    assert default_form("usdm", LAB) == "private-streams"
    assert stream_base("usdm", LAB) == "ws://127.0.0.1:9001"


@pytest.mark.parametrize("form", get_args(UrlForm))
def test_every_form_holds_the_key_and_nothing_that_would_end_it(form: UrlForm) -> None:
    url = private_url("wss://host", form, "a&b/c")
    assert "a%26b%2Fc" in url


def test_the_form_that_names_events_names_the_end_of_the_key_too() -> None:
    names = private_url("wss://host", "private-events", "k").partition("&events=")[2].split("/")
    assert {"ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "listenKeyExpired"} <= set(names)
