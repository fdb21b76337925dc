"""The stream of a raw payload, as far as the payload decides it."""

import json
from pathlib import Path

import pytest

from connector.binance.infer import infer_stream
from connector.binance.products import Product
from connector.errors import Refused

SAMPLES = Path(__file__).parent.parent / "golden" / "samples"


@pytest.mark.parametrize(
    ("product", "payload", "name"),
    [
        ("spot", {"e": "trade", "s": "BTCUSDT"}, "btcusdt@trade"),
        ("spot", {"e": "kline", "s": "BTCUSDT", "k": {"i": "3m"}}, "btcusdt@kline_3m"),
        ("spot", {"e": "4hTicker", "s": "BTCUSDT"}, "btcusdt@ticker_4h"),
        ("spot", [{"e": "4hTicker", "s": "BTCUSDT"}], "!ticker_4h@arr"),
        ("usdm", {"e": "forceOrder", "o": {"s": "BTCUSDT"}}, "btcusdt@forceOrder"),
        ("usdm", {"e": "continuous_kline", "ps": "BTCUSDT", "ct": "PERPETUAL", "k": {"i": "1m"}},
         "btcusdt_perpetual@continuousKline_1m"),
        ("coinm", {"e": "indexPriceUpdate", "i": "BTCUSD"}, "btcusd@indexPrice"),
        ("coinm", {"e": "markPriceUpdate", "s": "BTCUSD_PERP"}, "btcusd_perp@markPrice"),
        ("usdm", {"e": "HK_EquityUpdate"}, "tradingSession"),
    ],
)  # fmt: skip
def test_event_type_symbol_and_interval_name_the_stream(
    product: Product, payload: object, name: str
) -> None:
    assert infer_stream(product, payload).name == name


def test_a_book_ticker_of_spot_is_known_by_its_keys() -> None:
    sample = json.loads((SAMPLES / "spot" / "symbol-bookTicker.json").read_text())

    assert "e" not in sample["data"]
    assert infer_stream("spot", sample["data"]).name == sample["stream"]


def test_a_retired_stream_is_inferred_where_no_other_has_such_an_array() -> None:
    assert infer_stream("spot", [{"e": "24hrTicker", "s": "BTCUSDT"}]).name == "!ticker@arr"


def test_what_a_payload_does_not_contain_is_the_examples() -> None:
    stream = infer_stream("usdm", {"e": "depthUpdate", "s": "ETHUSDT"})

    assert (stream.parameters["symbol"], stream.row.product) == ("ethusdt", "usdm")


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"e": "newsFlash"}, "such a payload (newsFlash): give --stream NAME"),
        ({"bids": [], "asks": []}, "such a payload (without e): give --stream NAME"),
        ([], "neither an object nor an array of objects"),
        ("text", "neither an object nor an array of objects"),
    ],
)
def test_what_no_row_sends_is_refused(payload: object, words: str) -> None:
    with pytest.raises(Refused) as refused:
        infer_stream("spot", payload)

    assert words in str(refused.value)
