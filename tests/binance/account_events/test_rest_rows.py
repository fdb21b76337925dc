"""Layouts of fetched rows."""

import pytest

from connector.account.layouts import compile_layout
from connector.binance.account_events import FACT_LAYOUTS, find_fact_layout
from connector.binance.account_events.layout import EventLayout


@pytest.mark.parametrize("layout", FACT_LAYOUTS, ids=lambda row: f"{row.product}/{row.event}")
def test_every_row_leads_to_fields_that_the_record_has(layout: EventLayout) -> None:
    assert compile_layout(layout)
    assert set(layout.dedupe) <= layout.fields.keys() | {"as_of"}


def test_spot_has_no_positions_and_futures_have() -> None:
    assert find_fact_layout("spot", "position_state") is None
    assert find_fact_layout("usdm", "position_state") is not None
