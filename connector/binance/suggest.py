"""Suggestions for a wrong stream name: patterns of similar spelling, or of another word. Pure."""

import difflib
import re
from functools import cache

from connector.binance.catalogue import rows_of, subscribable
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_pattern import tail

_SYNONYMS = {  # Binance's word, and common ones: longer ones before those they begin with
    "kline": ("candlestick", "candle", "ohlcv", "ohlc"),
    "forceOrder": ("liquidation",),
    "markPrice": ("fundingrate", "funding"),
    "depth": ("orderbook",),
    "bookTicker": ("bestbidask", "bbo", "quote"),
    "agg": ("aggregate",),
}
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
    patterns = (row.pattern for row in rows_of(product) if subscribable(row))
    return tuple((pattern, _normalised(pattern)) for pattern in patterns)


def _normalised(name: str) -> str:
    """Return what follows the symbol, lower case, without `_`, `-`, blanks, in Binance's words."""
    text = re.sub(r"[\s_-]", "", tail(name).lower())
    for word, synonyms in _SYNONYMS.items():
        for synonym in synonyms:
            text = text.replace(synonym, word.lower())
    return text
