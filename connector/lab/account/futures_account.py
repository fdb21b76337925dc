"""A scripted futures account: orders, stops, positions, funding, liquidation. No I/O."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from connector.lab.account import futures_events
from connector.lab.account.account import Event, LabAccount, assets_of
from connector.lab.account.ledger import (
    STEP,
    ZERO,
    AlgoOrder,
    Income,
    LabFill,
    LabOrder,
    LabProduct,
    Position,
    Side,
)
from connector.lab.clock import Clock

TAKER_COMMISSION = Decimal("0.0004")
COINM_CONTRACT_USD = Decimal(100)  # BTCUSD_PERP
PRICE_STEP = Decimal("0.01")


class FuturesAccount(LabAccount):
    """See `LabAccount`. Quantities of COIN-M are contracts; margin is the base asset there.

    A fill's events: TRADE_LITE (USD-M alone), ACCOUNT_UPDATE, then ORDER_TRADE_UPDATE, as captures
    have them.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        balances: Mapping[str, Decimal],
        clock: Clock,
        product: LabProduct = "usdm",
        market: str | None = None,
    ) -> None:
        super().__init__(name, product, seed, balances, clock, market)
        self._algo_id = self._random.randrange(10**6, 10**7)
        self._transaction_id = self._random.randrange(10**9, 10**10)

    def transfer(self, asset: str, amount: Decimal) -> list[Event]:
        """Move an amount into the wallet, or (negative) out of it."""
        self._earn("TRANSFER", "", asset, amount)
        reason = "DEPOSIT" if amount > 0 else "WITHDRAW"
        return [self._update(reason, {asset: amount})]

    def pay_funding(self, symbol: str, amount: Decimal) -> list[Event]:
        """Receive a funding fee, or (negative) pay it; no position changes."""
        asset = self.margin_asset(symbol)
        self._earn("FUNDING_FEE", symbol, asset, amount)
        return [self._update("FUNDING_FEE", {asset: amount}, symbol=symbol)]

    def place_stop(
        self, symbol: str, side: Side, quantity: Decimal, stop_price: Decimal
    ) -> list[Event]:
        """Place a STOP_MARKET order."""
        order = self._new_order(symbol, side, "STOP_MARKET", quantity, stop_price=stop_price)
        return self._placed(order)

    def activate_stop(self, order_id: int) -> list[Event]:
        """Trigger a stop: EXPIRED, then NEW as MARKET, under one id and time; it is open."""
        stop = replace(self._open_order(order_id), update_ms=self.clock.now_ms())
        expired = replace(stop, status="EXPIRED")
        market = replace(stop, kind="MARKET")
        self.ledger.put(market)
        return [self._order_event(expired, "EXPIRED"), self._order_event(market, "NEW")]

    def trigger_stop(self, order_id: int, price: Decimal) -> list[Event]:
        """Trigger a stop, and fill it: EXPIRED, NEW, FILLED."""
        events = self.activate_stop(order_id)
        return events + self.fill(order_id, (self.ledger.orders[order_id].quantity, price))

    def place_algo(
        self, symbol: str, side: Side, quantity: Decimal, trigger_price: Decimal
    ) -> list[Event]:
        """Place a conditional order of USD-M: not among the open orders; id: `last_algo_id`."""
        self._algo_id += 1
        now_ms = self.clock.now_ms()
        algo = AlgoOrder(
            algo_id=self._algo_id,
            client_id=f"algo{self._algo_id}",
            symbol=symbol,
            side=side,
            quantity=quantity,
            trigger_price=trigger_price,
            time_ms=now_ms,
            update_ms=now_ms,
        )
        return [self._algo_event(algo)]

    def trigger_algo(self, algo_id: int, price: Decimal) -> list[Event]:
        """Trigger a conditional order: it places a market order, which is filled."""
        algo = replace(self.ledger.algo_orders[algo_id], update_ms=self.clock.now_ms())
        events = [self._algo_event(replace(algo, status="TRIGGERING"))]
        order = self._new_order(algo.symbol, algo.side, "MARKET", algo.quantity)
        triggered = replace(algo, status="TRIGGERED", order_id=order.order_id)
        events += [self._algo_event(triggered), *self._placed(order)]
        events += self.fill(order.order_id, (order.quantity, price))
        return [*events, self._algo_event(replace(triggered, status="FINISHED"))]

    def cancel_algo(self, algo_id: int) -> list[Event]:
        """Cancel a conditional order."""
        algo = self.ledger.algo_orders[algo_id]
        return [self._algo_event(replace(algo, status="CANCELED", update_ms=self.clock.now_ms()))]

    @property
    def last_algo_id(self) -> int:
        """Id of the conditional order that was placed last."""
        return self._algo_id

    def liquidate(self, symbol: str, price: Decimal, position_side: str = "BOTH") -> list[Event]:
        """Let the exchange close a position: open orders expire, then a CALCULATED fill.

        Raises:
            ValueError: there is no position.
        """
        amount = self.ledger.positions.get((symbol, position_side), Position()).amount
        if not amount:
            raise ValueError(f"account {self.name} has no position in {symbol}")
        mine = [order for order in self.ledger.open_orders() if order.symbol == symbol]
        events = [event for order in mine for event in self.expire(order.order_id)]
        side: Side = "SELL" if amount > 0 else "BUY"
        order = self._new_order(
            symbol,
            side,
            "LIQUIDATION",
            abs(amount),
            price,
            position_side=position_side,
            client_id=f"autoclose-{self.clock.now_ms()}",
        )
        events += self._placed(order)
        return events + self.fill(order.order_id, (order.quantity, price))

    def margin_asset(self, symbol: str) -> str:
        """Return the asset that a symbol's profit and fees are paid in."""
        base, quote = assets_of(symbol)
        return base if self.is_coinm else quote

    # Orders

    def _placed(self, order: LabOrder) -> list[Event]:
        return [self._order_event(order, "NEW")]

    def _ended(self, order: LabOrder) -> list[Event]:
        return [self._order_event(order, order.status)]

    def _filled(self, order: LabOrder, quantity: Decimal, price: Decimal) -> list[Event]:
        profit = self._move_position(order, quantity, price)
        value = quantity * COINM_CONTRACT_USD / price if self.is_coinm else quantity * price
        asset = self.margin_asset(order.symbol)
        fill = LabFill(
            symbol=order.symbol,
            trade_id=self._next_trade_id(order.symbol),
            order_id=order.order_id,
            side=order.side,
            position_side=order.position_side,
            price=price,
            quantity=quantity,
            commission=(value * TAKER_COMMISSION).quantize(STEP),
            commission_asset=asset,
            is_maker=order.kind == "LIMIT",
            time_ms=order.update_ms,
            profit=profit,
        )
        self.ledger.fills.append(fill)
        trade_id = str(fill.trade_id)
        self._earn("COMMISSION", order.symbol, asset, -fill.commission, trade_id)
        if profit:
            self._earn("REALIZED_PNL", order.symbol, asset, profit, trade_id)
        execution = "CALCULATED" if order.kind == "LIQUIDATION" else "TRADE"
        key = (order.symbol, order.position_side)
        update = self._update("ORDER", {asset: ZERO}, positions=[key])
        lite = [futures_events.trade_lite(order, fill)] if self.product == "usdm" else []
        return [*lite, update, self._order_event(order, execution, fill)]

    def _move_position(self, order: LabOrder, quantity: Decimal, price: Decimal) -> Decimal:
        """Change the position by a fill; return the profit that is realized."""
        key = (order.symbol, order.position_side)
        old = self.ledger.positions.get(key, Position())
        signed = quantity if order.side == "BUY" else -quantity
        amount = old.amount + signed
        closed = min(abs(old.amount), quantity) if old.amount * signed < 0 else ZERO
        direction = 1 if old.amount > 0 else -1
        profit = self._profit(closed * direction, old.entry_price, price)
        entry = old.entry_price
        if not closed:
            entry = self._entry(old, quantity, price)
        elif abs(signed) > abs(old.amount):
            entry = price
        if not amount:
            entry = ZERO
        self.ledger.positions[key] = Position(amount, entry, old.realized + profit, order.update_ms)
        return profit

    def _entry(self, old: Position, quantity: Decimal, price: Decimal) -> Decimal:
        """Return the average price of a position that grows; COIN-M: by value, not by quantity."""
        held = abs(old.amount)
        if not held:
            return price
        if self.is_coinm:
            average = (held + quantity) / (held / old.entry_price + quantity / price)
        else:
            average = (held * old.entry_price + quantity * price) / (held + quantity)
        return average.quantize(PRICE_STEP)

    def _profit(self, closed: Decimal, entry: Decimal, price: Decimal) -> Decimal:
        """Return the profit of closing a signed quantity."""
        if not closed:
            return ZERO
        if self.is_coinm:
            return (closed * COINM_CONTRACT_USD * (1 / entry - 1 / price)).quantize(STEP)
        return (closed * (price - entry)).quantize(STEP)

    @property
    def is_coinm(self) -> bool:
        """Whether quantities are contracts."""
        return self.shape == "coinm"

    def _earn(
        self, kind: str, symbol: str, asset: str, amount: Decimal, trade_id: str = ""
    ) -> None:
        self._transaction_id += 1
        line = (kind, symbol, asset, amount, self.clock.now_ms(), self._transaction_id, trade_id)
        self.ledger.income.append(Income(*line))
        self.ledger.move(asset, amount)

    # Events

    def _update(
        self,
        reason: str,
        changes: Mapping[str, Decimal],
        positions: list[tuple[str, str]] | None = None,
        symbol: str = "",
    ) -> Event:
        now_ms = self.clock.now_ms()
        update = futures_events.AccountUpdate(reason, changes, positions or [], symbol)
        event = futures_events.account_update(self.shape, self.ledger, update, now_ms)
        return futures_events.of_market(event, self.market)

    def _order_event(self, order: LabOrder, execution: str, fill: LabFill | None = None) -> Event:
        asset = self.margin_asset(order.symbol)
        event = futures_events.order_update(self.shape, order, execution, asset, fill)
        return futures_events.of_market(event, self.market)

    def _algo_event(self, algo: AlgoOrder) -> Event:
        self.ledger.algo_orders[algo.algo_id] = algo
        return futures_events.of_market(futures_events.algo_update(algo), self.market)
