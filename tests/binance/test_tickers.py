"""24 h tickers of the four products, in the shapes of their pages, made comparable."""

import json
from typing import Any

import pytest

from connector.binance.exchange_info import Listing
from connector.binance.products import Product
from connector.binance.tickers import read_tickers
from connector.errors import Refused


def pair(base: str, quote: str, product: Product = "spot", status: str = "TRADING") -> Listing:
    return Listing(product, base + quote, base + quote, base, quote, "", status, None)


def mini(symbol: str, price: str, quote_volume: str) -> dict[str, Any]:
    """A row of /api/v3/ticker/24hr?type=MINI."""
    return {
        "symbol": symbol, "openPrice": price, "highPrice": price, "lowPrice": price,
        "lastPrice": price, "volume": "1.00000000", "quoteVolume": quote_volume,
        "openTime": 1794913600000, "closeTime": 1795000000000, "firstId": 1, "lastId": 9,
        "count": 9,
    }  # fmt: skip


def test_volumes_in_other_assets_are_turned_into_usdt() -> None:
    listings = [pair("ETH", "BTC"), pair("BTC", "USDT"), pair("USDT", "TRY"), pair("BNB", "TRY")]
    tickers = [
        mini("ETHBTC", "0.05", "2"),
        mini("BTCUSDT", "80000.00", "1000000.00"),
        mini("USDTTRY", "40.0", "400.0"),
        mini("BNBTRY", "32000.0", "800.0"),
    ]

    volumes = read_tickers("spot", json.dumps(tickers).encode(), listings)[0]

    assert volumes == {"ETHBTC": 160_000.0, "BTCUSDT": 1_000_000.0, "USDTTRY": 10.0, "BNBTRY": 20.0}


def test_an_asset_is_valued_by_way_of_another_and_has_no_volume_without_a_way() -> None:
    listings = [pair("XRP", "JPY"), pair("BTC", "JPY"), pair("BTC", "USDT"), pair("A", "B")]
    tickers = [
        mini("XRPJPY", "300", "1200"),
        mini("BTCJPY", "12000000", "0"),
        mini("BTCUSDT", "80000", "0"),
        mini("AB", "1", "1000"),
        mini("NOTLISTED", "1", "1000"),
    ]

    volumes = read_tickers("spot", json.dumps(tickers).encode(), listings)[0]

    assert volumes["XRPJPY"] == pytest.approx(8.0)
    assert volumes.keys() == {"XRPJPY", "BTCJPY", "BTCUSDT"}


def test_the_last_price_of_a_delisted_pair_values_nothing() -> None:
    listings = [pair("ABC", "USDT", status="BREAK"), pair("X", "ABC")]
    tickers = [mini("ABCUSDT", "1000", "0"), mini("XABC", "1", "5")]

    assert "XABC" not in read_tickers("spot", json.dumps(tickers).encode(), listings)[0]


def test_coin_margined_volumes_are_base_volumes_at_the_average_price() -> None:
    raw = b"""[{"symbol":"BTCUSD_PERP","pair":"BTCUSD","weightedAvgPrice":"80000.0",
    "lastPrice":"81000.0","lastQty":"1","volume":"1600","baseVolume":"2.0","count":7},
    {"symbol":"XRPUSD_PERP","pair":"XRPUSD","weightedAvgPrice":"2.0","volume":"9000",
    "baseVolume":"45000"}]"""

    assert read_tickers("coinm", raw, [])[0] == {"BTCUSD_PERP": 160_000.0, "XRPUSD_PERP": 90_000.0}


def test_option_volumes_are_amounts_in_the_quote_asset() -> None:
    raw = b"""[{"symbol":"BTC-261225-100000-C","lastPrice":"1000","open":"1016.2","volume":"5",
    "amount":"5100.5","tradeCount":5,"strikePrice":"100000","exercisePrice":"3000.3356"}]"""

    assert read_tickers("options", raw, [])[0] == {"BTC-261225-100000-C": 5100.5}


@pytest.mark.parametrize("raw", [b"<html>", b'{"code":-1003,"msg":"banned"}', b'[{"a":1}]'])
def test_what_is_no_tickers_is_refused_with_its_beginning(raw: bytes) -> None:
    with pytest.raises(Refused, match=r"^no 24 h tickers of usdm: .*; it begins with "):
        read_tickers("usdm", raw, [])[0]


def test_a_row_that_cannot_be_read_is_left_out_and_named() -> None:
    raw = b"""[{"symbol":"A-1-C","amount":"5"},{"symbol":"B-1-C","amount":null},
    {"symbol":"C-1-C","amount":"7"}]"""

    volumes, odd = read_tickers("options", raw, [])

    assert volumes == {"A-1-C": 5.0, "C-1-C": 7.0}
    assert [str(row) for row in odd] == [
        "options 24 h tickers: B-1-C is left out: Expected `float`, got `null` - at `$.amount`"
    ]


def test_no_ticker_at_all_is_no_answer_while_symbols_trade() -> None:
    """Else all would rank alike, and a `top` would change to the first ones of the alphabet."""
    with pytest.raises(Refused, match=r"^no 24 h tickers of spot: the list is empty$"):
        read_tickers("spot", b"[]", [pair("BTC", "USDT")])

    assert read_tickers("spot", b"[]", [pair("BTC", "USDT", status="BREAK")]) == ({}, ())


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_volume_that_is_no_number_is_left_out_and_named(number: str) -> None:
    tickers = [mini("BTCUSDT", "1", number), mini("ETHUSDT", "1", "5")]
    listings = [pair("BTC", "USDT"), pair("ETH", "USDT")]

    volumes, odd = read_tickers("spot", json.dumps(tickers).encode(), listings)

    assert (volumes, [row.name for row in odd]) == ({"ETHUSDT": 5.0}, ["BTCUSDT"])
