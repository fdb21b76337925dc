"""Catalogue rows by product and pattern."""

from connector.binance.catalogue import rows_of
from connector.binance.catalogue.row import Row
from connector.binance.products import Product


def find(product: Product, pattern: str) -> Row:
    """The only row of the product with exactly this pattern."""
    [row] = [row for row in rows_of(product) if row.pattern == pattern]
    return row
