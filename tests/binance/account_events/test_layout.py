"""Short ways to write layouts, and their lookup."""

import pytest

from connector.binance.account_events import LAYOUTS, account_product, find_layout
from connector.binance.account_events.layout import events, every, inside, order_update
from connector.errors import Refused


def test_objects_and_arrays_are_written_as_paths() -> None:
    assert inside("o", {"s": "symbol"}) == {"o.s": "symbol"}
    assert every("a.B", "balances", {"a": "asset"}) == {"a.B[].a": "balances[].asset"}
    assert order_update({"S": "side"}) == {"S": "order_update.side"}


def test_events_that_only_happen_have_their_time() -> None:
    [layout] = events("spot", ("serverShutdown",))

    assert (layout.fields, layout.dedupe) == ({"E": "event_time"}, ("E",))


def test_there_are_fifty_six_events_and_none_twice() -> None:
    assert len({(layout.product, layout.event) for layout in LAYOUTS}) == len(LAYOUTS) == 56


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda row: f"{row.product}/{row.event}")
def test_what_tells_an_event_apart_is_in_the_event(layout: object) -> None:
    fields = set(layout.fields) | set(layout.secret) | {"subscriptionId"}  # type: ignore[attr-defined]
    roots = {path.partition("[]")[0] for path in fields}

    assert set(layout.dedupe) <= roots  # type: ignore[attr-defined]


def test_an_event_is_found_for_its_product_or_a_relative_of_it() -> None:
    risk = find_layout("margin", "MARGIN_LEVEL_STATUS_CHANGE")

    assert risk is not None
    assert risk.product == "margin_risk"
    assert find_layout("usdm", "executionReport") is None


@pytest.mark.parametrize(
    ("name", "product"),
    [
        ("usdm", "usdm"),
        ("PM", "portfolio_margin"),
        ("portfolio-margin-pro", "portfolio_margin_pro"),
        ("pmpro", "portfolio_margin_pro"),
    ],
)
def test_a_product_is_known_by_its_names(name: str, product: str) -> None:
    assert account_product(name) == product


@pytest.mark.parametrize(
    ("name", "cure"), [("usd-m", "did you mean usdm?"), ("zzz", "products: spot, margin")]
)
def test_a_wrong_product_is_refused_with_a_cure(name: str, cure: str) -> None:
    with pytest.raises(Refused, match="is no product with accounts") as caught:
        account_product(name)
    assert cure in str(caught.value)
