"""What the scripted accounts of all products share: orders, ids and times. No I/O.

An action changes the ledger and returns the events of it, in the order in which the exchange sends
them. Who publishes them decides what becomes of them.
"""

import random
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connector.lab.account.ledger import (
    ZERO,
    Balance,
    LabOrder,
    LabProduct,
    Ledger,
    Shape,
    Side,
    shape_of,
)
from connector.lab.clock import Clock

Event = dict[str, Any]
QUOTES = ("USDT", "USDC", "FDUSD", "BTC")
OPTION_PARTS = 4  # BTC-261225-100000-C


class LabAccount:
    """A scripted account of one product.

    Args:
        name: The account that API keys and tokens name.
        product: Its product.
        seed: Of its ids; the same seed and the same actions give the same events.
        balances: Asset -> free amount, to begin with.
        clock: The exchange's time.
        market: UM or CM of portfolio margin, the symbol of an isolated margin account; else None.

    Attributes:
        ledger: The truth.
        frozen: What queries show while they lag behind; None: the truth.
    """

    def __init__(
        self,
        name: str,
        product: LabProduct,
        seed: int,
        balances: Mapping[str, Decimal],
        clock: Clock,
        market: str | None = None,
    ) -> None:
        self.name = name
        self.product = product
        self.market = market
        own = {asset: Balance(free) for asset, free in balances.items()}
        self.ledger = Ledger(balances=own, now_ms=clock.now_ms)
        self.frozen: Ledger | None = None
        self.clock = clock
        place = product if market is None else f"{product}.{market}"
        self._random = random.Random(f"{seed} {place} {name}")  # noqa: S311 - a simulation
        self._order_id = self._random.randrange(10**9, 10**10)
        self._trade_ids: dict[str, int] = {}

    @property
    def is_futures(self) -> bool:
        """Whether it has wallets and positions; spot and margin have free and locked amounts."""
        return self.shape in ("usdm", "coinm", "options")

    @property
    def shape(self) -> Shape:
        """The product whose events and rows its own look like."""
        return shape_of(self.product, self.market)

    @property
    def view(self) -> Ledger:
        """What queries show."""
        return self.frozen or self.ledger

    def place(
        self,
        symbol: str,
        side: Side,
        quantity: Decimal,
        price: Decimal = ZERO,
        *,
        position_side: str = "BOTH",
    ) -> list[Event]:
        """Place a limit order, without `price` a market order; its id: `last_order_id`."""
        kind = "LIMIT" if price else "MARKET"
        order = self._new_order(symbol, side, kind, quantity, price, position_side=position_side)
        return self._placed(order)

    def fill(self, order_id: int, *parts: tuple[Decimal, Decimal]) -> list[Event]:
        """Fill an order in parts of (quantity, price), all in one millisecond.

        Raises:
            ValueError: the order is not open, or smaller than the parts.
        """
        self._open_order(order_id, sum((quantity for quantity, _ in parts), ZERO))
        now_ms = self.clock.now_ms()
        events: list[Event] = []
        for quantity, price in parts:
            order = self.ledger.orders[order_id]
            filled = order.filled + quantity
            status = "FILLED" if filled == order.quantity else "PARTIALLY_FILLED"
            cost = order.filled_quote + quantity * price
            changed = replace(
                order, filled=filled, filled_quote=cost, status=status, update_ms=now_ms
            )
            self.ledger.put(changed)
            events += self._filled(changed, quantity, price)
        return events

    def cancel(self, order_id: int) -> list[Event]:
        """Cancel an open order; raises ValueError."""
        return self._end(order_id, "CANCELED")

    def expire(self, order_id: int) -> list[Event]:
        """Let an open order expire; raises ValueError."""
        return self._end(order_id, "EXPIRED")

    @property
    def last_order_id(self) -> int:
        """Id of the order that was placed last."""
        return self._order_id

    def transfer(self, asset: str, amount: Decimal) -> list[Event]:
        """Move an amount in, or (negative) out."""
        raise NotImplementedError

    # What products do in their own way

    def _placed(self, order: LabOrder) -> list[Event]:
        raise NotImplementedError

    def _filled(self, order: LabOrder, quantity: Decimal, price: Decimal) -> list[Event]:
        raise NotImplementedError

    def _ended(self, order: LabOrder) -> list[Event]:
        raise NotImplementedError

    # Ids and orders

    def _new_order(
        self,
        symbol: str,
        side: Side,
        kind: str,
        quantity: Decimal,
        price: Decimal = ZERO,
        *,
        stop_price: Decimal = ZERO,
        position_side: str = "BOTH",
        client_id: str = "",
    ) -> LabOrder:
        now_ms = self.clock.now_ms()
        self._order_id += self._random.randrange(1, 50)
        order = LabOrder(
            order_id=self._order_id,
            client_id=client_id or f"lab{self._random.randrange(16**12):012x}",
            symbol=symbol,
            side=side,
            kind=kind,
            original_kind=kind,
            quantity=quantity,
            price=price,
            stop_price=stop_price,
            position_side=position_side,
            time_ms=now_ms,
            update_ms=now_ms,
        )
        self.ledger.put(order)
        return order

    def _end(self, order_id: int, status: str) -> list[Event]:
        order = self._open_order(order_id)
        ended = replace(order, status=status, update_ms=self.clock.now_ms())
        self.ledger.put(ended)
        return self._ended(ended)

    def _open_order(self, order_id: int, quantity: Decimal = ZERO) -> LabOrder:
        order = self.ledger.orders.get(order_id)
        if order is None or not order.is_open:
            raise ValueError(f"order {order_id} of account {self.name} is not open")
        if quantity > order.rest:
            raise ValueError(f"order {order_id}: {order.rest} are left, not {quantity}")
        return order

    def _next_trade_id(self, symbol: str) -> int:
        """Return a trade id: ids grow, and others trade in between."""
        last = self._trade_ids.get(symbol) or self._random.randrange(10**8, 10**9)
        self._trade_ids[symbol] = last + self._random.randrange(1, 9)
        return self._trade_ids[symbol]


def assets_of(symbol: str) -> tuple[str, str]:
    """Return base and quote asset of a symbol."""
    if symbol.count("-") == OPTION_PARTS - 1:
        return symbol.partition("-")[0], "USDT"
    pair = symbol.partition("_")[0]
    quote = next((quote for quote in QUOTES if pair.endswith(quote)), "USD")
    return pair.removesuffix(quote), quote


def decimal_text(value: Decimal) -> str:
    """Return a number as futures write it: no exponent, no zeros behind the last digit."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def fixed_text(value: Decimal) -> str:
    """Return a number as spot writes it: eight decimals."""
    return f"{value:.8f}"
