"""Seeded activity of a scripted account: the same seed gives the same steps. No I/O."""

import random
from collections.abc import Callable
from decimal import Decimal

from connector.lab.account.account import Event, assets_of
from connector.lab.account.futures_account import FuturesAccount
from connector.lab.account.ledger import Side
from connector.lab.account.spot_account import SpotAccount
from connector.lab.clock import Clock

SIDES: tuple[Side, ...] = ("BUY", "SELL")
SYMBOLS = {
    "spot": ("BTCUSDT", "ETHUSDT"),
    "margin": ("BTCUSDT", "ETHUSDT"),
    "usdm": ("BTCUSDT", "ETHUSDT"),
    "coinm": ("BTCUSD_PERP", "ETHUSD_PERP"),
}
START = {"USDT": Decimal(1_000_000), "BTC": Decimal(100), "ETH": Decimal(1_000)}
MAX_OPEN = 20
PRICE_CENTS = 5_000_000
LOT = Decimal("0.001")


class AccountScript:
    """Takes random steps, each possible in the account's present state.

    Args:
        account: What acts.
        seed: Of the steps.
    """

    def __init__(self, account: SpotAccount | FuturesAccount, seed: int) -> None:
        self.account = account
        self._random = random.Random(f"script {seed}")  # noqa: S311 - a simulation
        if isinstance(account, SpotAccount):
            own = _spot_steps(self, account)
        else:
            own = _futures_steps(self, account)
        self._steps = [self.place, self.place, self.fill, self.fill, self.trade, self.end, *own]

    def step(self) -> list[Event]:
        """Take one step; return its events."""
        return self._random.choice(self._steps)()

    def place(self) -> list[Event]:
        """Place a limit order; with many open ones, end one."""
        if len(self.account.ledger.open_orders()) >= MAX_OPEN:
            return self.end()
        return self.account.place(self.symbol(), self.side(), self.quantity(), self.price())

    def fill(self) -> list[Event]:
        """Fill a part of an open order or the rest, in one millisecond with another part."""
        found = self.account.ledger.open_orders()
        if not found:
            return self.trade()
        order = self._random.choice(found)
        price, first = order.price or self.price(), min(LOT, order.rest)
        second = self._random.choice((Decimal(0), order.rest - first))
        parts = [(quantity, price) for quantity in (first, second) if quantity]
        return self.account.fill(order.order_id, *parts)

    def trade(self) -> list[Event]:
        """Place a market order that is filled at once."""
        quantity = self.quantity()
        events = self.account.place(self.symbol(), self.side(), quantity)
        return events + self.account.fill(self.account.last_order_id, (quantity, self.price()))

    def end(self) -> list[Event]:
        """Cancel an open order, or let it expire."""
        found = self.account.ledger.open_orders()
        if not found:
            return self.place()
        order_id = self._random.choice(found).order_id
        end = self._random.choice((self.account.cancel, self.account.cancel, self.account.expire))
        return end(order_id)

    def symbol(self) -> str:
        """Return one of the product's symbols."""
        return self._random.choice(SYMBOLS[self.account.product])

    def side(self) -> Side:
        """Return a side."""
        return self._random.choice(SIDES)

    def quantity(self) -> Decimal:
        """Return a few lots."""
        return LOT * self._random.randrange(2, 9)

    def price(self) -> Decimal:
        """Return a price in the accounts' own market, which is not that of the streams."""
        return Decimal(PRICE_CENTS + self._random.randrange(-50_000, 50_000)) / 100


def scripted_accounts(name: str, seed: int, clock: Clock) -> list[AccountScript]:
    """Return a script for an account of each product, all of one name."""
    accounts = (
        SpotAccount(name, seed, START, clock, "spot"),
        SpotAccount(name, seed, START, clock, "margin"),
        FuturesAccount(name, seed, START, clock, "usdm"),
        FuturesAccount(name, seed, START, clock, "coinm"),
    )
    return [AccountScript(account, seed) for account in accounts]


def _spot_steps(script: AccountScript, account: SpotAccount) -> list[Callable[[], list[Event]]]:
    return [
        lambda: account.transfer("USDT", script.price()),
        lambda: account.dividend("BNB", script.quantity()),
        lambda: account.convert_dust("BNB", "USDT", script.quantity()),
    ]


def _futures_steps(
    script: AccountScript, account: FuturesAccount
) -> list[Callable[[], list[Event]]]:
    def stop() -> list[Event]:
        placed = account.place_stop(script.symbol(), script.side(), LOT, script.price())
        return placed + account.trigger_stop(account.last_order_id, script.price())

    def algo() -> list[Event]:
        placed = account.place_algo(script.symbol(), script.side(), LOT, script.price())
        return placed + account.trigger_algo(account.last_algo_id, script.price())

    def liquidate() -> list[Event]:
        symbol = script.symbol()
        held = account.ledger.positions.get((symbol, "BOTH"))
        return account.liquidate(symbol, script.price()) if held and held.amount else script.trade()

    def funding() -> list[Event]:
        return account.pay_funding(script.symbol(), -script.quantity())

    def transfer() -> list[Event]:
        symbol = script.symbol()
        asset = assets_of(symbol)[0] if account.is_coinm else assets_of(symbol)[1]
        return account.transfer(asset, script.quantity())

    own = [stop, liquidate, funding, transfer]
    return own if account.is_coinm else [*own, algo]
