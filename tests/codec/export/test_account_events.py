"""The page's tables of user data events."""

from connector.binance.account_events import ACCOUNT_PRODUCTS, FACT_LAYOUTS, LAYOUTS
from connector.codec.export.account_events import section


def test_every_event_has_a_row_in_the_table_of_its_product() -> None:
    parts = section()

    for product in ACCOUNT_PRODUCTS:
        table = parts[parts.index(f"### {product}") + 1]
        events = [layout.event for layout in LAYOUTS if layout.product == product]
        assert [line.split("`")[1] for line in table.splitlines()[2:]] == events


def test_every_fetched_fact_has_a_row() -> None:
    table = section()[-1]

    assert len(table.splitlines()) == 2 + len(FACT_LAYOUTS)
