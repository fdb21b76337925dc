"""The example of a reader, beside the lab's truth, after a run of the account worker with a cut."""

import contextlib
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.lab.account.account import LabAccount
from connector.lab.real_kafka import RealKafka, RealRegistry
from examples.python.account_view import ENDED, AccountView, Registry, amount_of, records
from tests.support.account_view import true_view
from tests.support.account_worker import ALIAS, make_world, quiet_exchange

PRODUCTS = ("spot", "usdm")


async def test_the_example_shows_the_truth_of_the_exchange(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    async with quiet_exchange() as exchange:
        world = make_world(
            tmp_path, exchange, kafka.bootstrap_servers, registry.url, "viewed", *PRODUCTS
        )
        async with world.worker() as running:
            await world.until_right(running)
            for product in PRODUCTS:
                world.trade(product)
            await exchange.ws_api.drop()
            await exchange.drop("usdm")
            for product, account in world.accounts.items():
                world.trade(product)
                world.act(product, account.place("ETHUSDT", "BUY", Decimal(3), Decimal(90)))
            await world.until_true_view(running)
            view = AccountView()
            topic, schemas = "viewed.account-events", Registry(registry.url)
            stored = len(world.records())
            read = records(topic, schemas, bootstrap_servers=kafka.bootstrap_servers)
            async with contextlib.aclosing(read):
                async for record in read:
                    if record is not None:
                        view.take(record)
                        stored -= 1
                    if stored <= 0:
                        break
            assert await running.stop() == 0, running.log.read_text()

    for product, account in world.accounts.items():
        assert seen(view, product) == truth(account), product
    assert len([line for line in view.lines() if " order BUY ETHUSDT 0/3 at 90 NEW" in line]) == 2


def seen(view: AccountView, product: str) -> dict[str, Any]:
    """Return the example's orders, fills and amounts of one product; what is 0 counts as none."""
    here = (ALIAS, product, "")
    balances = {
        asset: amount_of(state.values) for (at, asset), state in view.balances.items() if at == here
    }
    positions = {
        (symbol, side): state.values["quantity"]
        for (at, symbol, side), state in view.positions.items()
        if at == here
    }
    return {
        "open": {
            number
            for (at, _, number), state in view.orders.items()
            if at == here and state.values["order_status"] not in ENDED
        },
        "fills": {key for key in view.fills if key.startswith(f"{ALIAS}/{product}/")},
        "balances": {asset: amount for asset, amount in balances.items() if amount},
        "positions": {key: quantity for key, quantity in positions.items() if quantity},
    }


def truth(account: LabAccount) -> dict[str, Any]:
    """Return the same of the lab's account."""
    true = true_view(ALIAS, account)
    return {
        "open": {key[2] for key, each in true.orders.items() if each.values[0] not in ENDED},
        "fills": set(true.fills),
        "balances": {
            key[1]: each.values[0] for key, each in true.balances.items() if each.values[0]
        },
        "positions": {
            (key[1], key[2]): each.values[0]
            for key, each in true.positions.items()
            if each.values[0]
        },
    }
