"""The catalogue: a row of facts for every stream of the four products.

Data only: names are parsed in stream_name.py. A new stream needs one row here, one golden sample
and, if its kind is new, one `.avsc`.
"""

from functools import cache

from connector.binance.catalogue import coinm, options, spot, usdm
from connector.binance.catalogue.row import Row
from connector.binance.products import Product

_BY_PRODUCT: dict[Product, tuple[Row, ...]] = {
    "spot": spot.ROWS,
    "usdm": usdm.ROWS,
    "coinm": coinm.ROWS,
    "options": options.ROWS,
}

ROWS: tuple[Row, ...] = tuple(row for rows in _BY_PRODUCT.values() for row in rows)

# Since 2026-06-30 the whole-market streams of either product carry rows of the other too.
OTHER_FUTURES: dict[Product, Product] = {"usdm": "coinm", "coinm": "usdm"}


def rows_of(product: Product) -> tuple[Row, ...]:
    """Return the rows of one product, in the order of its documentation."""
    return _BY_PRODUCT[product]


def subscribable(row: Row) -> bool:
    """Return whether a SUBSCRIBE for this stream has an effect: not retired, not an event."""
    return row.status not in {"retired", "event"}


@cache
def is_merged(row: Row) -> bool:
    """Return whether USD-M and COIN-M send the same content under this whole-market name."""
    if row.product not in OTHER_FUTURES or not row.pattern.startswith("!"):
        return False
    patterns = [other.pattern for other in ROWS if other.product in OTHER_FUTURES]
    return patterns.count(row.pattern) > 1
