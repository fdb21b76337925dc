"""The account worker of the alert run, and the accounts that it reads."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from connector.lab.account.account import LabAccount
from connector.lab.account.futures_account import FuturesAccount
from connector.lab.account.keys import LabKey
from connector.lab.account.script import START, AccountScript
from connector.lab.account.spot_account import SpotAccount
from connector.lab.exchange import Exchange
from connector.lab.real_kafka import free_port
from tests.support.account_worker import account_config, write_secret
from tests.support.keys import lab_keys
from tests.support.servers import Running, run_worker

PRODUCTS = ("spot", "usdm")  # one by the WS API, one by a listenKey
SEED = 11
EVENTS_PER_S = 5.0  # of each account
NEW_API_KEY, NEW_SECRET = "n" * 64, "s" * 64


@dataclass(slots=True)
class AccountSide:
    """One account of two products that trade all the time, and the worker that reads them.

    Attributes:
        worker: The process.
        accounts: Product -> the account.
    """

    folder: Path
    exchange: Exchange
    worker: Running = field(init=False)
    accounts: Mapping[str, LabAccount] = field(init=False)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    def __post_init__(self) -> None:
        """Give the exchange its keys and accounts, before it starts."""
        self.exchange.ws_api.keys = lab_keys()
        clock = self.exchange.clock
        self.accounts = {
            "spot": SpotAccount("hmac", SEED, START, clock),
            "usdm": FuturesAccount("hmac", SEED, START, clock),
        }
        for account in self.accounts.values():
            self.exchange.accounts.add(account)
            self.exchange.accounts.scripts.append((AccountScript(account, SEED), EVENTS_PER_S))

    async def start(self, bootstrap_servers: str, registry_url: str, prefix: str) -> None:
        """Start the worker; return once all its accounts are right."""
        kafka: dict[str, Any] = {"bootstrap_servers": bootstrap_servers}
        config = account_config(
            self.folder, self.exchange, kafka, registry_url, prefix, PRODUCTS
        ) | {"server": {"host": "127.0.0.1", "port": free_port()}}
        path = self.folder / "account.yaml"
        path.write_text(yaml.safe_dump(config))
        running = run_worker(self.folder, "account", path, config["server"]["port"])
        self.worker = await self._stack.enter_async_context(running)
        await self.worker.until_ready()

    def replace_key(self) -> None:
        """Make another key of the account, and write it into the worker's key files."""
        self.exchange.ws_api.keys[NEW_API_KEY] = LabKey(NEW_API_KEY, NEW_SECRET, "hmac")
        write_secret(self.folder / "secret-key", NEW_SECRET)
        write_secret(self.folder / "api-key", NEW_API_KEY)

    async def close(self) -> None:
        """End the worker."""
        await self._stack.aclose()
