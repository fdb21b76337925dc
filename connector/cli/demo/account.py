"""The demo's account: its key and its acts on the simulated exchange, and the worker's config."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from connector.lab.account.account import LabAccount
from connector.lab.account.futures_account import FuturesAccount
from connector.lab.account.keys import LabKey
from connector.lab.account.script import START, AccountScript
from connector.lab.account.spot_account import SpotAccount
from connector.lab.exchange import Exchange
from connector.lab.faults import ApiDrop

ALIAS = "desk-1"
EVENTS_PER_S = 20.0  # of each product
MISSED_TRADES = 5  # fills of the account while its connection is cut


class DemoAccount:
    """An account with spot and USD-M, which trades once `begin` is called.

    Args:
        exchange: Serves it.
        folder: Where its key files and the worker's config are written.
        seed: Of its acts.
    """

    def __init__(self, exchange: Exchange, folder: Path, seed: int) -> None:
        self._exchange, self._folder = exchange, folder
        self._key = LabKey(secrets.token_hex(32), secrets.token_hex(32), ALIAS)
        exchange.ws_api.keys[self._key.api_key] = self._key
        self.accounts: list[LabAccount] = [
            SpotAccount(ALIAS, seed, START, exchange.clock, "spot"),
            FuturesAccount(ALIAS, seed, START, exchange.clock, "usdm"),
        ]
        for account in self.accounts:
            exchange.accounts.add(account)
        self._scripts = [AccountScript(account, seed) for account in self.accounts]
        self._acting: list[asyncio.Task[None]] = []

    def write_config(self, kafka: str, registry: str, port: int, *, creates_topics: bool) -> Path:
        """Write the key files and the config of `bkc run account`; return the config's path."""
        for name, text in (("api-key", self._key.api_key), ("secret-key", self._key.verifies)):
            file = self._folder / name
            file.touch(mode=0o600)
            file.write_text(str(text))
        bases = self._exchange.bases
        exchange = {
            "spot": {"rest": bases["spot"].rest, "ws_api": bases["spot"].ws_api},
            "usdm": {"rest": bases["usdm"].rest},
        }
        for name, addresses in exchange.items():
            addresses["streams"] = bases[name].streams[0]  # type: ignore[index]
        config = {
            "exchange": exchange,
            "kafka": {"bootstrap_servers": kafka},
            "allow_insecure_kafka": True,  # nobody else reaches this broker
            "schema_registry": {"url": registry},
            "topics": {"partitions": 1, "create": creates_topics},
            "server": {"host": "127.0.0.1", "port": port},
            "accounts": [
                {
                    "alias": ALIAS,
                    "secrets_dir": str(self._folder),
                    "streams": {"spot": "signature", "usdm": "listen-key"},
                }
            ],
        }
        path = self._folder / "account.yaml"
        path.write_text(json.dumps(config))  # JSON is YAML
        return path

    def begin(self) -> None:
        """Let it trade from now on."""
        play = self._exchange.accounts.play
        self._acting = [asyncio.create_task(play(script, EVENTS_PER_S)) for script in self._scripts]

    async def end(self) -> None:
        """Let it trade no more."""
        for task in self._acting:
            task.cancel()
        for task in self._acting:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._acting = []

    async def cut(self) -> None:
        """Cut the WS API's connections, and trade before anybody is back."""
        await self._exchange.inflict(ApiDrop())
        spot = self._scripts[0]
        for _ in range(MISSED_TRADES):
            self._exchange.accounts.publish(spot.account, spot.trade())

    def fills(self) -> Iterator[tuple[str, str]]:
        """Yield product and `fill_key` of every fill so far."""
        for account in self.accounts:
            for fill in account.ledger.fills:
                key = f"{ALIAS}/{account.product}/{fill.symbol}/{fill.trade_id}/{fill.order_id}"
                yield account.product, key

    def orders(self) -> Mapping[tuple[str, str, str], str]:
        """Return the status of every order, by product, symbol and id."""
        return {
            (account.product, order.symbol, str(number)): order.status
            for account in self.accounts
            for number, order in account.ledger.orders.items()
        }
