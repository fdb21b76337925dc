"""A real Kafka broker and a real registry (Apicurio) as processes."""

import asyncio
import atexit
import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connector.errors import Retry
from connector.lab.java_packages import java, kafka_classpath, registry_folder

START_S = 60.0
STOP_S = 15.0
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "log.cleaner.dedupe.buffer.size": "16777216",
    # A killed broker may come back after its session: 2 s instead of 9.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
}
# From 32768 on (Linux) or 49152 on (macOS) the system gives them away.
_ports = itertools.cycle(random.sample(range(20_000, 32_000), 1_000))
_running: set[subprocess.Popen[bytes]] = set()


@atexit.register
def _kill_all() -> None:
    for process in list(_running):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


class Process:
    """A server process in a folder of its own, with its log."""

    def __init__(self, name: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"bkc-{name}-"))
        self.name = name
        self.log = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self, command: Sequence[str]) -> None:
        """Start the process in a group of its own."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        _running.add(self._process)

    def died(self) -> bool:
        """Say whether the process has ended by itself."""
        return self._process is None or self._process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop the process; kill it when it does not go."""
        if self._process is None:
            return
        self.send(signal.SIGCONT)
        self.send(number)
        try:
            await asyncio.to_thread(self._process.wait, STOP_S)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            await asyncio.to_thread(self._process.wait)
        _running.discard(self._process)
        self._process = None

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def tail(self) -> str:
        """Return the end of the log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-20:])


class RealKafka:
    """One KRaft broker on a free port of this machine.

    Args:
        extra: More lines of server.properties.
    """

    def __init__(self, extra: Mapping[str, str] | None = None) -> None:
        self._process = Process("kafka")
        self._extra = dict(extra or {})
        self.port = free_port()
        self.bootstrap_servers = f"127.0.0.1:{self.port}"

    def _properties(self) -> dict[str, str]:
        controller = free_port()
        return PROPERTIES | {
            "listeners": f"CLIENT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"CLIENT://127.0.0.1:{self.port}",
            "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "CLIENT",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        }

    def _write(self) -> Path:
        path = self._process.folder / "server.properties"
        data = self._process.folder / "data"
        lines = self._properties() | self._extra | {"log.dirs": str(data)}
        path.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        return path

    def _format(self, properties: Path) -> None:
        """Write what the storage tool would: saves a second of Java."""
        del properties
        data = self._process.folder / "data"
        if not (data / "meta.properties").exists():
            data.mkdir(exist_ok=True)
            meta = f"version=1\nnode.id=1\ncluster.id={CLUSTER_ID}\n"
            (data / "meta.properties").write_text(meta)

    async def start(self) -> None:
        """Start, or start again on the same port and data; return when it takes records.

        Raises:
            Refused: Java or jgo cannot be had. Retry: it does not come up; the text has its log.
        """
        classpath = await asyncio.to_thread(kafka_classpath)
        properties = self._write()
        await asyncio.to_thread(self._format, properties)
        machine = (java(), "-Xms128m", "-Xmx512m", *JVM, "-cp", classpath)
        self._process.spawn((*machine, "kafka.Kafka", str(properties)))
        await self._until_up()

    def client(self) -> dict[str, str | int | float | bool]:
        """Return what a client of this machine needs to connect."""
        return {"bootstrap.servers": self.bootstrap_servers}

    def _admin(self) -> AdminClient:
        return AdminClient(self.client() | {"log_level": "0"})  # its lines would be raw ones

    async def _until_up(self) -> None:
        deadline = asyncio.get_running_loop().time() + START_S
        while not await asyncio.to_thread(self._answers):
            if self._process.died() or asyncio.get_running_loop().time() > deadline:
                raise Retry(f"the broker did not come up:\n{self._process.tail()}")
            await asyncio.sleep(0.1)

    def _answers(self) -> bool:
        """Ask for an idempotent producer's id: the slowest part of a new broker."""
        with contextlib.closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
        try:
            return bool(self._admin().list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    async def create(self, topics: Sequence[str], partitions: int) -> None:
        """Create topics."""
        admin = self._admin()
        made = admin.create_topics([NewTopic(name, partitions, 1) for name in topics])
        for future in made.values():
            await asyncio.to_thread(future.result)

    async def pause(self) -> None:
        """Stop the broker; its data stays for `start`."""
        await self._process.end()

    async def kill(self) -> None:
        """Kill the broker; its data stays for `start`."""
        await self._process.end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the process's clock (SIGSTOP): connections stay, nothing answers."""
        self._process.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on (SIGCONT)."""
        self._process.send(signal.SIGCONT)

    def log(self) -> str:
        """Return the end of the broker's log."""
        return self._process.tail()

    async def stop(self) -> None:
        """Stop the broker and delete its data."""
        await self._process.end()
        self._process.remove()


class RealRegistry:
    """Apicurio in memory on a free port; `url` is its Confluent-compatible side."""

    def __init__(self) -> None:
        self._process = Process("registry")
        self._port, self._management = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self._port}/apis/ccompat/v7"

    async def start(self) -> None:
        """Start; return when it answers. Raises as RealKafka.start does."""
        folder = await asyncio.to_thread(registry_folder)
        options = {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": self._port,
            "quarkus.management.host": "127.0.0.1",
            "quarkus.management.port": self._management,
        }
        flags = [f"-D{key}={value}" for key, value in options.items()]
        jar = str(folder / "quarkus-run.jar")
        self._process.spawn((java(), "-Xmx384m", *JVM, *flags, "-jar", jar))
        deadline = asyncio.get_running_loop().time() + START_S
        async with aiohttp.ClientSession() as session:
            while not await self._answers(session):
                if self._process.died() or asyncio.get_running_loop().time() > deadline:
                    raise Retry(f"the registry did not come up:\n{self._process.tail()}")
                await asyncio.sleep(0.2)

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.url}/subjects") as answer:
                return answer.status == 200  # noqa: PLR2004
        except aiohttp.ClientError:
            return False

    async def stop(self) -> None:
        """Stop it."""
        await self._process.end()
        self._process.remove()


def free_port() -> int:
    """Return a port that is free and stays so until the server that is to have it is up.

    It is below those that the system gives to whoever asks for any: else another process could be
    given it in the seconds that a server takes to start.
    """
    while True:
        port = next(_ports)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
