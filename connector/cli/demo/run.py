"""Runs the demo: the servers, both workers as processes of their own, and a consumer.

Order: topics, then the consumer, then the workers, so that every record is read from the start.
The account trades once its worker has written the first picture. At the end exchange and account
stop first, then the workers drain, then the consumer catches up.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any, cast

from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from rich.live import Live

from connector.cli.console import err, out, waiting
from connector.cli.demo import view
from connector.cli.demo.account_tally import AccountCounts
from connector.cli.demo.stack import Stack
from connector.cli.demo.tally import Counts, Tally
from connector.cli.demo.worker import DemoWorker
from connector.cli.examples import example
from connector.cli.fetch import fetch
from connector.codec.schema import (
    ACCOUNT_DEAD_LETTER,
    ACCOUNT_EVENTS,
    ACCOUNT_MARKERS,
    ACCOUNT_PROGRESS,
    CHECKPOINTS,
    DEAD_LETTER,
    MARKERS,
    PROGRESS,
)
from connector.config.load import Loaded, load
from connector.config.plan import plan_of
from connector.errors import Retry
from connector.kafka.schema_registry import client, deserializer
from connector.kafka.tail_consumer import ConsumedRecord, TailConsumer
from connector.telemetry import logs

CATCH_UP_TIMEOUT_S = 15.0
START_TIMEOUT_S = 30.0
QUIET_S = 2.0  # without a new record: all have been read
REFRESH_INTERVAL_S = 0.5
CATCH_UP_INTERVAL_S = 0.1
# Topics of the connector's own; where it creates topics, it creates those of the second row itself.
READ = (DEAD_LETTER, MARKERS, ACCOUNT_EVENTS)
OWN = (PROGRESS, CHECKPOINTS, ACCOUNT_MARKERS, ACCOUNT_PROGRESS, ACCOUNT_DEAD_LETTER)


class Demo:
    """One demonstration."""

    def __init__(
        self, *, real_kafka: bool, real_exchange: bool, seconds: float, rate: float, keep: bool
    ) -> None:
        self._stack = Stack(real_kafka=real_kafka, real_exchange=real_exchange, rate=rate)
        self._real_exchange = real_exchange
        self._seconds = seconds
        self._keep = keep
        self._counts, self._account_counts = Counts(), AccountCounts()
        self._real_kafka = real_kafka

    def run(self) -> bool:
        """Return whether every event sent was read exactly once; raises Retry if a part fails."""
        logs.configure(json=False, level="CRITICAL")  # aiokafka logs each try of a new broker
        fetch(self._stack.servers)
        return asyncio.run(self._run())

    async def _run(self) -> bool:
        try:
            with waiting(f"starting {self._stack.title}"):
                environment = await self._stack.start()
            with _environment(environment):
                loaded = load(example("demo.yaml"))
            prefix = loaded.settings.topic_prefix
            topics = [*plan_of(loaded).topics, *(f"{prefix}.{name}" for name in READ)]
            own = [f"{prefix}.{name}" for name in OWN]
            created = topics if loaded.settings.topics.create else [*topics, *own]
            # Before anything is written, so that reading can start first.
            await self._stack.broker.create(created, loaded.settings.topics.partitions)
            address = self._stack.broker.bootstrap_servers
            consumer = TailConsumer(address, topics, check_crcs=self._real_kafka)
            await consumer.start()
            try:
                return await self._demonstrate(loaded, environment, consumer)
            finally:
                await consumer.stop()
        finally:
            await self._stack.stop()

    async def _demonstrate(
        self, loaded: Loaded, environment: Mapping[str, str], consumer: TailConsumer
    ) -> bool:
        workers = await self._start_workers(environment)
        reading = asyncio.create_task(self._read(loaded, consumer), name="reading")
        try:
            await self._watch(workers, consumer)
            await self._stack.pause()
            await self._catch_up()
            if self._keep:
                await self._hold()
            codes = [await worker.stop() for worker in workers]
            await self._catch_up()
            failed = [worker for worker, code in zip(workers, codes, strict=True) if code]
            return self._report(workers, failed, await consumer.truncated_partitions())
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            for worker in workers:
                await worker.kill()

    async def _start_workers(self, environment: Mapping[str, str]) -> list[DemoWorker]:
        workers = [await DemoWorker.start("market", example("demo.yaml"), environment)]
        if (config := self._stack.account_config) is not None:
            workers.append(await DemoWorker.start("account", config, {}))
        return workers

    async def _read(self, loaded: Loaded, consumer: TailConsumer) -> None:
        """Read the topics with the standard client's deserialiser, until cancelled."""
        decode = deserializer(client(loaded.settings.schema_registry))
        dead_letter = f"{loaded.settings.topic_prefix}.{DEAD_LETTER}"
        while True:
            batch = await consumer.batch()
            data = [record for record in batch if record.topic != dead_letter]
            self._counts.dead_letters += len(batch) - len(data)
            # In a thread: the deserialiser blocks on the registry, which runs in this loop.
            await asyncio.to_thread(self._count, decode, data)

    def _count(self, decode: AvroDeserializer, batch: list[ConsumedRecord]) -> None:
        for consumed in batch:
            context = SerializationContext(consumed.topic, MessageField.VALUE)
            record = cast("dict[str, Any]", decode(consumed.value, context))
            if consumed.topic.endswith(f".{ACCOUNT_EVENTS}"):
                self._account_counts.add(record)
            elif consumed.topic.endswith(f".{MARKERS}"):
                self._counts.add_marker(record)
            else:
                self._counts.add(consumed.topic, record)

    async def _watch(self, workers: list[DemoWorker], consumer: TailConsumer) -> None:
        """Show the table for the demo's duration, which begins with the first record."""
        live = Live(console=out, transient=True) if out.is_terminal else None
        if live is None:
            out.print(f"{self._stack.title}: {self._seconds:.0f} s of data, then the proof")
        start, first, misbehaved = time.monotonic(), 0.0, False
        with live or contextlib.nullcontext():
            while not first or time.monotonic() - first < self._seconds:
                self._check_running(workers, time.monotonic() - start)
                if not first and self._all_write:
                    first = time.monotonic()
                    self._stack.begin_account()
                passed = time.monotonic() - first if first else 0.0
                if passed > self._seconds / 2 and not misbehaved:
                    misbehaved = True
                    await self._stack.misbehave()
                if live is not None:
                    title = f"{self._stack.title}  {passed:.0f}/{self._seconds:.0f} s"
                    lag, height = await consumer.lag(), max(5, out.height - 5)
                    live.update(view.live(self._counts, passed, lag, title, height))
                await asyncio.sleep(REFRESH_INTERVAL_S)

    @property
    def _all_write(self) -> bool:
        """Whether records of every worker have been read."""
        return self._counts.read > 0 and (
            self._stack.account is None or self._account_counts.read > 0
        )

    def _check_running(self, workers: list[DemoWorker], since_start_s: float) -> None:
        for worker in workers:
            worker.check_running()
        if not self._all_write and since_start_s > START_TIMEOUT_S:
            logs = "\n".join(f"{worker.name}: {worker.log_end()}" for worker in workers)
            raise Retry(f"no record of every worker after {START_TIMEOUT_S:.0f} s\n{logs}")

    async def _catch_up(self) -> None:
        """Wait until every event sent has been read, or no more come."""
        deadline = time.monotonic() + CATCH_UP_TIMEOUT_S
        before, quiet_since = -1, time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - quiet_since < QUIET_S:
            read = self._counts.read + self._account_counts.read
            if read != before:
                before, quiet_since = read, time.monotonic()
            if not self._real_exchange and self._has_caught_up:
                return
            await asyncio.sleep(CATCH_UP_INTERVAL_S)

    @property
    def _has_caught_up(self) -> bool:
        is_right = all(not tally.missing for tally in self._account_tallies())
        return self._counts.read >= self._stack.sent_total() and is_right

    def _account_tallies(self) -> list[Tally]:
        account = self._stack.account
        if account is None:
            return []
        return self._account_counts.compare(account.fills(), account.orders())

    async def _hold(self) -> None:
        """Let everything run until Ctrl-C."""
        self._stack.resume()
        out.print(f"Everything keeps running. {self._stack.addresses()}  Ctrl-C ends it.")
        with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
            await asyncio.Event().wait()
        await self._stack.pause()
        await self._catch_up()

    def _report(
        self, workers: list[DemoWorker], failed: list[DemoWorker], truncated: list[str]
    ) -> bool:
        """Print the proof, records and what to try next; return whether all is proved."""
        counts, proved = self._counts, not self._real_exchange
        tallies = counts.compare(self._stack.sent()) if proved else list(counts.tallies.values())
        tallies += self._account_tallies()
        missing = sum(tally.missing for tally in tallies)
        repeated = sum(tally.repeated for tally in tallies)
        complete = not missing and not repeated and not truncated and counts.read > 0
        has_filled = bool(counts.filled and self._account_counts.fetched)
        good = not failed and complete and (self._real_exchange or has_filled)
        out.print(view.summary(tallies, proved=proved))
        view.print_samples(counts, self._account_counts)
        if truncated:
            err.print(f"the embedded broker no longer holds the first records of {truncated}")
        for worker in failed:
            err.print(f"the {worker.name} worker {worker.ending()}")
        text = f"{counts.read:,} records read back, {counts.dead_letters:,} dead letters"
        if proved:
            text = f"{self._stack.sent_total():,} events made, {text}"
            text += f", {self._account_counts.read:,} of the account"
            text += f": missing {missing:,}, repeated {repeated:,}"
        view.print_result(text, good=good)
        if good:
            for worker in workers:
                worker.log.unlink(missing_ok=True)
        return good


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while: the file is then read as the connector reads it."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]
        os.environ.update(before)
