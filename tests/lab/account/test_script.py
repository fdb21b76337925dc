"""Seeded activity of accounts: repeatable, and its events lead to the truth."""

from decimal import Decimal
from typing import Any

import pytest

from connector.lab.account.account import Event, LabAccount
from connector.lab.account.futures_account import FuturesAccount
from connector.lab.account.ledger import LabProduct, Ledger
from connector.lab.account.options_account import OptionsAccount
from connector.lab.account.script import AccountScript
from connector.lab.account.spot_account import SpotAccount
from connector.lab.clock import Clock

STEPS = 500


def played(product: LabProduct, seed: int) -> tuple[list[Event], Ledger]:
    """Return the events and the truth after some steps."""
    clock = Clock(lambda: 1_795_000_020.0)
    balances = {"USDT": Decimal(10**6), "BTC": Decimal(10**3), "ETH": Decimal(10**3)}
    account: LabAccount
    if product in ("spot", "margin"):
        account = SpotAccount("main", seed, balances, clock, product)
    elif product == "options":
        account = OptionsAccount("main", seed, balances, clock)
    else:
        account = FuturesAccount("main", seed, balances, clock, product)
    script = AccountScript(account, seed)
    return [event for _ in range(STEPS) for event in script.step()], account.ledger


@pytest.mark.parametrize("product", ["spot", "margin", "usdm", "coinm", "options"])
def test_a_seed_repeats_itself_and_another_differs(product: LabProduct) -> None:
    assert played(product, 1) == played(product, 1)
    assert played(product, 1) != played(product, 2)


@pytest.mark.parametrize("product", ["spot", "margin"])
def test_spot_events_lead_to_the_truth(product: LabProduct) -> None:
    events, truth = played(product, 5)
    balances: dict[str, tuple[Decimal, Decimal]] = {}
    statuses: dict[int, str] = {}
    for event in events:
        if event["e"] == "executionReport":
            statuses[event["i"]] = event["X"]
        for row in event.get("B", ()):
            balances[row["a"]] = Decimal(row["f"]), Decimal(row["l"])
    owned = {asset: (own.free, own.locked) for asset, own in truth.balances.items()}
    assert owned == balances
    assert statuses == {order.order_id: order.status for order in truth.orders.values()}
    trades = [event["t"] for event in events if event.get("x") == "TRADE"]
    assert trades == [fill.trade_id for fill in truth.fills]


@pytest.mark.parametrize("product", ["usdm", "coinm"])
def test_futures_events_lead_to_the_truth(product: LabProduct) -> None:
    events, truth = played(product, 5)
    positions: dict[tuple[str, str], Decimal] = {}
    wallets: dict[str, Decimal] = {}
    statuses: dict[int, str] = {}
    for event in events:
        if event["e"] == "ORDER_TRADE_UPDATE":
            statuses[event["o"]["i"]] = event["o"]["X"]
        update: dict[str, Any] = event.get("a", {})
        positions |= {(row["s"], row["ps"]): Decimal(row["pa"]) for row in update.get("P", ())}
        wallets |= {row["a"]: Decimal(row["wb"]) for row in update.get("B", ())}
    assert positions == {key: position.amount for key, position in truth.positions.items()}
    assert wallets.items() <= {key: own.free for key, own in truth.balances.items()}.items()
    assert statuses == {order.order_id: order.status for order in truth.orders.values()}
    assert {line.kind for line in truth.income} == {
        "COMMISSION",
        "FUNDING_FEE",
        "REALIZED_PNL",
        "TRANSFER",
    }
