"""Which stream a wrong name may have meant: by its wording, and by what else it is called. Pure."""

import difflib
import re
from functools import cache

from connector.binance.catalogue import rows_of, subscribable
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_pattern import tail

# What people say -> what Binance does.
_ALSO_CALLED = (
    ("candlestick", "kline"),
    ("candle", "kline"),
    ("ohlcv", "kline"),
    ("ohlc", "kline"),
    ("liquidation", "forceOrder"),
    ("fundingrate", "markPrice"),
    ("funding", "markPrice"),
    ("orderbook", "depth"),
    ("bestbidask", "bookTicker"),
    ("bbo", "bookTicker"),
    ("quote", "bookTicker"),
    ("aggregate", "agg"),
)
_SURE = 0.8  # so alike, another product's stream is worth naming


def nearest(product: Product, name: str) -> list[str]:
    """Return the three patterns whose wording looks most like the name's, whatever its symbol."""
    scores = _scores(product, _wording(name))
    return sorted(scores, key=scores.__getitem__, reverse=True)[:3]


def elsewhere(product: Product, name: str) -> str:
    """Return what another product has that is more like the name than anything of this one."""
    wanted = _wording(name)
    best = max(_scores(product, wanted).values(), default=0.0)
    found = {
        other: max(scores, key=scores.__getitem__)
        for other in PRODUCTS
        if max((scores := _scores(other, wanted)).values()) > max(best, _SURE)
    }
    told = " and ".join(f"{other} has {pattern}" for other, pattern in found.items())
    return f". But {told}" if told else ""


def _scores(product: Product, wanted: str) -> dict[str, float]:
    """Return how alike each pattern is, by pattern."""
    return {
        pattern: difflib.SequenceMatcher(None, wanted, wording).ratio()
        for pattern, wording in _wordings(product)
    }


@cache
def _wordings(product: Product) -> tuple[tuple[str, str], ...]:
    rows = [row for row in rows_of(product) if subscribable(row)]
    return tuple((row.pattern, _wording(row.pattern)) for row in rows)


def _wording(name: str) -> str:
    said = re.sub(r"[\s_-]", "", tail(name).lower())
    for also, binances in _ALSO_CALLED:
        said = said.replace(also, binances.lower())
    return said
