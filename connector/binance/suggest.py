"""Suggestions for a wrong stream name: patterns of similar spelling, or of another word. Pure."""

import difflib
import re
from functools import cache

from connector.binance.catalogue import rows_of, subscribable
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_pattern import tail

_SYNONYMS = (  # a common word, and Binance's
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
_MIN_SIMILARITY = 0.8  # of another product's stream that is worth naming; 1.0 is the same text


def nearest(product: Product, name: str) -> list[str]:
    """Return the product's three patterns most similar to the name, symbols left out."""
    scores = _scores(product, _normalised(name))
    return sorted(scores, key=scores.__getitem__, reverse=True)[:3]


def nearest_elsewhere(product: Product, name: str) -> dict[Product, str]:
    """Return other products' patterns that are more similar to the name than any of this one's."""
    wanted = _normalised(name)
    threshold = max(_MIN_SIMILARITY, *_scores(product, wanted).values())
    return {
        other: max(scores, key=scores.__getitem__)
        for other in PRODUCTS
        if max((scores := _scores(other, wanted)).values()) > threshold
    }


def _scores(product: Product, wanted: str) -> dict[str, float]:
    """Return each pattern's similarity to a normalised name, 0 to 1."""
    return {
        pattern: difflib.SequenceMatcher(None, wanted, normalised).ratio()
        for pattern, normalised in _patterns(product)
    }


@cache
def _patterns(product: Product) -> tuple[tuple[str, str], ...]:
    """Return the product's patterns, each with its normalised form."""
    rows = [row for row in rows_of(product) if subscribable(row)]
    return tuple((row.pattern, _normalised(row.pattern)) for row in rows)


def _normalised(name: str) -> str:
    """Return what follows the symbol, lower case, without `_`, `-`, blanks, in Binance's words."""
    text = re.sub(r"[\s_-]", "", tail(name).lower())
    for common, binances in _SYNONYMS:
        text = text.replace(common, binances.lower())
    return text
