"""What the 24 h tickers say of each symbol's trade, made comparable within a product. Pure.

Fields: `quoteVolume` on spot (binance-spot-api-docs, rest-api.md, 2026-07-21) and USD-M,
`baseVolume` on COIN-M (its `volume` counts contracts of 10 or 100 USD), `amount` on options (in the
quote asset; 24hr Ticker page of developers.binance.com, 2026-05-28). A quote volume is in the
pair's own quote asset: 1 BTC of ETHBTC and 1 IDR of BTCIDR are no rank. So it is turned into USDT
at the last prices of the same answer.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from connector.binance.exchange_info import Listing
from connector.binance.products import Product
from connector.errors import Refused

COMMON = "USDT"
# An asset that trades against USDT only by way of another (JPY by way of BTC) needs two rounds;
# the third is for what trades only against such a one.
_ROUNDS = 3


class _Ticker(Struct, rename="camel"):
    """Numbers are on the wire in strings; a volume is for ranking, a float is exact enough."""

    symbol: str
    quote_volume: float = 0.0
    last_price: float = 0.0
    base_volume: float = 0.0
    weighted_avg_price: float = 0.0
    amount: float = 0.0


def read_volumes(product: Product, raw: bytes, listings: Sequence[Listing]) -> dict[str, float]:
    """The 24 h volume of each symbol in an answer of 24 h tickers: USD on COIN-M, else USDT.

    Args:
        product: Whose answer it is.
        raw: The tickers of all symbols.
        listings: The product's symbols: they say in which asset a volume is quoted. A symbol whose
            quote asset has no way to USDT has the volume 0 and is ranked last.

    Raises:
        Refused: This is no answer of 24 h tickers.
    """
    try:
        tickers = msgspec.json.decode(raw, type=list[_Ticker], strict=False)
    except msgspec.DecodeError as error:
        start = raw[:60].decode(errors="replace")
        raise Refused(f"no 24 h tickers of {product}: {error}; it begins with {start!r}") from error
    if product == "coinm":
        return {one.symbol: one.base_volume * one.weighted_avg_price for one in tickers}
    if product == "options":
        return {one.symbol: one.amount for one in tickers}
    prices = {one.symbol: one.last_price for one in tickers if one.last_price > 0}
    # A delisted pair keeps its last price for ever: only what trades says what an asset is worth.
    trading = [one for one in listings if one.is_trading and one.symbol in prices]
    worth = _in_common([(one, prices[one.symbol]) for one in trading])
    quotes = {one.symbol: worth.get(one.quote, 0.0) for one in listings}
    return {one.symbol: one.quote_volume * quotes.get(one.symbol, 0.0) for one in tickers}


def _in_common(priced: Sequence[tuple[Listing, float]]) -> Mapping[str, float]:
    """Return what one unit of each asset is worth in USDT, by the fewest conversions."""
    worth = {COMMON: 1.0}
    for _ in range(_ROUNDS):
        found: dict[str, float] = {}
        for listing, price in priced:
            if listing.quote in worth:
                found.setdefault(listing.underlying, price * worth[listing.quote])
            if listing.underlying in worth:
                found.setdefault(listing.quote, worth[listing.underlying] / price)
        worth = {**found, **worth}
    return worth
