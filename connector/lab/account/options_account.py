"""A scripted account of options: orders, premium, positions, exercise. No I/O.

Shapes: models of the official client (options 8.7.0, 2026-10). Nobody is known to have captured the
order of these events: here the balance comes before the order, as with futures.
"""

from collections.abc import Mapping
from decimal import Decimal

from connector.lab.account.account import Event, LabAccount, assets_of, decimal_text, fixed_text
from connector.lab.account.ledger import STEP, ZERO, Income, LabFill, LabOrder, Position
from connector.lab.clock import Clock

FEE = Decimal("0.0003")
FIRST_ORDER_ID = 2**62  # ids are beyond what a float holds


class OptionsAccount(LabAccount):
    """See `LabAccount`. A buyer pays the premium, a seller gets it; both pay a fee."""

    def __init__(self, name: str, seed: int, balances: Mapping[str, Decimal], clock: Clock) -> None:
        super().__init__(name, "options", seed, balances, clock)
        self._order_id += FIRST_ORDER_ID
        self._bill_id = FIRST_ORDER_ID

    def transfer(self, asset: str, amount: Decimal) -> list[Event]:
        """Move an amount into the account, or (negative) out of it."""
        self._earn("TRANSFER", "", asset, amount)
        return [self._update("DEPOSIT" if amount > 0 else "WITHDRAW", asset, amount)]

    def exercise(self, symbol: str, profit: Decimal) -> list[Event]:
        """Let an option expire: its position ends, and what it is worth is paid.

        Raises:
            ValueError: there is no position.
        """
        if not self.ledger.positions.get((symbol, "BOTH"), Position()).amount:
            raise ValueError(f"account {self.name} has no position in {symbol}")
        self.ledger.positions[symbol, "BOTH"] = Position(update_ms=self.clock.now_ms())
        asset = assets_of(symbol)[1]
        self._earn("CONTRACT", symbol, asset, profit)
        return [self._update("OPTIONS_SETTLE_PROFIT", asset, profit, symbol)]

    def greeks(self, underlying: str) -> list[Event]:
        """Tell the greeks of an underlying."""
        now_ms = self.clock.now_ms()
        row = {"u": underlying, "d": "0.1", "g": "0.01", "t": "-1.5", "v": "2.5"}
        return [{"e": "GREEK_UPDATE", "E": now_ms, "T": now_ms, "G": [row]}]

    # Orders

    def _placed(self, order: LabOrder) -> list[Event]:
        return [self._order_event(order, "NEW")]

    def _ended(self, order: LabOrder) -> list[Event]:
        return [self._order_event(order, order.status)]

    def _filled(self, order: LabOrder, quantity: Decimal, price: Decimal) -> list[Event]:
        signed = quantity if order.side == "BUY" else -quantity
        asset = assets_of(order.symbol)[1]
        old = self.ledger.positions.get((order.symbol, "BOTH"), Position())
        entry = old.entry_price if old.amount * signed < 0 else price
        self.ledger.positions[order.symbol, "BOTH"] = Position(
            old.amount + signed, entry if old.amount + signed else ZERO, ZERO, order.update_ms
        )
        fill = LabFill(
            symbol=order.symbol,
            trade_id=self._next_trade_id(order.symbol),
            order_id=order.order_id,
            side=order.side,
            position_side="BOTH",
            price=price,
            quantity=quantity,
            commission=-(quantity * price * FEE).quantize(STEP),  # negative: charged
            commission_asset=asset,
            is_maker=order.kind == "LIMIT",
            time_ms=order.update_ms,
        )
        self.ledger.fills.append(fill)
        self._earn("CONTRACT", order.symbol, asset, -signed * price)
        self._earn("FEE", order.symbol, asset, fill.commission)
        change = -signed * price + fill.commission
        update = self._update("ORDER", asset, change, order.symbol)
        return [update, self._order_event(order, "TRADE", fill)]

    def _earn(self, kind: str, symbol: str, asset: str, amount: Decimal) -> None:
        self._bill_id += 1
        line = (kind, symbol, asset, amount, self.clock.now_ms(), self._bill_id)
        self.ledger.income.append(Income(*line))
        self.ledger.move(asset, amount)

    # Events

    def _update(self, reason: str, asset: str, change: Decimal, symbol: str = "") -> Event:
        """Return a BALANCE_POSITION_UPDATE: the present balance, and position of a symbol."""
        now_ms = self.clock.now_ms()
        balance = fixed_text(self.ledger.balances[asset].free)
        event: Event = {"e": "BALANCE_POSITION_UPDATE", "E": now_ms, "T": now_ms, "m": reason}
        event["B"] = [{"a": asset, "b": balance, "bc": decimal_text(change)}]
        event["P"] = []
        if symbol:
            held = self.ledger.positions[symbol, "BOTH"]
            row = {"s": symbol, "c": decimal_text(held.amount)}
            row |= {"p": decimal_text(held.amount * held.entry_price)}
            event["P"] = [row | {"a": decimal_text(held.entry_price)}]
        return event

    def _order_event(self, order: LabOrder, execution: str, fill: LabFill | None = None) -> Event:
        inner: Event = {"s": order.symbol, "c": order.client_id, "S": order.side, "o": order.kind}
        inner |= {"f": "GTC", "q": decimal_text(order.quantity), "p": decimal_text(order.price)}
        inner |= {"ap": decimal_text(round(order.average, 5)), "x": execution, "X": order.status}
        inner |= {"i": order.order_id, "l": decimal_text(fill.quantity if fill else ZERO)}
        inner |= {"z": decimal_text(order.filled), "L": decimal_text(fill.price if fill else ZERO)}
        inner |= {
            "N": assets_of(order.symbol)[1],
            "n": fixed_text(fill.commission) if fill else "0",
        }
        inner |= {"T": order.update_ms, "t": fill.trade_id if fill else 0, "b": "0", "a": "0"}
        inner |= {"m": fill is not None and fill.is_maker, "R": False, "ot": order.original_kind}
        inner |= {"rp": "0", "V": "NONE"}
        head: Event = {"e": "ORDER_TRADE_UPDATE", "T": order.update_ms, "E": order.update_ms}
        return head | {"o": inner}

    def _next_trade_id(self, symbol: str) -> int:
        """Return a trade id, which is small; rows of REST have another id of their own."""
        last = self._trade_ids.get(symbol) or self._random.randrange(1, 500)
        self._trade_ids[symbol] = last + self._random.randrange(1, 4)
        return self._trade_ids[symbol]
