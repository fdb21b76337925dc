"""exchangeInfo of the four products, in the shapes of their pages."""

import json
from collections.abc import Sequence

import pytest

from connector.binance.exchange_info import Listing, RateLimit, read_exchange_info
from connector.binance.products import Product
from connector.errors import Refused

SPOT = b"""{"timezone":"UTC","serverTime":1565246363776,"rateLimits":[
{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000},
{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100},
{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":300000},
{"rateLimitType":"CONNECTIONS","interval":"FORTNIGHT","intervalNum":1,"limit":1}],"exchangeFilters":[],
"symbols":[{"symbol":"ETHBTC","status":"TRADING","baseAsset":"ETH","baseAssetPrecision":8,
"quoteAsset":"BTC","quotePrecision":8,"orderTypes":["LIMIT"],"icebergAllowed":true,
"isSpotTradingAllowed":true,"filters":[],"permissions":[]}]}"""

USDM = b"""{"exchangeFilters":[],"rateLimits":[],"serverTime":1565613908500,"assets":[],
"symbols":[{"symbol":"BLZUSDT","pair":"BLZUSDT","contractType":"PERPETUAL",
"deliveryDate":4133404800000,"onboardDate":1598252400000,"status":"SETTLING","baseAsset":"BLZ",
"quoteAsset":"USDT","marginAsset":"USDT","underlyingType":"COIN","underlyingSubType":["STORAGE"]},
{"symbol":"BTCUSDT_260327","pair":"BTCUSDT","contractType":"CURRENT_QUARTER",
"deliveryDate":1774598400000,"status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT",
"underlyingType":"COIN"}],"timezone":"UTC"}"""

COINM = b"""{"exchangeFilters":[],"rateLimits":[],"serverTime":1565613908500,
"symbols":[{"filters":[],"orderType":["LIMIT"],"symbol":"BTCUSD_PERP","pair":"BTCUSD",
"contractType":"PERPETUAL","deliveryDate":4133404800000,"onboardDate":1580515200000,
"contractStatus":"TRADING","contractSize":100,"quoteAsset":"USD","baseAsset":"BTC",
"marginAsset":"BTC","underlyingType":"COIN"}],"timezone":"UTC"}"""

OPTIONS = b"""{"timezone":"UTC","serverTime":1592387156596,
"optionContracts":[{"baseAsset":"BTC","quoteAsset":"USDT","underlying":"BTCUSDT",
"settleAsset":"USDT"}],"optionAssets":[{"name":"USDT"}],
"optionSymbols":[{"expiryDate":1660521600000,"filters":[],"symbol":"BTC-220815-50000-C",
"side":"CALL","strikePrice":"50000","underlying":"BTCUSDT","unit":1,"quoteAsset":"USDT"}],
"rateLimits":[]}"""


@pytest.mark.parametrize(
    ("product", "raw", "listings"),
    [
        (
            "spot",
            SPOT,
            [Listing("spot", "ETHBTC", "ETHBTC", "ETH", "BTC", "", "TRADING", None)],
        ),
        (
            "usdm",
            USDM,
            [
                Listing("usdm", "BLZUSDT", "BLZUSDT", "BLZ", "USDT", "PERPETUAL", "SETTLING", None),
                Listing(
                    "usdm",
                    "BTCUSDT_260327",
                    "BTCUSDT",
                    "BTC",
                    "USDT",
                    "CURRENT_QUARTER",
                    "TRADING",
                    1774598400000,
                ),
            ],
        ),
        (
            "coinm",
            COINM,
            [Listing("coinm", "BTCUSD_PERP", "BTCUSD", "BTC", "USD", "PERPETUAL", "TRADING", None)],
        ),
        (
            "options",
            OPTIONS,
            [
                Listing(
                    "options",
                    "BTC-220815-50000-C",
                    "BTCUSDT",
                    "BTCUSDT",
                    "USDT",
                    "CALL",
                    "TRADING",
                    1660521600000,
                )
            ],
        ),
    ],
)
def test_every_product_reads_into_the_same_shape(
    product: Product, raw: bytes, listings: list[Listing]
) -> None:
    assert read_exchange_info(product, raw).listings == tuple(listings)


def test_a_settling_contract_is_not_trading() -> None:
    assert [listing.is_trading for listing in read_exchange_info("usdm", USDM).listings] == [
        False,
        True,
    ]


@pytest.mark.parametrize("product", ["spot", "usdm", "coinm", "options"])
@pytest.mark.parametrize("raw", [b"<html>451</html>", b'{"code":-1003,"msg":"banned"}', b"\xff"])
def test_what_is_no_exchange_info_is_refused_with_its_beginning(
    product: Product, raw: bytes
) -> None:
    with pytest.raises(Refused, match=f"^no exchangeInfo of {product}: .*; it begins with "):
        read_exchange_info(product, raw)


@pytest.mark.parametrize("product", ["spot", "usdm", "coinm", "options"])
def test_an_answer_that_lists_no_symbol_is_no_exchange_info(product: Product) -> None:
    with pytest.raises(Refused, match=f"^no exchangeInfo of {product}: it lists no symbol at all$"):
        read_exchange_info(product, b'{"symbols":[],"optionSymbols":[]}')


def test_another_products_answer_is_refused() -> None:
    with pytest.raises(Refused, match="no exchangeInfo of options"):
        read_exchange_info("options", SPOT)


def test_limits_are_read_with_their_windows_and_unknown_windows_left_out() -> None:
    assert read_exchange_info("spot", SPOT).limits == (
        RateLimit("REQUEST_WEIGHT", 60, 6000),
        RateLimit("ORDERS", 10, 100),
        RateLimit("RAW_REQUESTS", 300, 300_000),
    )


def rows(*symbols: dict[str, object], limits: Sequence[object] = ()) -> bytes:
    """Return an answer of USD-M: rows with these changes."""
    row = {
        "symbol": "BTCUSDT",
        "pair": "BTCUSDT",
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
    }
    answer = {"symbols": [row | changes for changes in symbols], "rateLimits": list(limits)}
    return json.dumps(answer).encode()


def test_a_row_that_cannot_be_read_is_left_out_and_named() -> None:
    raw = rows({}, {"symbol": "NEWUSDT", "contractType": None}, {"symbol": "ETHUSDT"})

    info = read_exchange_info("usdm", raw)

    assert [listing.symbol for listing in info.listings] == ["BTCUSDT", "ETHUSDT"]
    assert [str(row) for row in info.odd] == [
        "usdm exchangeInfo: NEWUSDT is left out: Expected `str`, got `null` - at `$.contractType`"
    ]


def test_a_limit_that_cannot_be_read_is_left_out_and_named() -> None:
    good = {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": 2400,
    }
    odd = good | {"rateLimitType": "ORDERS", "limit": "many"}

    info = read_exchange_info("usdm", rows({}, limits=[odd, good]))

    assert info.limits == (RateLimit("REQUEST_WEIGHT", 60, 2400),)
    assert [(row.source, row.name) for row in info.odd] == [("rateLimits", "ORDERS")]


def test_limits_of_another_shape_cost_no_symbol() -> None:
    info = read_exchange_info("usdm", rows({}, limits=[7, 8]))

    assert (len(info.listings), info.limits) == (1, ())
    assert [row.name for row in info.odd] == ["every row"]


def test_rows_that_can_none_be_read_are_no_exchange_info() -> None:
    with pytest.raises(Refused, match=r"no exchangeInfo of usdm: Expected `str`, got `null`"):
        read_exchange_info("usdm", rows({"contractType": None}))


@pytest.mark.parametrize("key", ["symbol", "pair"])
def test_a_row_without_a_name_is_left_out(key: str) -> None:
    info = read_exchange_info("usdm", rows({}, {key: ""}))

    assert [listing.symbol for listing in info.listings] == ["BTCUSDT"]
    assert [row.cause for row in info.odd] == [f"Expected `str` of length >= 1 - at `$.{key}`"]
