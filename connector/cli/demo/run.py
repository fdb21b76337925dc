"""Runs the demo: the servers, the connector as a process of its own, and a consumer.

Order: topics, then the consumer, then the connector, so that every record is read from the start.
At the end the exchange stops first, then the connector drains, then the consumer catches up.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from rich.live import Live

from connector.cli.console import err, out, waiting
from connector.cli.demo import view
from connector.cli.demo.stack import Stack
from connector.cli.demo.tally import Counts
from connector.cli.examples import example
from connector.cli.fetch import fetch
from connector.codec.schema import CHECKPOINTS, DEAD_LETTER, MARKERS, PROGRESS
from connector.config.load import Loaded, load
from connector.config.plan import plan_of
from connector.errors import Retry
from connector.kafka.schema_registry import client, deserializer
from connector.kafka.tail_consumer import ConsumedRecord, TailConsumer
from connector.telemetry import logs

CATCH_UP_TIMEOUT_S = 15.0
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
QUIET_S = 2.0  # without a new record: all have been read
REFRESH_INTERVAL_S = 0.5
CATCH_UP_INTERVAL_S = 0.1
LOG_LINES = 15  # of the connector, shown with an error


class Demo:
    """One demonstration."""

    def __init__(
        self, *, real_kafka: bool, real_exchange: bool, seconds: float, rate: float, keep: bool
    ) -> None:
        self._stack = Stack(real_kafka=real_kafka, real_exchange=real_exchange, rate=rate)
        self._real_exchange = real_exchange
        self._seconds = seconds
        self._keep = keep
        self._counts = Counts()
        self._log = Path(tempfile.mkstemp(prefix="bkc-demo-", suffix=".log")[1])

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
            topics = [*plan_of(loaded).topics, f"{prefix}.{DEAD_LETTER}", f"{prefix}.{MARKERS}"]
            # Where the connector creates topics, its own two become compacted ones.
            own = [f"{prefix}.{name}" for name in (PROGRESS, CHECKPOINTS)]
            created = topics if loaded.settings.topics.create else [*topics, *own]
            # Before anything is written, so that reading can start first.
            await self._stack.broker.create(created, loaded.settings.topics.partitions)
            consumer = TailConsumer(self._stack.broker.bootstrap_servers, topics)
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
        connector = await self._start_connector(environment)
        reading = asyncio.create_task(self._read(loaded, consumer), name="reading")
        try:
            await self._watch(connector, consumer)
            self._stack.pause()
            await self._catch_up()
            if self._keep:
                await self._hold()
            connector.terminate()
            code = await asyncio.wait_for(connector.wait(), STOP_TIMEOUT_S)
            await self._catch_up()
            return self._report(code, await consumer.truncated_partitions())
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            if connector.returncode is None:
                connector.kill()
                await connector.wait()

    async def _start_connector(self, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
        arguments = ("-m", "connector", "run", "market", "--config", str(example("demo.yaml")))
        with self._log.open("wb") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable, *arguments, env={**os.environ, **environment}, stderr=log
            )

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
            if consumed.topic.endswith(f".{MARKERS}"):
                self._counts.add_marker(record)
            else:
                self._counts.add(consumed.topic, record)

    async def _watch(self, connector: asyncio.subprocess.Process, consumer: TailConsumer) -> None:
        """Show the table for the demo's duration, which begins with the first record."""
        live = Live(console=out, transient=True) if out.is_terminal else None
        if live is None:
            out.print(f"{self._stack.title}: {self._seconds:.0f} s of data, then the proof")
        start, first, skipped = time.monotonic(), 0.0, False
        with live or contextlib.nullcontext():
            while not first or time.monotonic() - first < self._seconds:
                self._check_running(connector, time.monotonic() - start)
                if not first and self._counts.read:
                    first = time.monotonic()
                passed = time.monotonic() - first if first else 0.0
                if passed > self._seconds / 2 and not skipped:
                    self._stack.skip_trades()
                    skipped = True
                if live is not None:
                    title = f"{self._stack.title}  {passed:.0f}/{self._seconds:.0f} s"
                    lag, height = await consumer.lag(), max(5, out.height - 5)
                    live.update(view.live(self._counts, passed, lag, title, height))
                await asyncio.sleep(REFRESH_INTERVAL_S)

    def _check_running(self, connector: asyncio.subprocess.Process, since_start_s: float) -> None:
        if connector.returncode is not None:
            raise Retry(f"the connector ended with {connector.returncode}\n{self._log_end()}")
        if not self._counts.read and since_start_s > START_TIMEOUT_S:
            raise Retry(f"no record after {START_TIMEOUT_S:.0f} s\n{self._log_end()}")

    async def _catch_up(self) -> None:
        """Wait until every event sent has been read, or no more come."""
        deadline = time.monotonic() + CATCH_UP_TIMEOUT_S
        before, quiet_since = -1, time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - quiet_since < QUIET_S:
            if self._counts.read != before:
                before, quiet_since = self._counts.read, time.monotonic()
            if not self._real_exchange and self._counts.read >= self._stack.sent_total():
                return
            await asyncio.sleep(CATCH_UP_INTERVAL_S)

    async def _hold(self) -> None:
        """Let everything run until Ctrl-C."""
        self._stack.resume()
        out.print(f"Everything keeps running. {self._stack.addresses()}  Ctrl-C ends it.")
        with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
            await asyncio.Event().wait()
        self._stack.pause()
        await self._catch_up()

    def _report(self, code: int, truncated: list[str]) -> bool:
        """Print the proof, a record and what to try next; return whether all is proved."""
        counts, proved = self._counts, not self._real_exchange
        tallies = counts.compare(self._stack.sent()) if proved else list(counts.tallies.values())
        missing = sum(tally.missing for tally in tallies)
        repeated = sum(tally.repeated for tally in tallies)
        complete = not missing and not repeated and not truncated and counts.read > 0
        good = code == 0 and complete and (self._real_exchange or bool(counts.filled))
        out.print(view.summary(tallies, proved=proved))
        view.print_sample(counts)
        if truncated:
            err.print(f"the embedded broker no longer holds the first records of {truncated}")
        if code != 0:
            err.print(f"the connector ended with {code}; its log: {self._log}\n{self._log_end()}")
        text = f"{counts.read:,} records read back, {counts.dead_letters:,} dead letters"
        if proved:
            text = f"{self._stack.sent_total():,} events made, {text}"
            text += f": missing {missing:,}, repeated {repeated:,}"
        view.print_result(text, good=good)
        if good:
            self._log.unlink(missing_ok=True)
        return good

    def _log_end(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_LINES:])


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
