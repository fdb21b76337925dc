"""The catalogue of user data events: a layout for every event type of every product.

Data only; account/records.py makes records by it. A new event needs one row here and one golden
sample. A type that is not here is kept whole in `raw_json`.
"""

from collections.abc import Mapping
from typing import get_args

from connector.binance.account_events import (
    futures,
    options,
    portfolio,
    rest_rows,
    rest_rows_portfolio,
    spot,
)
from connector.binance.account_events.layout import AccountProduct, EventLayout
from connector.errors import Refused, did_you_mean

LAYOUTS: tuple[EventLayout, ...] = (
    *spot.LAYOUTS,
    *futures.LAYOUTS,
    *options.LAYOUTS,
    *portfolio.LAYOUTS,
)
ACCOUNT_PRODUCTS: tuple[AccountProduct, ...] = get_args(AccountProduct)
_SHORT: Mapping[str, AccountProduct] = {
    "pm": "portfolio_margin",
    "pmpro": "portfolio_margin_pro",
}
FACT_LAYOUTS: tuple[EventLayout, ...] = (
    *rest_rows.FACT_LAYOUTS,
    *rest_rows_portfolio.FACT_LAYOUTS,
)
_FACTS = {(layout.product, layout.event): layout for layout in FACT_LAYOUTS}
_BY_NAME = {(layout.product, layout.event): layout for layout in LAYOUTS}
# Whose events a reader of one product may meet too: the risk events of margin have a socket of
# their own, and one account's captures are often kept together.
_RELATIVES: Mapping[AccountProduct, tuple[AccountProduct, ...]] = {
    "margin": ("margin_risk", "margin_uta"),
    "spot": ("margin",),
}


def find_layout(product: AccountProduct, event: str) -> EventLayout | None:
    """Return the layout of an event, of the product or of a relative; None: nobody has it."""
    for name in (product, *_RELATIVES.get(product, ())):
        if (name, event) in _BY_NAME:
            return _BY_NAME[name, event]
    return None


def find_fact_layout(product: AccountProduct, fact: str) -> EventLayout | None:
    """Return the layout of a fetched fact's row, such as order_state; None: nobody has it."""
    return _FACTS.get((product, fact))


def account_product(name: str) -> AccountProduct:
    """Return the product that a name means, such as usdm or portfolio-margin; raises Refused."""
    wanted = name.lower().replace("-", "_")
    product = _SHORT.get(wanted)
    product = product or next((each for each in ACCOUNT_PRODUCTS if each == wanted), None)
    if product is not None:
        return product
    near = did_you_mean(name, ACCOUNT_PRODUCTS)
    meant = f"did you mean {near}?" if near else f"products: {', '.join(ACCOUNT_PRODUCTS)}"
    raise Refused(f"{name!r} is no product with accounts; {meant}")
