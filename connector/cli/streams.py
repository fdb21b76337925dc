"""`bkc streams`: the catalogue of every stream, for people and for machines."""

from typing import Annotated

from typer import Option

from connector.binance.products import Product
from connector.cli.arguments import PRODUCT_NAMES, AsJson


def streams(
    product: Annotated[
        Product | None, Option(metavar="PRODUCT", help=f"Only those of {PRODUCT_NAMES}.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List every stream that there is.

    On a wide terminal, and with --json, also endpoint, topic, key, time and sequence rule.
    """
    from connector.cli import streams_table

    streams_table.show(product, as_json=as_json)
