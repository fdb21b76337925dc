"""A simulated exchange with the accounts and keys of the tests; its time is moved by them."""

import contextlib
from collections.abc import AsyncIterator
from decimal import Decimal

from connector.lab.account.account import LabAccount
from connector.lab.account.futures_account import FuturesAccount
from connector.lab.account.ledger import LabProduct
from connector.lab.account.options_account import OptionsAccount
from connector.lab.account.risk_account import RiskAccount
from connector.lab.account.spot_account import SpotAccount
from connector.lab.clock import Clock
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.transport.signed_rest import SignedRest
from tests.support.keys import lab_keys

NOW_S = 1_795_000_020.0  # in the middle of a minute
AMOUNT = Decimal(5_000)


class MovedTime:
    """Epoch seconds that stand still until a test moves them."""

    seconds = NOW_S

    def __call__(self) -> float:
        return self.seconds


@contextlib.asynccontextmanager
async def account_exchange(time: MovedTime) -> AsyncIterator[Exchange]:
    """Run an exchange without a market's traffic; the accounts are called by their key's kind."""
    running = Exchange(Market(1), rate=0.001, clock=Clock(time))
    running.ws_api.keys = lab_keys()
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


@contextlib.asynccontextmanager
async def signed_rest(exchange: Exchange, time: MovedTime) -> AsyncIterator[SignedRest]:
    """Run a client of its REST side, whose time is the exchange's."""
    rest = SignedRest(exchange.bases, clock=time)
    await rest.start()
    try:
        yield rest
    finally:
        await rest.close()


def add_account(
    exchange: Exchange, product: LabProduct, name: str = "hmac", market: str | None = None
) -> LabAccount:
    """Serve an account of one product; `market`: see `LabAccount`."""
    balances, clock = {"USDT": AMOUNT}, exchange.clock
    account: LabAccount
    if product in ("spot", "margin", "portfolio_margin"):
        account = SpotAccount(name, 1, balances, clock, product, market)
    elif product == "options":
        account = OptionsAccount(name, 1, balances, clock)
    elif product in ("usdm", "coinm"):
        account = FuturesAccount(name, 1, balances, clock, product, market)
    else:
        account = RiskAccount(name, 1, balances, clock, product)
    exchange.accounts.add(account)
    return account
