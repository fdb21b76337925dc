"""Symbols as other tools write them, and as Binance does."""

import pytest

from connector.binance.notation import binance_symbol
from connector.binance.products import Product


@pytest.mark.parametrize(
    ("product", "written", "symbol"),
    [
        ("spot", "BTC/USDT", "BTCUSDT"),
        ("spot", "btc/usdt", "BTCUSDT"),
        ("spot", "BTC-USDT", "BTCUSDT"),
        ("spot", "BTC_USDT", "BTCUSDT"),
        ("spot", "BINANCE:BTCUSDT", "BTCUSDT"),
        ("spot", "BTCUSDT.BINANCE", "BTCUSDT"),
        ("spot", "币安人生/USDT", "币安人生USDT"),
        ("spot", "1000SATS/USDT", "1000SATSUSDT"),
        ("spot", "BTC/*", "BTC*"),
        ("usdm", "BTC/USDT:USDT", "BTCUSDT"),
        ("usdm", "BTC/USDT", "BTCUSDT"),
        ("usdm", "BTC-USDT-PERP", "BTCUSDT"),
        ("usdm", "BTC-USDT-SWAP", "BTCUSDT"),
        ("usdm", "BTCUSDT_PERP", "BTCUSDT"),
        ("usdm", "BTCUSDT-PERP.BINANCE", "BTCUSDT"),
        ("usdm", "BINANCE:BTCUSDT.P", "BTCUSDT"),
        ("usdm", "BTC/USDT:USDT-261225", "BTCUSDT_261225"),
        ("usdm", "BTCUSDT-261225", "BTCUSDT_261225"),
        ("coinm", "BTC/USD:BTC", "BTCUSD_PERP"),
        ("coinm", "BTC-USD", "BTCUSD_PERP"),
        ("coinm", "BTC/USD:BTC-261225", "BTCUSD_261225"),
        ("options", "BTC/USDT:USDT-261225-100000-C", "BTC-261225-100000-C"),
        ("options", "BTC/USDT", "BTCUSDT"),
    ],
)
def test_another_tools_symbol_is_written_as_binance_does(
    product: Product, written: str, symbol: str
) -> None:
    assert binance_symbol(product, written) == symbol


@pytest.mark.parametrize(
    ("product", "written"),
    [
        ("spot", "BTCUSDT"),
        ("spot", "btcusdt"),
        ("spot", "币安人生USDT"),
        ("usdm", "BTCUSDT"),
        ("usdm", "BTCUSDT_261225"),
        ("usdm", "我踏马来了USDT"),
        ("coinm", "BTCUSD"),  # a pair
        ("coinm", "BTCUSD_PERP"),
        ("coinm", "BTCUSD_261225"),
        ("options", "BTC-261225-100000-C"),
        ("options", "BTCUSDT"),  # an underlying
        ("spot", "BTC*"),
        ("spot", "/"),
        ("spot", "BTC/"),
        ("spot", ""),
        ("spot", "BTCUSDT_261225"),
    ],
)
def test_binances_own_symbols_and_nonsense_are_left_alone(product: Product, written: str) -> None:
    assert binance_symbol(product, written) is None
