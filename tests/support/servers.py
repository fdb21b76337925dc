"""What the tests with real servers share: a config file, a running connector, a plain reader."""

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp
import yaml
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.serialization import MessageField, SerializationContext

from connector.kafka.schema_registry import deserializer
from connector.lab.exchange import Exchange
from connector.lab.real_kafka import free_port
from tests.support.lab_client import all_read
from tests.support.waiting import GIVE_UP_S, in_time

# Partition, offset, key, value, timestamp in ms.
Message = tuple[int, int, bytes | None, bytes, int]


def config(
    exchange: Exchange, bootstrap_servers: str, registry_url: str, prefix: str, **more: Any
) -> dict[str, Any]:
    """Return a config for the lab's exchange: three kinds of two products."""
    return {
        "exchange": {
            p: {"streams": b.streams[0], "rest": b.rest} for p, b in exchange.bases.items()
        },
        "kafka": {"bootstrap_servers": bootstrap_servers},
        "schema_registry": {"url": registry_url},
        "topics": {"prefix": prefix, "partitions": 3},
        "server": {"host": "127.0.0.1", "port": free_port()},
        "backfill": {"books": False},  # whose records no stream has sent
        "takeover_after": "2s",  # after a SIGKILL the next process waits so long
        "subscriptions": [
            {
                "product": "spot",
                "symbols": ["BTCUSDT", "ETHUSDT"],
                "streams": ["trade", "depth@100ms", "bookTicker"],
            },
            {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["aggTrade", "kline_1m"]},
        ],
        **more,
    }


@dataclass(slots=True)
class Running:
    """The connector as a process, and its HTTP side."""

    process: asyncio.subprocess.Process
    log: Path
    port: int
    session: aiohttp.ClientSession = field(default_factory=aiohttp.ClientSession)

    async def get(self, path: str) -> tuple[int, str]:
        """Return status and text; 0 while it does not listen yet."""
        try:
            async with self.session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientError:
            return 0, ""

    async def status(self) -> dict[str, Any]:
        """Return /status."""
        return dict(json.loads((await self.get("/status"))[1]))

    async def until_ready(self, seconds: float = GIVE_UP_S) -> None:
        """Return once /readyz says so."""
        deadline = time.monotonic() + seconds
        while (await self.get("/readyz"))[0] != 200:
            assert self.process.returncode is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            await asyncio.sleep(0.05)

    async def until_role(self, role: str) -> None:
        """Return once it is `writer` or `standby` of its shard."""
        deadline = time.monotonic() + GIVE_UP_S
        while (await self.get("/livez"))[0] != 200 or (await self.status())["role"] != role:
            assert time.monotonic() < deadline, self.log.read_text()
            await asyncio.sleep(0.05)

    async def until_stored(self, number: int) -> None:
        """Return once Kafka has acknowledged so many records."""
        deadline = time.monotonic() + GIVE_UP_S
        while (status := await self.status())["records"]["acknowledged"] < number:
            assert time.monotonic() < deadline, status
            await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.terminate()
        return await in_time(self.process.wait())


@contextlib.asynccontextmanager
async def connector(folder: Path, settings: dict[str, Any]) -> AsyncIterator[Running]:
    """Run the connector as users do, as a process with a config file."""
    path = folder / "connector.yaml"
    path.write_text(yaml.safe_dump(settings))
    async with run_worker(folder, "market", path, settings["server"]["port"]) as running:
        yield running


@contextlib.asynccontextmanager
async def run_worker(folder: Path, name: str, config: Path, port: int) -> AsyncIterator[Running]:
    """Run a worker, `market` or `account`; it is killed at the end if it still runs."""
    log = folder / "connector.log"
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "connector", "run", name, "--config", str(config)), stderr=out
        )
    running = Running(process, log, port)
    try:
        yield running
    finally:
        await running.session.close()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def finish(exchange: Exchange, running: Running) -> None:
    """Let everything sent arrive, stop the connector, and check its accounts."""
    exchange.pause()
    await all_read(exchange)
    await running.until_stored(exchange.oracle.total)
    status = await running.status()
    assert (status["records"]["in_flight"], status["frames_unaccounted"]) == (0, 0)
    assert status["frames"]["dropped"] == status["frames"]["undecodable"] == 0
    assert status["records"]["acknowledged"] == exchange.oracle.total
    assert await running.stop() == 0, running.log.read_text()


def read_all(conf: dict[str, Any], topic: str) -> list[Message]:
    """Return everything in a topic, partition by partition, as a plain consumer reads it."""
    own = {"group.id": "reader", "enable.auto.commit": False, "enable.partition.eof": True}
    reader = Consumer({**conf, **own, "isolation.level": "read_committed"})
    try:
        unfinished = set(reader.list_topics(topic, timeout=GIVE_UP_S).topics[topic].partitions)
        reader.assign([TopicPartition(topic, number, 0) for number in unfinished])
        found: list[Message] = []
        while unfinished:
            message = reader.poll(GIVE_UP_S)
            assert message is not None, f"{topic}: silent after {len(found)}"
            place = (message.partition() or 0, message.offset() or 0)
            error = message.error()
            if error is None:
                timestamp_ms = message.timestamp()[1]
                found.append((*place, message.key(), message.value() or b"", timestamp_ms))
            elif error.code() == KafkaError._PARTITION_EOF:
                unfinished.discard(place[0])
            else:
                raise KafkaException(error)
        return sorted(found)
    finally:
        reader.close()


def decoded(registry_url: str, topic: str, messages: list[Message]) -> list[dict[str, Any]]:
    """Return records as the standard deserialiser gives them."""
    decode = deserializer(SchemaRegistryClient({"url": registry_url}))
    context = SerializationContext(topic, MessageField.VALUE)
    read = (decode(value, context) for *_, value, _ in messages)
    return [cast("dict[str, Any]", record) for record in read]
