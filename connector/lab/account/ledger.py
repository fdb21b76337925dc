"""What a scripted account has: the truth that tests compare a client's picture with. Pure.

Its parts are frozen: `Ledger.copy` is a picture that later events do not change.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Side = Literal["BUY", "SELL"]
LabProduct = Literal[
    "spot",
    "margin",
    "margin_risk",
    "margin_uta",
    "usdm",
    "coinm",
    "options",
    "portfolio_margin",
    "portfolio_margin_pro",
]
# How events and rows of a market look: portfolio margin's like those of the product in its place.
Shape = LabProduct
_SHAPES: dict[tuple[LabProduct, str | None], Shape] = {
    ("portfolio_margin", None): "margin",
    ("portfolio_margin", "UM"): "usdm",
    ("portfolio_margin", "CM"): "coinm",
}
ZERO = Decimal(0)
STEP = Decimal("0.00000001")
OPEN_STATUSES = frozenset({"NEW", "PARTIALLY_FILLED"})
OPEN_ALGO_STATUSES = frozenset({"NEW", "TRIGGERING", "TRIGGERED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LabOrder:
    """One order as it is now.

    Attributes:
        kind: LIMIT, MARKET, STOP_MARKET; a stop that was triggered is MARKET.
        original_kind: The kind it was placed with.
        price: Limit price; 0: none.
        filled_quote: Sum of price x quantity of its fills.
        update_ms: Time of its last change, epoch milliseconds.
    """

    order_id: int
    client_id: str
    symbol: str
    side: Side
    kind: str
    original_kind: str
    quantity: Decimal
    price: Decimal
    stop_price: Decimal
    position_side: str
    time_ms: int
    update_ms: int
    status: str = "NEW"
    filled: Decimal = ZERO
    filled_quote: Decimal = ZERO

    @property
    def is_open(self) -> bool:
        """Whether it can still be filled."""
        return self.status in OPEN_STATUSES

    @property
    def rest(self) -> Decimal:
        """Quantity that is not filled."""
        return self.quantity - self.filled

    @property
    def average(self) -> Decimal:
        """Average price of its fills; 0: it has none."""
        return self.filled_quote / self.filled if self.filled else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class LabFill:
    """One fill.

    Attributes:
        trade_id: Unique within its symbol.
        profit: Realized profit, of futures.
    """

    symbol: str
    trade_id: int
    order_id: int
    side: Side
    position_side: str
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    is_maker: bool
    time_ms: int
    profit: Decimal = ZERO


def shape_of(product: LabProduct, market: str | None) -> Shape:
    """Return the product whose events and rows a market's look like."""
    return _SHAPES.get((product, market), product)


@dataclass(frozen=True, slots=True)
class Balance:
    """Balance of an asset. Futures: `free` is the wallet balance, `locked` is 0."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Position:
    """Position of a symbol and side: positive long, negative short; `update_ms`: last change."""

    amount: Decimal = ZERO
    entry_price: Decimal = ZERO
    realized: Decimal = ZERO
    update_ms: int = 0


@dataclass(frozen=True, slots=True)
class Income:
    """One line of a futures account's income history; `trade_id` is "" without a trade."""

    kind: str
    symbol: str
    asset: str
    amount: Decimal
    time_ms: int
    transaction_id: int
    trade_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoOrder:
    """One conditional order of USD-M; `order_id`: the order it placed, 0 before."""

    algo_id: int
    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    trigger_price: Decimal
    time_ms: int
    update_ms: int
    status: str = "NEW"
    order_id: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it can still place its order."""
        return self.status in OPEN_ALGO_STATUSES


@dataclass(slots=True)
class Ledger:
    """Everything an account has.

    Attributes:
        orders, algo_orders: By their ids, in the order of placing.
        fills: In the order of trading.
        balances: By asset.
        positions: By symbol and position side (BOTH, LONG, SHORT).
        income: In the order of time.
        now_ms: Returns the exchange's time.
        changed_ms: When a balance moved last; 0: none has.
    """

    orders: dict[int, LabOrder] = field(default_factory=dict)
    algo_orders: dict[int, AlgoOrder] = field(default_factory=dict)
    fills: list[LabFill] = field(default_factory=list)
    balances: dict[str, Balance] = field(default_factory=dict)
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    income: list[Income] = field(default_factory=list)
    now_ms: Callable[[], int] = field(default=int, compare=False)
    changed_ms: int = 0
    _open: dict[int, LabOrder] = field(default_factory=dict)

    def copy(self) -> "Ledger":
        """Return a picture of now."""
        return Ledger(
            dict(self.orders),
            dict(self.algo_orders),
            list(self.fills),
            dict(self.balances),
            dict(self.positions),
            list(self.income),
            self.now_ms,
            self.changed_ms,
            dict(self._open),
        )

    def put(self, order: LabOrder) -> None:
        """Take an order as it is now."""
        self.orders[order.order_id] = order
        if order.is_open:
            self._open[order.order_id] = order
        else:
            self._open.pop(order.order_id, None)

    def open_orders(self) -> list[LabOrder]:
        """Return the open orders."""
        return list(self._open.values())

    def move(self, asset: str, free: Decimal, locked: Decimal = ZERO) -> None:
        """Add to a balance."""
        old = self.balances.get(asset, Balance())
        self.balances[asset] = Balance(old.free + free, old.locked + locked)
        self.changed_ms = self.now_ms()
