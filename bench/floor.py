"""What both floors share: orjson, floor_records.py, confluent-kafka with a callback per record.

Topics and librdkafka settings are the connector's. No queue, no reconnecting, no accounting.
"""

import asyncio
import functools
import json
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
import uvloop
from confluent_kafka import KafkaError, Message, Producer

from bench.floor_records import Route, encode, routes_of
from bench.frames import Stream
from connector.kafka.client_config import PRODUCER

SAMPLE_EVERY = 64  # records
POLL_S = 0.005


class Writer:
    """Writes records to Kafka and counts delivery reports.

    Attributes:
        acknowledged: Records that Kafka has acknowledged.
        failed: Records that it has not.
        samples_us: Microseconds from socket to delivery callback, one record in SAMPLE_EVERY.
    """

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "log_level": 3, **PRODUCER})
        self._until_sample = SAMPLE_EVERY
        self.acknowledged = 0
        self.failed = 0
        self.samples_us: list[int] = []

    def handle(self, routes: dict[str, Route], frame: bytes | str) -> None:
        """Write the records of one frame."""
        received_us = time.time_ns() // 1000
        message = orjson.loads(frame)
        stream = message.get("stream")
        if stream is None:  # the response to SUBSCRIBE
            return
        route = routes[stream]
        data = message["data"]
        for event in data if isinstance(data, list) else (data,):
            self._write(route, event, received_us)

    def _write(self, route: Route, data: dict[str, Any], received_us: int) -> None:
        value, key, timestamp = encode(route, data, received_us)
        self._until_sample -= 1
        on_delivery: Any = self._on_delivery
        if not self._until_sample:
            self._until_sample = SAMPLE_EVERY
            on_delivery = functools.partial(self._on_sampled, received_us)
        while True:
            try:
                self._producer.produce(
                    route.topic, value, key, on_delivery=on_delivery, timestamp=timestamp
                )
            except BufferError:
                self._producer.poll(0.01)
            else:
                return

    def _on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.failed += 1

    def _on_sampled(self, received_us: int, error: KafkaError | None, message: Message) -> None:
        self._on_delivery(error, message)
        if error is None:
            self.samples_us.append(time.time_ns() // 1000 - received_us)

    async def poll(self) -> None:
        """Serve delivery callbacks until cancelled."""
        while True:
            self._producer.poll(0)
            await asyncio.sleep(POLL_S)

    def answer(self) -> None:
        """Answer a line on stdin with the counts and the samples since the last answer."""
        if not sys.stdin.readline():
            sys.exit()
        samples, self.samples_us = self.samples_us, []
        report = {"acknowledged": self.acknowledged, "failed": self.failed, "samples_us": samples}
        print(json.dumps(report), flush=True)


Read = Callable[[str, list[str], Callable[[bytes | str], None]], Coroutine[Any, Any, None]]


def run(read: Read) -> None:
    """Run a floor with its reader: `read(url, names, handle)` calls `handle` with each frame.

    argv[1] is JSON: bootstrap, and the connections as [url, [[product, path, name, kind], ...]].
    """
    plan = json.loads(sys.argv[1])

    async def work() -> None:
        writer = Writer(plan["bootstrap"])
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), writer.answer)
        async with asyncio.TaskGroup() as group:
            group.create_task(writer.poll())
            for url, rows in plan["connections"]:
                streams = [Stream(*row) for row in rows]
                handle = functools.partial(writer.handle, routes_of(streams))
                group.create_task(read(url, [stream.name for stream in streams], handle))

    uvloop.run(work())
