"""What methods weigh, how they are signed, and which are refused."""

import pytest

from connector.binance.wsapi_methods import (
    METHODS,
    UNKNOWN,
    WS_API_PRODUCTS,
    WsApiProduct,
    call_weight,
    find_method,
    refuse_trading,
)
from connector.errors import Refused


@pytest.mark.parametrize(
    ("product", "name", "params", "weight"),
    [
        ("spot", "account.status", {}, 20),
        ("spot", "openOrders.status", {"symbol": "BTCUSDT"}, 6),
        ("spot", "openOrders.status", {}, 80),
        ("spot", "ticker.24hr", {"symbols": ["A", "B"]}, 2),
        ("spot", "depth", {"symbol": "BTCUSDT"}, 5),
        ("spot", "depth", {"symbol": "BTCUSDT", "limit": 5000}, 250),
        ("spot", "depth", {"symbol": "BTCUSDT", "limit": "500"}, 25),
        ("usdm", "depth", {"symbol": "BTCUSDT"}, 10),
        ("usdm", "ticker.book", {}, 5),
        ("coinm", "account.position", {}, 5),
        ("coinm", "someday.new", {}, 1),
    ],
)
def test_a_call_weighs_what_the_pages_say(
    product: WsApiProduct, name: str, params: dict[str, str | int], weight: int
) -> None:
    assert call_weight(product, name, params) == weight


def test_a_method_that_nobody_knows_is_signed() -> None:
    assert find_method("spot", "someday.new") == UNKNOWN
    assert UNKNOWN.security == "signed"


@pytest.mark.parametrize("product", WS_API_PRODUCTS)
def test_every_method_of_the_tables_reads(product: WsApiProduct) -> None:
    for name in METHODS[product]:
        refuse_trading(name)


@pytest.mark.parametrize(
    "name",
    [
        "order.place",
        "order.test",
        "order.cancel",
        "order.cancelReplace",
        "order.modify",
        "order.amend.keepPriority",
        "order.status",
        "ORDER.PLACE",
        "v2/order.place",
        "orderList.place",
        "orderList.place.oco",
        "orderList.cancel",
        "openOrders.cancelAll",
        "sor.order.place",
        "sor.order.test",
        "algoOrder.place",
        "algoOrder.cancel",
        "wallet.withdraw",
        "asset.transfer",
        "margin.borrow",
        "margin.repay",
        "convert.acceptQuote",
    ],
)
def test_a_method_that_trades_or_moves_money_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="this program reads"):
        refuse_trading(name)
