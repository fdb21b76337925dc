"""A scripted account of spot or margin, and the user data events of its actions. No I/O.

Shapes and their order: captures (executionReport, then outboundAccountPosition of the same time);
user-data-stream.md of binance-spot-api-docs, 2026-07-21.
"""

from collections.abc import Mapping
from decimal import Decimal

from connector.lab.account.account import Event, LabAccount, assets_of, fixed_text
from connector.lab.account.ledger import STEP, ZERO, Balance, LabFill, LabOrder, LabProduct
from connector.lab.clock import Clock

COMMISSION = Decimal("0.001")


class SpotAccount(LabAccount):
    """See `LabAccount`. Commission is taken from what is received."""

    def __init__(
        self,
        name: str,
        seed: int,
        balances: Mapping[str, Decimal],
        clock: Clock,
        product: LabProduct = "spot",
        market: str | None = None,
    ) -> None:
        super().__init__(name, product, seed, balances, clock, market)
        self._execution_id = self._random.randrange(10**9, 10**10)
        self._update_id = 10**12

    def transfer(self, asset: str, amount: Decimal) -> list[Event]:
        """Deposit an amount, or (negative) withdraw it."""
        self.ledger.move(asset, amount)
        return [self._change(asset, amount), self._balances(asset)]

    def dividend(self, asset: str, amount: Decimal) -> list[Event]:
        """Receive a distribution: a balance that moves without an order."""
        return self.transfer(asset, amount)

    def convert_dust(self, asset: str, into: str, received: Decimal) -> list[Event]:
        """Convert all that is free of an asset: balances move without an order or a fill."""
        dust = self.ledger.balances.get(asset, Balance()).free
        self.ledger.move(asset, -dust)
        self.ledger.move(into, received)
        changes = [self._change(asset, -dust), self._change(into, received)]
        return [*changes, self._balances(asset, into)]

    def _placed(self, order: LabOrder) -> list[Event]:
        asset, amount = _locked_by(order, order.quantity)
        self.ledger.move(asset, -amount, amount)
        return [self._report(order, "NEW"), self._balances(*assets_of(order.symbol))]

    def _ended(self, order: LabOrder) -> list[Event]:
        asset, amount = _locked_by(order, order.rest)
        self.ledger.move(asset, amount, -amount)
        return [self._report(order, order.status), self._balances(*assets_of(order.symbol))]

    def _filled(self, order: LabOrder, quantity: Decimal, price: Decimal) -> list[Event]:
        base, quote = assets_of(order.symbol)
        cost = quantity * price
        asset, unlocked = _locked_by(order, quantity)
        self.ledger.move(asset, unlocked, -unlocked)
        bought = order.side == "BUY"
        received = quantity if bought else cost
        commission = (received * COMMISSION).quantize(STEP)
        self.ledger.move(base, quantity if bought else -quantity)
        self.ledger.move(quote, -cost if bought else cost)
        self.ledger.move(base if bought else quote, -commission)
        fill = LabFill(
            symbol=order.symbol,
            trade_id=self._next_trade_id(order.symbol),
            order_id=order.order_id,
            side=order.side,
            position_side="BOTH",
            price=price,
            quantity=quantity,
            commission=commission,
            commission_asset=base if bought else quote,
            is_maker=order.kind == "LIMIT",
            time_ms=order.update_ms,
        )
        self.ledger.fills.append(fill)
        return [self._report(order, "TRADE", fill), self._balances(base, quote)]

    # Events

    def _report(self, order: LabOrder, execution: str, fill: LabFill | None = None) -> Event:
        """Return an executionReport."""
        self._execution_id += self._random.randrange(1, 20)
        cancels = execution == "CANCELED"
        event: Event = {"e": "executionReport", "E": order.update_ms, "s": order.symbol}
        event |= {"c": f"cancel{order.order_id}" if cancels else order.client_id}
        event |= {"S": order.side, "o": order.kind, "f": "GTC"}
        event |= {"q": fixed_text(order.quantity), "p": fixed_text(order.price)}
        event |= {"P": fixed_text(order.stop_price), "F": fixed_text(ZERO), "g": -1}
        event |= {"C": order.client_id if cancels else "", "x": execution, "X": order.status}
        event |= {
            "r": "NONE",
            "i": order.order_id,
            "l": fixed_text(fill.quantity if fill else ZERO),
        }
        event |= {"z": fixed_text(order.filled), "L": fixed_text(fill.price if fill else ZERO)}
        event |= {"n": fixed_text(fill.commission) if fill else "0"}
        event |= {"N": fill.commission_asset if fill else None, "T": order.update_ms}
        event |= {"t": fill.trade_id if fill else -1, "I": self._execution_id}
        event |= {"w": execution == "NEW", "m": fill is not None and fill.is_maker}
        event |= {"M": fill is not None, "O": order.time_ms, "Z": fixed_text(order.filled_quote)}
        event |= {"Y": fixed_text(fill.quantity * fill.price if fill else ZERO)}
        return event | {"Q": fixed_text(ZERO), "W": order.time_ms, "V": "EXPIRE_MAKER"}

    def _balances(self, *assets: str) -> Event:
        """Return an outboundAccountPosition: the present balances of some assets."""
        now_ms = self.clock.now_ms()
        rows = []
        for asset in assets:
            balance = self.ledger.balances.get(asset, Balance())
            row = {"a": asset, "f": fixed_text(balance.free), "l": fixed_text(balance.locked)}
            rows.append(row)
        event: Event = {"e": "outboundAccountPosition", "E": now_ms, "u": now_ms, "B": rows}
        return event | self._numbered()

    def _change(self, asset: str, amount: Decimal) -> Event:
        now_ms = self.clock.now_ms()
        head = {"e": "balanceUpdate", "E": now_ms, "a": asset}
        return head | {"d": fixed_text(amount), "T": now_ms} | self._numbered()

    def _numbered(self) -> Event:
        """Return the number that balances of portfolio margin have."""
        if self.product != "portfolio_margin":
            return {}
        self._update_id += 1
        return {"U": self._update_id}


def _locked_by(order: LabOrder, quantity: Decimal) -> tuple[str, Decimal]:
    """Return what a quantity of an order locks: an asset and an amount; market orders none."""
    base, quote = assets_of(order.symbol)
    if order.kind == "MARKET":
        return quote, ZERO
    return (quote, quantity * order.price) if order.side == "BUY" else (base, quantity)
