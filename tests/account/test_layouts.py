"""Layouts compiled against the schema."""

from dataclasses import replace

import pytest

from connector.account.layouts import (
    PASSED,
    ArrayTarget,
    FieldTarget,
    UnfitValue,
    compile_layout,
)
from connector.binance.account_events import LAYOUTS, find_layout
from connector.binance.account_events.layout import EventLayout


def layout(product: str, event: str) -> EventLayout:
    found = find_layout(product, event)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize("row", LAYOUTS, ids=lambda row: f"{row.product}/{row.event}")
def test_every_layout_leads_to_fields_that_the_record_has(row: EventLayout) -> None:
    assert compile_layout(row)["e"] is PASSED


def test_a_field_that_the_record_lacks_is_an_error() -> None:
    row = replace(layout("spot", "balanceUpdate"), fields={"a": "balances[].none"})

    with pytest.raises(KeyError):
        compile_layout(row)


def test_paths_become_a_tree_of_objects_arrays_and_fields() -> None:
    tree = compile_layout(layout("usdm", "ACCOUNT_UPDATE"))

    assert isinstance(tree["E"], FieldTarget)
    balances = tree["a"]["B"]
    assert isinstance(balances, ArrayTarget)
    assert (balances.section, balances.keys["wb"].name) == ("balances", "wallet_balance")


def test_a_value_outside_an_array_may_become_an_item_of_one() -> None:
    target = compile_layout(layout("spot", "balanceUpdate"))["a"]

    assert (target.section, target.name, target.in_array) == ("balances", "asset", True)


def test_secrets_and_ignored_keys_are_passed_over() -> None:
    assert compile_layout(layout("usdm", "listenKeyExpired"))["listenKey"] is PASSED
    assert compile_layout(layout("portfolio_margin", "ORDER_TRADE_UPDATE"))["o"]["sp"] is PASSED


def test_converters_refuse_what_does_not_fit() -> None:
    tree = compile_layout(layout("usdm", "ORDER_TRADE_UPDATE"))["o"]

    assert tree["i"].convert(0) is None  # an order's id
    assert tree["gtd"].convert(0) is None  # a time
    assert tree["t"].convert("5") == 5
    for key, value in (("q", True), ("t", 1.5), ("T", -(10**15)), ("m", 1), ("s", None)):
        with pytest.raises(UnfitValue):
            tree[key].convert(value)
