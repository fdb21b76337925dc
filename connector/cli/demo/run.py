"""Runs the demo: lab, broker and registry, the connector as a process of its own, and a reader.

The order matters: topics, then the reader, then the connector, so that nothing is read late; at
the end the exchange stops first, then the connector drains, then the reader catches up.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, cast

from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from rich.live import Live

from connector.cli.console import err, out
from connector.cli.demo import view
from connector.cli.demo.stack import Lab
from connector.cli.demo.tally import Counts
from connector.config.load import Loaded, load
from connector.continuity.gap_tracker import MARKERS, PROGRESS
from connector.errors import Retry
from connector.kafka.schema_registry import client, deserializer
from connector.kafka.tail_consumer import ConsumedRecord, TailConsumer
from connector.kafka.topic_admin import DEAD_LETTER
from connector.worker.market import plan_of

CATCH_UP_S = 15.0
START_S = 30.0
QUIET_S = 2.0  # nothing new for this long: nothing more comes
NEXT = (
    ("check examples/demo.yaml", "what a config file means, without any network"),
    ("demo --broker kafka", "the same against a real Kafka and registry"),
    ("streams", "every stream there is"),
)


def example(name: str) -> Path:
    """Return an example file: inside the installed package, else beside it."""
    inside = Path(str(resources.files("connector"))) / "examples" / name
    return inside if inside.is_file() else inside.parents[2] / "examples" / name


class Demo:
    """One demonstration."""

    def __init__(
        self, *, real_kafka: bool, real_exchange: bool, seconds: float, rate: float, keep: bool
    ) -> None:
        self._lab = Lab(real_kafka=real_kafka, real_exchange=real_exchange, rate=rate)
        self._real_exchange = real_exchange
        self._seconds = seconds
        self._keep = keep
        self._counts = Counts()
        self._log = Path(tempfile.mkstemp(prefix="bkc-demo-", suffix=".log")[1])

    async def run(self) -> bool:
        """Return whether everything that was sent was read, once.

        Raises:
            Retry: something did not come up.
        """
        try:
            environment = await self._lab.start()
            with _environment(environment):
                loaded = load(example("demo.yaml"))
            prefix = loaded.settings.topic_prefix
            topics = [*plan_of(loaded).topics, f"{prefix}.{DEAD_LETTER}", f"{prefix}.{MARKERS}"]
            created = [*topics, f"{prefix}.{PROGRESS}"]
            await self._lab.create_topics(created, loaded.settings.topics.partitions)
            reader = TailConsumer(self._lab.bootstrap_servers, topics)
            await reader.start()
            try:
                return await self._show(loaded, environment, reader)
            finally:
                await reader.stop()
        finally:
            await self._lab.stop()

    async def _show(
        self, loaded: Loaded, environment: Mapping[str, str], reader: TailConsumer
    ) -> bool:
        connector = await self._start_connector(environment)
        reading = asyncio.create_task(self._read(loaded, reader), name="reading")
        try:
            await self._watch(connector, reader)
            self._lab.pause()
            await self._catch_up()
            if self._keep:
                await self._hold()
            connector.terminate()
            code = await asyncio.wait_for(connector.wait(), START_S)
            await self._catch_up()
            return self._verdict(code, await self._trimmed(reader))
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

    async def _read(self, loaded: Loaded, reader: TailConsumer) -> None:
        """Read the topics back with the standard client's deserialiser."""
        decode = deserializer(client(loaded.settings.schema_registry))
        dead_letter = f"{loaded.settings.topic_prefix}.{DEAD_LETTER}"
        while True:
            batch = await reader.batch()
            data = [read for read in batch if read.topic != dead_letter]
            self._lab.dead_letters += len(batch) - len(data)
            # In a thread: the deserialiser blocks on the registry, which runs in this loop.
            await asyncio.to_thread(self._count, decode, data)

    def _count(self, decode: AvroDeserializer, batch: list[ConsumedRecord]) -> None:
        for read in batch:
            context = SerializationContext(read.topic, MessageField.VALUE)
            record = cast("dict[str, Any]", decode(read.value, context))
            if read.topic.endswith(f".{MARKERS}"):
                self._counts.add_marker(record)
            else:
                self._counts.add(read.topic, record)

    async def _watch(self, connector: asyncio.subprocess.Process, reader: TailConsumer) -> None:
        """Show the table until the time is up; it starts with the first record.

        Raises:
            Retry: the connector ended, or no record came.
        """
        began, first, hurt = time.monotonic(), 0.0, False
        quiet = not out.is_terminal
        if quiet:
            out.print(f"{self._lab.title}: {self._seconds:.0f} s of data, then the proof")
        with contextlib.ExitStack() as stack:
            screen = None if quiet else stack.enter_context(Live(console=out, transient=True))
            while not first or time.monotonic() - first < self._seconds:
                if connector.returncode is not None:
                    raise Retry(f"the connector ended with {connector.returncode}\n{self._tail()}")
                if not first and self._counts.read:
                    first = time.monotonic()
                if not first and time.monotonic() - began > START_S:
                    raise Retry(f"no record after {START_S:.0f} s\n{self._tail()}")
                passed = time.monotonic() - first if first else 0.0
                if passed > self._seconds / 2 and not hurt:
                    self._lab.hurt()
                    hurt = True
                if screen is not None:
                    note = f"{self._lab.title}  {passed:.0f}/{self._seconds:.0f} s"
                    lag = await reader.lag()
                    most = max(5, out.height - 5)
                    screen.update(view.live(self._counts, passed, lag, note, most))
                await asyncio.sleep(0.5)

    async def _catch_up(self) -> None:
        """Wait until everything sent has been read, or nothing more comes."""
        deadline = time.monotonic() + CATCH_UP_S
        before, quiet_since = -1, time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - quiet_since < QUIET_S:
            if self._counts.read != before:
                before, quiet_since = self._counts.read, time.monotonic()
            if not self._real_exchange and self._counts.read >= self._lab.sent_total():
                return
            await asyncio.sleep(0.1)

    async def _hold(self) -> None:
        self._lab.resume()
        out.print(f"Everything keeps running. {self._lab.addresses()}  Ctrl-C ends it.")
        with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
            await asyncio.Event().wait()
        self._lab.pause()
        await self._catch_up()

    async def _trimmed(self, reader: TailConsumer) -> list[str]:
        return await reader.truncated_partitions()

    def _verdict(self, code: int, trimmed: list[str]) -> bool:
        """Print the proof, a record and what to try next."""
        proved = not self._real_exchange
        tallies = (
            self._counts.compare(self._lab.sent()) if proved else self._counts.tallies.values()
        )
        out.print(view.summary(tallies, proved=proved))
        missing = sum(tally.missing for tally in tallies)
        repeated = sum(tally.repeated for tally in tallies)
        good = code == 0 and not missing and not repeated and not trimmed and self._counts.read > 0
        good = good and (self._real_exchange or bool(self._counts.healed))
        out.print("\nOne record, as a consumer reads it:", highlight=False)
        out.print_json(json.dumps(json.loads(view.record(self._counts.sample))))
        for healed in self._counts.healed:
            text = f"Lost on the way, marked, and fetched through REST: {healed}"
            out.print(text, highlight=False, soft_wrap=True)
        if trimmed:
            err.print(f"the embedded broker no longer holds the first records of {trimmed}")
        if code != 0:
            err.print(f"the connector ended with {code}; its log: {self._log}\n{self._tail()}")
        read, dead = self._counts.read, self._lab.dead_letters
        text = f"{read:,} records read back, {dead:,} dead letters"
        if proved:
            text = f"{self._lab.sent_total():,} events made, {text}: missing {missing:,}, repeated"
            text += f" {repeated:,}"
        out.print(
            f"\n[bold {'green' if good else 'red'}]{text}[/]", highlight=False, soft_wrap=True
        )
        program = "bkc" if shutil.which("bkc") else os.path.relpath(sys.argv[0])
        tries = [f"  {program} {command:<26} {meaning}" for command, meaning in NEXT]
        out.print("\n".join(["\nNext:", *tries]), highlight=False, soft_wrap=True)
        if good:
            self._log.unlink(missing_ok=True)
        return good

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables for a while: the file is read as the connector will read it."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
