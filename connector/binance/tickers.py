"""24 h volumes of each symbol, comparable within a product. Pure.

Fields: `quoteVolume` on spot (binance-spot-api-docs, rest-api.md, 2026-07-21) and USD-M,
`baseVolume` on COIN-M (its `volume` counts contracts of 10 or 100 USD), `amount` on options (in the
quote asset; 24hr Ticker page of developers.binance.com, 2026-05-28). A quote volume is in the
pair's own quote asset, and 1 BTC of ETHBTC cannot be compared with 1 IDR of BTCIDR: it is converted
to USDT at the last prices of the same answer.
"""

import math
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from connector.binance.exchange_info import Listing
from connector.binance.products import Product
from connector.binance.rows import IndependentRows, OddRow
from connector.errors import Refused

_RANKED_IN = "USDT"
# One conversion for an asset that trades against USDT, two for one that trades only against such
# an asset (JPY by way of BTC), three for one that trades only against one of those.
_MAX_CONVERSIONS = 3


class _Ticker(Struct, rename="camel"):
    """Numbers are texts on the wire; a volume only ranks symbols, so a float is exact enough."""

    symbol: str
    quote_volume: float = 0.0
    last_price: float = 0.0
    base_volume: float = 0.0
    weighted_avg_price: float = 0.0
    amount: float = 0.0

    def __post_init__(self) -> None:
        numbers = self.quote_volume, self.last_price, self.base_volume, self.weighted_avg_price
        if not all(map(math.isfinite, (*numbers, self.amount))):
            raise ValueError("no finite number")  # nan would upset the order of all symbols


_TICKER = msgspec.json.Decoder(_Ticker, strict=False)


def read_tickers(
    product: Product, raw: bytes, listings: Sequence[Listing]
) -> tuple[dict[str, float], tuple[OddRow, ...]]:
    """Return the 24 h volume by symbol (in USD on COIN-M, else in USDT), and rows left out.

    A symbol whose quote asset cannot be converted to USDT now is left out: its volume is not known.
    The answer and the listings are of all symbols. A row that cannot be read is left out and named.

    Raises:
        Refused: not an answer of 24 h tickers, or one without any although symbols trade.
    """
    try:
        raws = msgspec.json.decode(raw, type=list[msgspec.Raw])
        tickers, odd = IndependentRows(product, "24 h tickers", _TICKER).read(raws)
    except msgspec.DecodeError as error:
        start = raw[:60].decode(errors="replace")
        raise Refused(f"no 24 h tickers of {product}: {error}; it begins with {start!r}") from error
    if not tickers and any(listing.is_trading for listing in listings):
        raise Refused(f"no 24 h tickers of {product}: the list is empty")
    return _volumes(product, tickers, listings), odd


def _volumes(
    product: Product, tickers: Sequence[_Ticker], listings: Sequence[Listing]
) -> dict[str, float]:
    if product == "coinm":
        return {ticker.symbol: ticker.base_volume * ticker.weighted_avg_price for ticker in tickers}
    if product == "options":
        return {ticker.symbol: ticker.amount for ticker in tickers}
    prices = {ticker.symbol: ticker.last_price for ticker in tickers if ticker.last_price > 0}
    # A delisted pair keeps its last price for ever: only trading symbols give current prices.
    trading = [listing for listing in listings if listing.is_trading and listing.symbol in prices]
    usdt = _asset_prices([(listing, prices[listing.symbol]) for listing in trading])
    rates = {each.symbol: usdt[each.quote] for each in listings if each.quote in usdt}
    known = [ticker for ticker in tickers if ticker.symbol in rates]
    return {ticker.symbol: ticker.quote_volume * rates[ticker.symbol] for ticker in known}


def _asset_prices(priced: Sequence[tuple[Listing, float]]) -> Mapping[str, float]:
    """Return assets' prices in USDT, by the fewest conversions of last prices in quote assets."""
    known = {_RANKED_IN: 1.0}
    for _ in range(_MAX_CONVERSIONS):
        new: dict[str, float] = {}
        for listing, price in priced:
            if listing.quote in known:
                new.setdefault(listing.underlying, price * known[listing.quote])
            if listing.underlying in known:
                new.setdefault(listing.quote, known[listing.underlying] / price)
        known = {**new, **known}
    return known
