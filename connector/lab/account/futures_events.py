"""User data events of the scripted futures accounts. Pure.

Shapes: captures of 2021 to 2026 and the user data pages of developers.binance.com, 2026-05-28.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from connector.lab.account.account import Event, assets_of, decimal_text, fixed_text
from connector.lab.account.ledger import ZERO, AlgoOrder, LabFill, LabOrder, LabProduct, Ledger

ALIAS = "LabAlias"


@dataclass(frozen=True, slots=True)
class AccountUpdate:
    """What an ACCOUNT_UPDATE says.

    Attributes:
        changes: Asset -> change but profit and commission.
        positions: Symbols and position sides that are listed.
        symbol: Of a funding fee.
    """

    reason: str
    changes: Mapping[str, Decimal]
    positions: list[tuple[str, str]]
    symbol: str = ""


def account_update(
    product: LabProduct, ledger: Ledger, update: AccountUpdate, now_ms: int
) -> Event:
    """Return an ACCOUNT_UPDATE with the present balances and positions that it lists."""
    balances = []
    for asset, change in update.changes.items():
        wallet = fixed_text(ledger.balances[asset].free)
        balances.append({"a": asset, "wb": wallet, "cw": wallet, "bc": decimal_text(change)})
    positions = [_position(product, ledger, key) for key in update.positions]
    inner: Event = {"B": balances, "P": positions, "m": update.reason}
    if update.symbol:
        inner["S"] = update.symbol
    head: Event = {"e": "ACCOUNT_UPDATE", "T": now_ms, "E": now_ms}
    return head | _alias(product) | {"a": inner}


def _position(product: LabProduct, ledger: Ledger, key: tuple[str, str]) -> Event:
    symbol, side = key
    position = ledger.positions[key]
    base, quote = assets_of(symbol)
    entry = decimal_text(position.entry_price)
    row: Event = {"s": symbol, "pa": decimal_text(position.amount), "ep": entry}
    row |= {"cr": fixed_text(position.realized), "up": "0", "mt": "cross", "iw": "0", "ps": side}
    return row | {"ma": base if product == "coinm" else quote, "bep": entry}


def order_update(
    product: LabProduct, order: LabOrder, execution: str, asset: str, fill: LabFill | None
) -> Event:
    """Return an ORDER_TRADE_UPDATE; `asset`: the margin asset."""
    inner: Event = {"s": order.symbol, "c": order.client_id, "S": order.side, "o": order.kind}
    inner |= {"f": "GTC", "q": decimal_text(order.quantity), "p": decimal_text(order.price)}
    inner |= {"ap": decimal_text(round(order.average, 5)), "sp": decimal_text(order.stop_price)}
    inner |= {"x": execution, "X": order.status, "i": order.order_id}
    inner |= {"l": decimal_text(fill.quantity if fill else ZERO)}
    inner |= {"z": decimal_text(order.filled), "L": decimal_text(fill.price if fill else ZERO)}
    inner |= {"n": fixed_text(fill.commission) if fill else "0", "N": asset}
    inner |= {"T": order.update_ms, "t": fill.trade_id if fill else 0, "b": "0", "a": "0"}
    inner |= {"m": fill is not None and fill.is_maker, "R": False, "wt": "CONTRACT_PRICE"}
    inner |= {"ot": order.original_kind, "ps": order.position_side, "cp": False}
    inner |= {"rp": decimal_text(fill.profit if fill else ZERO), "pP": False, "si": 0, "ss": 0}
    inner |= {"V": "EXPIRE_MAKER", "pm": "NONE", "gtd": 0}
    if product == "coinm":
        inner["ma"] = asset
    head: Event = {"e": "ORDER_TRADE_UPDATE", "T": order.update_ms, "E": order.update_ms}
    return head | _alias(product) | {"o": inner}


def trade_lite(order: LabOrder, fill: LabFill) -> Event:
    """Return the TRADE_LITE of a fill."""
    event: Event = {"e": "TRADE_LITE", "E": fill.time_ms, "T": fill.time_ms, "s": order.symbol}
    event |= {"q": decimal_text(order.quantity), "p": decimal_text(order.price)}
    event |= {"m": fill.is_maker, "c": order.client_id, "S": order.side}
    event |= {"L": decimal_text(fill.price), "l": decimal_text(fill.quantity)}
    return event | {"t": fill.trade_id, "i": order.order_id}


def algo_update(algo: AlgoOrder) -> Event:
    """Return the ALGO_UPDATE of a conditional order."""
    placed = str(algo.order_id) if algo.order_id else ""
    inner: Event = {"caid": algo.client_id, "aid": algo.algo_id, "at": "CONDITIONAL"}
    inner |= {"o": "STOP_MARKET", "s": algo.symbol, "S": algo.side, "ps": "BOTH", "f": "GTC"}
    inner |= {"q": decimal_text(algo.quantity), "X": algo.status, "ai": placed}
    inner |= {"tp": decimal_text(algo.trigger_price), "p": "0", "V": "EXPIRE_MAKER"}
    inner |= {"wt": "CONTRACT_PRICE", "pm": "NONE", "cp": False, "pP": False, "R": False}
    inner |= {"tt": algo.update_ms if placed else 0, "gtd": 0, "rm": ""}
    return {"e": "ALGO_UPDATE", "T": algo.update_ms, "E": algo.update_ms, "o": inner}


def of_market(event: Event, market: str | None) -> Event:
    """Return an event as portfolio margin sends it: with its market, algo orders under `ao`."""
    if market is None:
        return event
    inner = {"ao": event["o"]} if event["e"] == "ALGO_UPDATE" else {}
    kept = {key: value for key, value in event.items() if not (inner and key == "o")}
    alias = {} if inner else {"i": ""}
    return {"fs": market, **alias, **kept, **inner}


def _alias(product: LabProduct) -> Event:
    return {"i": ALIAS} if product == "coinm" else {}
