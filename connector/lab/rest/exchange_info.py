"""exchangeInfo and 24 h tickers of the four products, in their real shapes. Pure.

Shapes: exchangeInfo and ticker pages of binance-spot-api-docs (2026-07-21) and of fapi, dapi and
eapi (developers.binance.com, 2026-05-28).
"""

import calendar
import time
from collections.abc import Callable
from typing import Any

from connector.binance.candles import DAY_MS
from connector.binance.products import Product
from connector.lab.instrument import contract_usd
from connector.lab.market import Market
from connector.lab.payloads_tickers import statistics

Shape = dict[str, Any]
NEVER_MS = 4_133_404_800_000  # the delivery date of perpetual contracts
QUOTES = ("FDUSD", "USDT", "USDC", "BTC", "ETH", "BNB", "TRY", "EUR", "USD")
# Spot's groups of accounts: each symbol of production names some 170 of them.
GROUPS = [f"TRD_GRP_{number:03d}" for number in range(2, 172)]


def exchange_info(product: Product, market: Market, now_ms: int) -> Shape:
    """Return the whole answer of a product, without its limits."""
    name = "optionSymbols" if product == "options" else "symbols"
    listed = [_LISTINGS[product](symbol) for symbol in market.symbols.get(product, ())]
    for listing in listed:
        listing[_STATUS_KEYS.get(product, "status")] = market.status(product, listing["symbol"])
        listing.update(market.odd_keys.get((product, listing["symbol"]), {}))
    return {"timezone": "UTC", "serverTime": now_ms, "exchangeFilters": [], name: listed}


def assets(symbol: str) -> tuple[str, str]:
    """Return a pair's base and quote asset."""
    quote = next((quote for quote in QUOTES if symbol.endswith(quote)), symbol[-4:])
    return symbol.removesuffix(quote), quote


def _spot(symbol: str) -> Shape:
    base, quote = assets(symbol)
    return {
        "symbol": symbol,
        "status": "",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": True,
        "filters": _spot_filters(),
        "permissions": [],
        "permissionSets": [["SPOT", "MARGIN", *GROUPS]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def _spot_filters() -> list[Shape]:
    lots = {"minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"}
    prices = {"minPrice": "0.01000000", "maxPrice": "1000000.00000000", "tickSize": "0.01000000"}
    trailing = {"minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2000}
    trailing |= {"minTrailingBelowDelta": 10, "maxTrailingBelowDelta": 2000}
    return [
        _filter("PRICE_FILTER", **prices),
        _filter("LOT_SIZE", **lots),
        _filter("ICEBERG_PARTS", limit=100),
        _filter("MARKET_LOT_SIZE", **{**lots, "maxQty": "118.08000000"}),
        _filter("TRAILING_DELTA", **trailing),
        _filter(
            "PERCENT_PRICE_BY_SIDE",
            bidMultiplierUp="5", bidMultiplierDown="0.2", askMultiplierUp="5",
            askMultiplierDown="0.2", avgPriceMins=5,
        ),
        _filter("NOTIONAL", minNotional="5.00000000", applyMinToMarket=True, avgPriceMins=5),
        _filter("MAX_NUM_ORDERS", maxNumOrders=200),
        _filter("MAX_NUM_ORDER_LISTS", maxNumOrderLists=20),
        _filter("MAX_NUM_ALGO_ORDERS", maxNumAlgoOrders=5),
    ]  # fmt: skip


def _filter(kind: str, **values: Any) -> Shape:
    return {"filterType": kind, **values}


def _contract(symbol: str) -> Shape:
    """What USD-M and COIN-M have in common; `BTCUSDT_261225` is a quarter's contract."""
    pair, _, contract = symbol.partition("_")
    quarterly = contract not in ("", "PERP")
    base, quote = assets(pair)
    return {
        "symbol": symbol,
        "pair": pair,
        "contractType": "CURRENT_QUARTER" if quarterly else "PERPETUAL",
        "deliveryDate": delivery_ms(contract) if quarterly else NEVER_MS,
        "onboardDate": 1_569_398_400_000,
        "baseAsset": base,
        "quoteAsset": quote,
        "marginAsset": quote,
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "filters": [
            _filter("PRICE_FILTER", minPrice="0.10", maxPrice="4529764", tickSize="0.10"),
            _filter("LOT_SIZE", minQty="0.001", maxQty="1000", stepSize="0.001"),
        ],
        "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TRAILING_STOP_MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def _coinm(symbol: str) -> Shape:
    contract = _contract(symbol)
    size = contract_usd(contract["pair"])
    return contract | {"contractSize": size, "marginAsset": contract["baseAsset"]}


def _option(symbol: str) -> Shape:
    asset, day, strike, side = symbol.split("-")
    return {
        "expiryDate": delivery_ms(day),
        "filters": [_filter("PRICE_FILTER", minPrice="0.1", maxPrice="100000", tickSize="0.1")],
        "symbol": symbol,
        "side": {"C": "CALL", "P": "PUT"}[side],
        "strikePrice": strike,
        "underlying": f"{asset}USDT",
        "unit": 1,
        "minQty": "0.01",
        "maxQty": "1000",
        "priceScale": 1,
        "quantityScale": 2,
        "quoteAsset": "USDT",
        "status": "",
    }


def delivery_ms(day: str) -> int:
    """Return when a contract of a day (`261225`) is delivered: 08:00 UTC, in ms since 1970."""
    return (calendar.timegm(time.strptime(day, "%y%m%d")) + 8 * 3600) * 1000


_STATUS_KEYS: dict[Product, str] = {"coinm": "contractStatus"}
_LISTINGS: dict[Product, Callable[[str], Shape]] = {
    "spot": _spot,
    "usdm": _contract,
    "coinm": _coinm,
    "options": _option,
}


def ticker(product: Product, symbol: str, market: Market, now_ms: int, mini: bool = False) -> Shape:
    """Return one symbol's last 24 h: the statistics of its ticker streams."""
    instrument = market.instrument(product, symbol)
    day = statistics(instrument, now_ms, DAY_MS)
    last = instrument.tape.last
    last_quantity = instrument.nothing() if last is None else last.quantity
    if product == "options":
        return _option_ticker(symbol, day, last_quantity)
    row: Shape = {"symbol": symbol, "lastPrice": day["c"], "openPrice": day["o"]}
    row |= {"highPrice": day["h"], "lowPrice": day["l"], "volume": day["v"]}
    if product == "coinm":
        row |= {"pair": symbol.partition("_")[0], "baseVolume": day["q"]}
    else:
        row |= {"quoteVolume": day["q"]}
    row |= {"openTime": day["O"], "closeTime": day["C"]}
    row |= {"firstId": day["F"], "lastId": day["L"], "count": day["n"]}
    if mini:
        return row
    change = {"priceChange": day["p"], "priceChangePercent": day["P"]}
    return row | change | {"weightedAvgPrice": day["w"], "lastQty": last_quantity}


def _option_ticker(symbol: str, day: Shape, last_quantity: str) -> Shape:
    return {
        "symbol": symbol,
        "priceChange": day["p"],
        "priceChangePercent": day["P"],
        "lastPrice": day["c"],
        "lastQty": last_quantity,
        "open": day["o"],
        "high": day["h"],
        "low": day["l"],
        "volume": day["v"],
        "amount": day["q"],
        "tradeCount": day["n"],
        "strikePrice": symbol.split("-")[2],
        "exercisePrice": "3000.3356",
    }
