"""Seeded activity of a scripted account: the same seed gives the same steps. No I/O."""

import random
from collections.abc import Callable, Mapping
from decimal import Decimal

from connector.lab.account.account import Event, LabAccount, assets_of
from connector.lab.account.futures_account import FuturesAccount
from connector.lab.account.ledger import Shape, Side
from connector.lab.account.options_account import OptionsAccount
from connector.lab.account.risk_account import RiskAccount
from connector.lab.account.spot_account import SpotAccount
from connector.lab.clock import Clock

Step = Callable[[], list[Event]]

SIDES: tuple[Side, ...] = ("BUY", "SELL")
SYMBOLS: Mapping[Shape, tuple[str, ...]] = {
    "spot": ("BTCUSDT", "ETHUSDT"),
    "margin": ("BTCUSDT", "ETHUSDT"),
    "usdm": ("BTCUSDT", "ETHUSDT"),
    "coinm": ("BTCUSD_PERP", "ETHUSD_PERP"),
    "options": ("BTC-271231-60000-C", "ETH-271231-3000-P"),
}
LEVELS = ("NORMAL", "MARGIN_CALL", "REDUCE_ONLY")
START = {"USDT": Decimal(1_000_000), "BTC": Decimal(100), "ETH": Decimal(1_000)}
PAIR = {asset: START[asset] for asset in ("USDT", "BTC")}  # of isolated margin
MAX_OPEN = 20
PRICE_CENTS = 5_000_000
LOT = Decimal("0.001")


class AccountScript:
    """Takes random steps, each possible in the account's present state.

    Args:
        account: What acts.
        seed: Of the steps.
    """

    def __init__(self, account: LabAccount, seed: int) -> None:
        self.account = account
        self._random = random.Random(f"script {seed}")  # noqa: S311 - a simulation
        self._steps = _steps(self, account)

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
        """Return one of the product's symbols; isolated margin has one."""
        return self._random.choice(self.symbols)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols it trades."""
        account = self.account
        if account.product == "margin" and account.market is not None:
            return (account.market,)
        return SYMBOLS[account.shape]

    def level(self) -> str:
        """Return a risk level."""
        return self._random.choice(LEVELS)

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
    """Return a script for an account of each product and market, all of one name."""
    accounts: tuple[LabAccount, ...] = (
        SpotAccount(name, seed, START, clock, "spot"),
        SpotAccount(name, seed, START, clock, "margin"),
        SpotAccount(name, seed, PAIR, clock, "margin", "BTCUSDT"),
        FuturesAccount(name, seed, START, clock, "usdm"),
        FuturesAccount(name, seed, START, clock, "coinm"),
        OptionsAccount(name, seed, {"USDT": START["USDT"]}, clock),
        SpotAccount(name, seed, START, clock, "portfolio_margin"),
        FuturesAccount(name, seed, START, clock, "portfolio_margin", "UM"),
        FuturesAccount(name, seed, START, clock, "portfolio_margin", "CM"),
        RiskAccount(name, seed, START, clock, "portfolio_margin_pro"),
        RiskAccount(name, seed, START, clock, "margin_risk"),
        RiskAccount(name, seed, START, clock, "margin_uta"),
    )
    return [AccountScript(account, seed) for account in accounts]


def _steps(script: AccountScript, account: LabAccount) -> list[Step]:
    if isinstance(account, RiskAccount):
        return _risk_steps(script, account)
    own: list[Step] = []
    if isinstance(account, SpotAccount):
        own = _spot_steps(script, account)
    elif isinstance(account, FuturesAccount):
        own = _futures_steps(script, account)
    elif isinstance(account, OptionsAccount):
        own = _options_steps(script, account)
    return [script.place, script.place, script.fill, script.fill, script.trade, script.end, *own]


def _spot_steps(script: AccountScript, account: SpotAccount) -> list[Step]:
    if account.product == "margin" and account.market is not None:  # it holds a pair alone
        return [lambda: account.transfer("USDT", script.price())]
    return [
        lambda: account.transfer("USDT", script.price()),
        lambda: account.dividend("BNB", script.quantity()),
        lambda: account.convert_dust("BNB", "USDT", script.quantity()),
    ]


def _options_steps(script: AccountScript, account: OptionsAccount) -> list[Step]:
    def exercise() -> list[Event]:
        held = [symbol for (symbol, _), own in account.ledger.positions.items() if own.amount]
        return account.exercise(held[0], script.quantity()) if held else script.trade()

    return [
        exercise,
        lambda: account.transfer("USDT", script.quantity()),
        lambda: account.greeks("BTCUSDT"),
    ]


def _risk_steps(script: AccountScript, account: RiskAccount) -> list[Step]:
    def borrow() -> list[Event]:
        if account.product == "portfolio_margin_pro":  # its stream does not tell
            return account.change_level(script.level())
        return account.borrow("BTC", script.quantity())

    return [lambda: account.change_level(script.level()), borrow]


def _futures_steps(script: AccountScript, account: FuturesAccount) -> list[Step]:
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
    return own if account.market == "CM" else [*own, algo]
