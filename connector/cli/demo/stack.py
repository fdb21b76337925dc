"""The servers of the demo: exchange, broker and registry, simulated or real."""

import json
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from connector.cli.demo.account import DemoAccount
from connector.cli.demo.tally import EventKey, StreamSymbol
from connector.lab.embedded_broker import EmbeddedBroker
from connector.lab.exchange import Exchange
from connector.lab.faults import Skip
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry
from connector.lab.registry import Registry

SEED = 20261124
SKIPPED_STREAM, SKIPPED_TRADES = "btcusdt@trade", 7  # lost on the way, so that a gap is filled


class Stack:
    """The servers of the connector; `title` says which they are.

    Attributes:
        account: Trades on the simulated exchange; None: the exchange is the real one.
        account_config: Of its worker, once started.
    """

    def __init__(self, *, real_kafka: bool, real_exchange: bool, rate: float) -> None:
        self._exchange = None if real_exchange else Exchange(Market(SEED), rate=rate)
        self.broker = RealKafka() if real_kafka else EmbeddedBroker()
        self._registry = RealRegistry() if real_kafka else Registry()
        self._real_kafka = real_kafka
        self._folder = tempfile.TemporaryDirectory(prefix="bkc-demo-")
        self.account: DemoAccount | None = None
        self.account_config: Path | None = None
        source = "Binance" if real_exchange else "simulated exchange"
        self.title = f"{source} ▸ bkc ▸ {'Kafka' if real_kafka else 'embedded broker'}"

    async def start(self) -> dict[str, str]:
        """Start the servers; return the connector's environment."""
        await self.broker.start()
        await self._registry.start()
        environment = {
            "BKC_KAFKA__BOOTSTRAP_SERVERS": self.broker.bootstrap_servers,
            "BKC_SCHEMA_REGISTRY__URL": self._registry.url,
            # The embedded broker creates topics on first use and ignores CreateTopics.
            "BKC_TOPICS__CREATE": json.dumps(self._real_kafka),
            # Its transactions do not isolate.
            "BKC_DELIVERY": "exactly_once" if self._real_kafka else "idempotent",
            "BKC_SERVER__HOST": "127.0.0.1",
            "BKC_SERVER__PORT": str(_free_port()),
        }
        if self._exchange is not None:
            await self._exchange.start()
            bases = self._exchange.bases.items()
            addresses = {
                name: {"streams": base.streams[0], "rest": base.rest} for name, base in bases
            }
            environment["BKC_EXCHANGE"] = json.dumps(addresses)
            self.account = DemoAccount(self._exchange, Path(self._folder.name), SEED)
            servers = self.broker.bootstrap_servers, self._registry.url
            self.account_config = self.account.write_config(
                *servers, _free_port(), creates_topics=self._real_kafka
            )
        return environment

    @property
    def servers(self) -> tuple[object, object]:
        """Broker and registry."""
        return self.broker, self._registry

    def addresses(self) -> str:
        """Return the addresses of the servers, for display."""
        return f"Kafka {self.broker.bootstrap_servers}, registry {self._registry.url}."

    async def pause(self) -> None:
        """Stop the exchange's market and the account's trading."""
        if self._exchange is not None:
            self._exchange.pause()
        if self.account is not None:
            await self.account.end()

    def begin_account(self) -> None:
        """Let the account trade from now on."""
        if self.account is not None:
            self.account.begin()

    def resume(self) -> None:
        """Let both go on."""
        if self._exchange is not None:
            self._exchange.resume()
        self.begin_account()

    async def misbehave(self) -> None:
        """Lose some trades on the way to the connector, and cut the account's connection."""
        if self._exchange is not None:
            self._exchange.begin(Skip(SKIPPED_STREAM, SKIPPED_TRADES, "spot"))
        if self.account is not None:
            await self.account.cut()

    def sent(self) -> Mapping[StreamSymbol, Sequence[EventKey]]:
        """Return every event that the exchange made, lost ones included, by series."""
        return {} if self._exchange is None else dict(self._exchange.oracle.made)

    def sent_total(self) -> int:
        """Return how many events were made."""
        return sum(len(events) for events in self.sent().values())

    async def stop(self) -> None:
        """Stop the servers, in the reverse order of starting."""
        if self._exchange is not None:
            await self._exchange.stop()
        await self._registry.stop()
        await self.broker.stop()
        self._folder.cleanup()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
