"""What the demo starts around the connector: exchange, broker and registry, simulated or real."""

import json
import socket
from collections.abc import Mapping, Sequence

from connector.cli.demo.tally import Identity, Series
from connector.lab.embedded_broker import EmbeddedBroker
from connector.lab.exchange import Exchange
from connector.lab.faults import Skip
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry
from connector.lab.registry import Registry

SEED = 20261124
HURT_STREAM, HURT = "btcusdt@trade", 7  # this many trades of it never arrive by themselves


class Lab:
    """The surroundings of the connector.

    Attributes:
        dead_letters: Records seen in the dead-letter topic.
    """

    def __init__(self, *, real_kafka: bool, real_exchange: bool, rate: float) -> None:
        self._exchange = None if real_exchange else Exchange(Market(SEED), rate=rate)
        self._broker = RealKafka() if real_kafka else EmbeddedBroker()
        self._registry = RealRegistry() if real_kafka else Registry()
        self._real_kafka = real_kafka
        self.dead_letters = 0
        self.title = (
            f"{'Binance' if real_exchange else 'simulated exchange'} ▸ bkc ▸"
            f" {'Kafka' if real_kafka else 'embedded broker'}"
        )

    async def start(self) -> dict[str, str]:
        """Start everything; return the connector's environment."""
        await self._broker.start()
        await self._registry.start()
        environment = {
            "BKC_KAFKA__BOOTSTRAP_SERVERS": self._broker.bootstrap_servers,
            "BKC_SCHEMA_REGISTRY__URL": self._registry.url,
            # The embedded broker makes topics when asked for them; CreateTopics it ignores.
            "BKC_TOPICS__CREATE": json.dumps(self._real_kafka),
            # ... and has no transactions that isolate.
            "BKC_DELIVERY": "exactly_once" if self._real_kafka else "idempotent",
            "BKC_SERVER__HOST": "127.0.0.1",
            "BKC_SERVER__PORT": str(_free_port()),
        }
        if self._exchange is not None:
            await self._exchange.start()
            environment["BKC_EXCHANGE"] = json.dumps(
                {
                    product: {"streams": bases.streams[0], "rest": bases.rest}
                    for product, bases in self._exchange.bases.items()
                }
            )
        return environment

    @property
    def bootstrap_servers(self) -> str:
        """Where the broker listens."""
        return self._broker.bootstrap_servers

    async def create_topics(self, topics: Sequence[str], partitions: int) -> None:
        """Create the topics, so that reading can start before writing."""
        await self._broker.create(topics, partitions)

    def addresses(self) -> str:
        """Return where the parts listen, for a person."""
        return f"Kafka {self.bootstrap_servers}, registry {self._registry.url}."

    def pause(self) -> None:
        """Stop the exchange's market."""
        if self._exchange is not None:
            self._exchange.pause()

    def resume(self) -> None:
        """Let the market go on."""
        if self._exchange is not None:
            self._exchange.resume()

    def hurt(self) -> None:
        """Lose some trades on their way, so that there is something to heal."""
        if self._exchange is not None:
            self._exchange.begin(Skip(HURT_STREAM, HURT, "spot"))

    def sent(self) -> Mapping[Series, Sequence[Identity]]:
        """Return every event the exchange made, the lost ones too, by series."""
        return {} if self._exchange is None else dict(self._exchange.oracle.made)

    def sent_total(self) -> int:
        """Return how many events were made."""
        return sum(len(identities) for identities in self.sent().values())

    async def stop(self) -> None:
        """Stop everything, in the reverse order of starting."""
        if self._exchange is not None:
            await self._exchange.stop()
        await self._registry.stop()
        await self._broker.stop()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
