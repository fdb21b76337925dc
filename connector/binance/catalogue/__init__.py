"""The catalogue: every stream of the four products and all the connector knows of each.

Never looks at a message and never parses a name: `names` does that. One row here, one `.avsc`
and one golden sample make a new stream.
"""

from functools import cache

from connector.binance.catalogue import coinm, options, spot, usdm
from connector.binance.catalogue.row import (
    Cadence,
    RestHistory,
    Row,
    Sequence,
    SequenceRule,
    Status,
)
from connector.binance.products import Product

__all__ = [
    "KINDS",
    "OTHER_FUTURES",
    "ROWS",
    "Cadence",
    "RestHistory",
    "Row",
    "Sequence",
    "SequenceRule",
    "Status",
    "find",
    "is_merged",
    "rows_of",
    "subscribable",
]

_BY_PRODUCT: dict[Product, tuple[Row, ...]] = {
    "spot": spot.ROWS,
    "usdm": usdm.ROWS,
    "coinm": coinm.ROWS,
    "options": options.ROWS,
}

ROWS: tuple[Row, ...] = tuple(row for rows in _BY_PRODUCT.values() for row in rows)

# Record types in the order of their first row; events make no record and have none.
KINDS: tuple[str, ...] = tuple(dict.fromkeys(row.kind for row in ROWS if row.kind))

# Since 2026-06-30 the whole-market streams of one carry rows of the other too.
OTHER_FUTURES: dict[Product, Product] = {"usdm": "coinm", "coinm": "usdm"}

_BY_PATTERN = {(row.product, row.pattern): row for row in ROWS}


def rows_of(product: Product) -> tuple[Row, ...]:
    """The rows of one product, in the order of its documentation."""
    return _BY_PRODUCT[product]


def find(product: Product, pattern: str) -> Row:
    """The row with exactly this pattern.

    Raises:
        KeyError: No row has it; for names typed by a user, see `names.parse`.
    """
    return _BY_PATTERN[product, pattern]


def subscribable(row: Row) -> bool:
    """Whether Binance serves this stream to those who ask: not retired, and no mere event."""
    return row.status not in {"retired", "event"}


@cache
def is_merged(row: Row) -> bool:
    """Say whether USD-M and COIN-M serve the same content under this whole-market name."""
    if row.product not in OTHER_FUTURES or not row.pattern.startswith("!"):
        return False
    patterns = [other.pattern for other in ROWS if other.product in OTHER_FUTURES]
    return patterns.count(row.pattern) > 1
