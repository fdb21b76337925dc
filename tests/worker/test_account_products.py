"""A break of an account of every product, over real sockets: a consumer has the truth after it."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from connector.account.feed_items import AccountEvent, Interrupted
from connector.account.outbox import AccountOutbox
from connector.account.progress import AccountProgress
from connector.account.stored_progress import StoredProgress
from connector.account.tracker import AccountTracker
from connector.binance.account_queries import QUERIES, UNKNOWABLE
from connector.binance.private_streams import PRIVATE_STREAMS, AccountPlace
from connector.lab.account.ledger import Ledger
from connector.lab.account.script import AccountScript, scripted_accounts
from connector.lab.exchange import Exchange
from connector.lab.message import encode
from connector.transport.signed_rest import SignedRest
from connector.worker.account import PAIRED
from connector.worker.account_reconciler import AccountReconciler
from tests.support.account_exchange import MovedTime, account_exchange, signed_rest
from tests.support.account_view import AccountView
from tests.support.keys import HMAC
from tests.support.waiting import until

pytestmark = pytest.mark.lab
ALIAS = "desk-1"
PLACES = (
    *(AccountPlace(product) for product in PRIVATE_STREAMS),
    AccountPlace("margin", "BTCUSDT"),
)
PAIRS = {"BTCUSDT": ("BTC", "USDT"), "ETHUSDT": ("ETH", "USDT")}


class Played:
    """A product's scripted accounts, a tracker of them, and a consumer of what it publishes."""

    def __init__(self, exchange: Exchange, time: MovedTime, place: AccountPlace) -> None:
        self.time, self.place, self.view = time, place, AccountView()
        self.scripts: list[AccountScript] = []
        for script in scripted_accounts("hmac", 1, exchange.clock):
            account = script.account
            same_market = place.product != "margin" or account.market == place.isolated_symbol
            if account.product == place.product and same_market:
                exchange.accounts.add(account)
                self.scripts.append(script)
        outbox = AccountOutbox("t", "account", "r")
        outbox.begin({"account-marker": 1, "account-progress": 2}, 1)
        stored = StoredProgress(
            AccountProgress(ALIAS, place.product, isolated_symbol=place.isolated_symbol)
        )
        outbox.add_account(stored)
        self.tracker = AccountTracker(stored, outbox, "t", PAIRS)

    def now_us(self) -> int:
        return round(self.time.seconds * 1e6)

    def place_everywhere(self) -> None:
        """Place an order on every symbol, so that every one has been seen."""
        for script in self.scripts:
            if self.place.product not in UNKNOWABLE:
                for symbol in script.symbols:
                    script.account.place(symbol, "BUY", script.quantity(), script.price())

    def act(self, steps: int, *, is_lost: bool) -> None:
        for number in range(steps):
            for event in self.scripts[number % len(self.scripts)].step():
                if not is_lost:
                    item = AccountEvent(ALIAS, self.place.name, encode(event), self.now_us())
                    for record in self.tracker.on_event(item):
                        self.view.take(record.fields)
            self.time.seconds += 0.002

    async def until_reconciled(self) -> None:
        self.tracker.on_covered(self.now_us())
        await until(lambda: self.tracker.has_completed)
        for record in self.tracker.take_completed():
            self.view.take(record.fields)

    def ledgers(self) -> dict[str | None, Ledger]:
        return {each.account.market: each.account.ledger.copy() for each in self.scripts}

    def differences(self, since: dict[str | None, Ledger]) -> list[str]:
        found: list[str] = []
        for script in self.scripts:
            account = script.account
            found += self.view.differences(ALIAS, account, since[account.market])
        return found


@contextlib.contextmanager
def reconciling(played: Played, rest: SignedRest) -> Iterator[AccountReconciler]:
    reconciler = AccountReconciler(played.tracker, rest, lambda: HMAC, played.now_us)
    running = asyncio.create_task(reconciler.run())
    try:
        yield reconciler
    finally:
        running.cancel()


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_a_consumer_has_the_truth_after_a_break(place: AccountPlace) -> None:
    time = MovedTime()
    async with account_exchange(time) as exchange, signed_rest(exchange, time) as rest:
        played = Played(exchange, time, place)
        played.place_everywhere()
        with reconciling(played, rest) as reconciler:
            await played.until_reconciled()
            since = played.ledgers()
            played.act(10, is_lost=False)
            lost = Interrupted(ALIAS, place.name, played.now_us(), "connection_lost", "")
            played.tracker.on_interrupted(lost)
            played.act(20, is_lost=True)
            await played.until_reconciled()

    assert "HTTP" not in reconciler.trouble  # every query was answered
    assert played.view.repeats() == []
    if place.product in UNKNOWABLE:
        assert played.tracker.results["partial"] == 1
    else:
        assert played.differences(since) == []


def test_pairs_are_learned_for_every_product_whose_income_does_not_name_symbols() -> None:
    without_income = {
        product
        for product, markets in QUERIES.items()
        if any(each.has_orders and not each.names_movers for each in markets)
    }
    assert without_income == set(PAIRED)
