"""Two connectors of one shard on a real broker: claims, and a standby that takes over."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connector.codec.progress import CheckpointEncoder, RunIdentity
from connector.continuity.candidacy import Appended
from connector.kafka.writer_watch import ShardName, WriterWatch
from connector.lab.real_kafka import RealKafka, RealRegistry, free_port
from tests.servers.test_exactly_once import (
    STREAMS,
    assert_once,
    caught_up,
    exchange_of,
    read,
    settings,
)
from tests.support.servers import connector, decoded, read_all
from tests.support.waiting import GIVE_UP_S, until


def name_of(topic: str, run: str) -> ShardName:
    return ShardName(topic, "market", 0, run, 7)


async def test_standbys_see_claims_in_one_order_and_a_writer_that_leaves(kafka: RealKafka) -> None:
    topic = "claims.checkpoints"
    await asyncio.to_thread(_create, kafka, topic, 4)
    first, second = (WriterWatch(kafka.client(), name_of(topic, run)) for run in "ab")
    try:
        assert [await asyncio.to_thread(each.begin) for each in (first, second)] == [None, None]
        for watch in (second, first):
            await asyncio.to_thread(watch.claim)
        claims = [Appended("b", is_claim=True), Appended("a", is_claim=True)]
        assert [await asyncio.to_thread(each.look) for each in (first, second)] == [claims, claims]
        await asyncio.to_thread(_write, kafka, topic, "market/0/5", "market/1/5", "market/0/leave")
        written = [
            Appended("w", waiting_s=0.25),
            Appended("w", leaves=True, waiting_s=0.25),
        ]
        assert await asyncio.to_thread(first.look) == written
        assert await asyncio.to_thread(first.look) == []
        third = WriterWatch(kafka.client(), name_of(topic, "c"))
        assert await asyncio.to_thread(third.begin) is None
        third.close()
        await asyncio.to_thread(_write, kafka, topic, "market/0/6")
        fourth = WriterWatch(kafka.client(), name_of(topic, "d"))
        age_s = await asyncio.to_thread(fourth.begin)
        fourth.close()
        assert age_s is not None
        assert age_s < GIVE_UP_S
    finally:
        first.close()
        second.close()


def _create(kafka: RealKafka, topic: str, partitions: int) -> None:
    admin = AdminClient(kafka.client())
    [made] = admin.create_topics([NewTopic(topic, partitions, 1)]).values()
    made.result()


def _write(kafka: RealKafka, topic: str, *keys: str) -> None:
    """Write checkpoints as a writer `w` does."""
    value = CheckpointEncoder(7, RunIdentity(0, "market", "w")).encode(
        5, 1_790_000_000_000, [], 250
    )
    producer = Producer({**kafka.client(), "acks": "all"})
    for key in keys:
        producer.produce(topic, value, key.encode())
        producer.flush(GIVE_UP_S)


async def test_a_standby_takes_over_from_a_killed_writer_without_rest_or_a_repeat(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    exchange = await exchange_of()
    made = settings(exchange, kafka, registry, "standby")
    made |= {"subscriptions": STREAMS, "standby": True, "takeover_after": "2s"}
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    try:
        async with connector(folders[0], made) as writer:
            await writer.until_role("writer")
            async with connector(folders[1], made | {"server": _server()}) as standby:
                await standby.until_ready()
                await standby.until_role("standby")
                seen = exchange.oracle.total
                await until(lambda: exchange.oracle.total > seen + 400)
                writer.process.send_signal(signal.SIGKILL)
                await writer.process.wait()
                await standby.until_role("writer")
                seen = exchange.oracle.total
                await until(lambda: exchange.oracle.total > seen + 400)
                await caught_up(standby, exchange)
                assert await standby.stop() == 0, standby.log.read_text()
        assert_once(exchange, read(kafka, registry, "standby"))
        name = "standby.markers"
        markers = decoded(registry.url, name, read_all(dict(kafka.client()), name))
        assert [marker for marker in markers if marker["gap_id"] is not None] == []
    finally:
        await exchange.stop()


def _server() -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": free_port()}
