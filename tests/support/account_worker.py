"""The account worker as a process between the lab's accounts and a real broker, and its reader."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from connector.codec.avro import decode_record
from connector.codec.schema import load
from connector.lab.account.account import LabAccount
from connector.lab.account.ledger import Ledger
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.real_kafka import free_port
from tests.support.account_exchange import add_account
from tests.support.account_view import AccountView
from tests.support.keys import API_KEY, ED25519, ED25519_API_KEY, SECRET, lab_keys, pem
from tests.support.servers import Running, read_all, run_worker
from tests.support.waiting import until_true

ALIAS = "desk-1"
METHODS = {"spot": "signature", "margin": "listen-token"}
ISOLATED = "margin."  # begins the names of isolated margin accounts: margin.BTCUSDT


@contextlib.asynccontextmanager
async def quiet_exchange() -> AsyncIterator[Exchange]:
    """Run an exchange whose accounts act when the test says so."""
    exchange = Exchange(Market(1), rate=0.001)
    exchange.ws_api.keys = lab_keys()
    await exchange.start()
    try:
        yield exchange
    finally:
        await exchange.stop()


def write_secret(path: Path, text: str) -> str:
    """Write a key file that its owner alone may read; return its path."""
    path.touch(mode=0o600)
    path.write_text(text)
    return str(path)


def account_config(
    folder: Path,
    exchange: Exchange,
    kafka: dict[str, Any],
    registry_url: str,
    prefix: str,
    products: Sequence[str],
    *,
    by_ed25519: bool = False,
) -> dict[str, Any]:
    """Return the config of a worker of one account, whose key is HMAC, or logs on by Ed25519.

    `products`: also `margin.BTCUSDT`, an isolated margin account.
    """
    isolated = [name.removeprefix(ISOLATED) for name in products if name.startswith(ISOLATED)]
    methods: dict[str, Any] = {
        product: METHODS.get(product, "listen-key")
        for product in products
        if not product.startswith(ISOLATED)
    }
    methods |= {"isolated_margin": isolated} if isolated else {}
    if by_ed25519:
        methods |= {"spot": "session-logon"} if "spot" in products else {}
        api_key, signing = ED25519_API_KEY, ("private_key_file", "private-key.pem", pem(ED25519))
    else:
        api_key, signing = API_KEY, ("secret_key_file", "secret-key", SECRET)
    return {
        "exchange": {
            p: {
                "streams": b.streams[0],
                "rest": b.rest,
                **({"ws_api": b.ws_api} if b.ws_api else {}),
            }
            for p, b in exchange.bases.items()
        },
        "kafka": kafka,
        "allow_insecure_kafka": True,
        "schema_registry": {"url": registry_url},
        "topics": {"prefix": prefix, "partitions": 1},
        "server": {"host": "127.0.0.1", "port": free_port()},
        "accounts": [
            {
                "alias": ALIAS,
                "api_key_file": write_secret(folder / "api-key", api_key),
                signing[0]: write_secret(folder / signing[1], signing[2]),
                "streams": methods,
            }
        ],
    }


@dataclass
class AccountWorld:
    """An exchange with accounts, and a worker's config.

    Attributes:
        since: Each account's ledger when the worker took its first picture.
    """

    folder: Path
    exchange: Exchange
    config: dict[str, Any]
    conf: dict[str, Any]  # of a plain consumer, in librdkafka's names
    accounts: dict[str, LabAccount] = field(default_factory=dict)
    since: dict[str, Ledger] = field(default_factory=dict)

    def act(self, product: str, events: list[Any]) -> None:
        """Publish what an act on an account caused."""
        self.exchange.accounts.publish(self.accounts[product], events)

    def trade(self, product: str, quantity: str = "2") -> None:
        """Place an order and fill it in two parts."""
        account = self.accounts[product]
        symbol = "BTCUSD_PERP" if product == "coinm" else "BTCUSDT"
        self.act(product, account.place(symbol, "BUY", Decimal(quantity), Decimal(100)))
        half = Decimal(quantity) / 2
        order_id = account.last_order_id
        self.act(product, account.fill(order_id, (half, Decimal(100)), (half, Decimal(100))))

    @contextlib.asynccontextmanager
    async def worker(self) -> AsyncIterator[Running]:
        """Run the worker; it is killed at the end if the test has not stopped it."""
        path = self.folder / "account.yaml"
        path.write_text(yaml.safe_dump(self.config))
        async with run_worker(
            self.folder, "account", path, self.config["server"]["port"]
        ) as running:
            yield running

    async def until_right(self, running: Running) -> None:
        """Return once the worker says that every account is right."""

        async def right() -> bool:
            assert running.process.returncode is None, running.log.read_text()
            return (await running.get("/readyz"))[0] == 200

        await until_true(right, running.log.read_text)

    def note_start(self) -> None:
        """Remember what the accounts are at the first picture."""
        self.since = {product: each.ledger.copy() for product, each in self.accounts.items()}

    def records(self, kind: str = "account-event") -> list[dict[str, Any]]:
        """Return what a read_committed reader finds in a topic of the worker."""
        prefix = self.config["topics"]["prefix"]
        suffix = {"account-event": "account-events", "account-marker": "account-markers"}[kind]
        messages = read_all(self.conf, f"{prefix}.{suffix}")
        return [decode_record(load(kind), value) for _, _, _, value, _ in messages]

    def faults(self) -> list[str]:
        """Return where a reader's view is not the truth, and what came twice."""
        view = AccountView()
        for record in self.records():
            view.take(record)
        found = list(view.repeats())
        for product, account in self.accounts.items():
            found += view.differences(ALIAS, account, self.since.get(product))
        return found

    async def until_true_view(self, running: Running) -> None:
        """Return once a reader's view is the truth; fails with what differs."""
        await self.until_right(running)
        found: list[str] = []

        async def true() -> bool:
            found[:] = self.faults()
            return not found

        await until_true(true, lambda: "\n".join(found))


def make_world(
    folder: Path, exchange: Exchange, bootstrap: str, registry: str, prefix: str, *products: str
) -> AccountWorld:
    """Return a world of one account with these products, on a broker that is not secured."""
    kafka = {"bootstrap_servers": bootstrap}
    config = account_config(folder, exchange, kafka, registry, prefix, products)
    made = AccountWorld(folder, exchange, config, {"bootstrap.servers": bootstrap})
    made.accounts = {
        name: add_account(exchange, product, market=market or None)  # type: ignore[arg-type]
        for name in products
        for product, _, market in (name.partition("."),)
    }
    return made
