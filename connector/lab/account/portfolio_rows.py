"""Rows of account queries of portfolio margin and isolated margin, made from ledgers. Pure.

Shapes: models of the official clients (portfolio margin 16.1.0, margin 8.9.0, 2026-10).
"""

from collections.abc import Mapping
from typing import Any

from connector.lab.account.account import assets_of, fixed_text
from connector.lab.account.ledger import ZERO, Balance, Ledger
from connector.lab.account.rows import spot_balance

Row = dict[str, Any]


def balances(markets: Mapping[str | None, Ledger]) -> list[Row]:
    """Return a row for each asset, with its amounts in margin, UM and CM."""
    assets = dict.fromkeys(asset for ledger in markets.values() for asset in ledger.balances)
    return [_balance(asset, markets) for asset in assets]


def _balance(asset: str, markets: Mapping[str | None, Ledger]) -> Row:
    own = {name: ledger.balances.get(asset, Balance()) for name, ledger in markets.items()}
    margin = own.get(None, Balance())
    row: Row = {
        "asset": asset,
        "totalWalletBalance": fixed_text(sum((each.free for each in own.values()), margin.locked)),
        "crossMarginAsset": fixed_text(margin.free + margin.locked),
        "crossMarginBorrowed": "0",
        "crossMarginFree": fixed_text(margin.free),
        "crossMarginInterest": "0",
        "crossMarginLocked": fixed_text(margin.locked),
        "updateTime": max(ledger.changed_ms for ledger in markets.values()),
        "negativeBalance": "0",
    }
    for name, head in (("UM", "um"), ("CM", "cm")):
        row[f"{head}WalletBalance"] = fixed_text(own[name].free if name in own else ZERO)
        row[f"{head}UnrealizedPNL"] = "0"
    return row


def risk(level: str, now_ms: int) -> Row:
    """Return what `account` of portfolio margin says."""
    return {
        "uniMMR": "5167.92171923",
        "accountEquity": "73.47428058",
        "actualEquity": "73.47428058",
        "accountInitialMargin": "23.72",
        "accountMaintMargin": "11.86",
        "accountStatus": level,
        "virtualMaxWithdrawAmount": "100",
        "totalAvailableBalance": "50",
        "totalMarginOpenLoss": "0",
        "updateTime": now_ms,
    }


def isolated_account(symbol: str, ledger: Ledger) -> Row:
    """Return what `isolated/account` says of a symbol; nothing is borrowed."""
    base, quote = (
        spot_balance(asset, ledger.balances.get(asset, Balance()))
        | {"borrowed": "0", "interest": "0", "borrowEnabled": True, "repayEnabled": True}
        for asset in assets_of(symbol)
    )
    pair = {"symbol": symbol, "baseAsset": base, "quoteAsset": quote, "enabled": True}
    return {"assets": [pair | {"isolatedCreated": True, "marginLevel": "999"}]}
