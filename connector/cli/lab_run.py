"""Makes the servers of `bkc lab`, prints their addresses as a config, runs them until a signal."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Protocol

from connector.binance.catalogue import ROWS, subscribable
from connector.binance.products import Product
from connector.cli.console import err, out, table
from connector.codec.schema import DEAD_LETTER, OWN_TOPICS
from connector.errors import Refused
from connector.lab import capture_file
from connector.lab.capture_player import Capture, Player, messages, speed_of
from connector.lab.embedded_broker import EmbeddedBroker
from connector.lab.exchange import Exchange
from connector.lab.faults import schedule, targets
from connector.lab.faults.schedule import Planned
from connector.lab.generator import Source
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry
from connector.lab.registry import Registry

LISTENERS = ("spot", "fstream", "dstream", "rest")
SUBSCRIPTIONS = """\
subscriptions:
  - product: spot
    symbols: [BTCUSDT, ETHUSDT]
    streams: [trade, depth@100ms, kline_1m, bookTicker]
  - product: usdm
    symbols: [BTCUSDT]
    streams: [aggTrade, bookTicker]
"""


class LabServer(Protocol):
    """A server of the lab."""

    async def start(self) -> None:
        """Listen."""

    async def stop(self) -> None:
        """Stop listening."""


class LabBroker(LabServer, Protocol):
    """The embedded broker, or a real one."""

    bootstrap_servers: str


class LabRegistry(LabServer, Protocol):
    """The lab's registry, or a real one."""

    url: str


def exchange(
    seed: int,
    rate: float,
    port: int | None,
    *,
    misaligned: bool,
    source: Source | None = None,
) -> Exchange:
    """Return the exchange, on four ports in a row or on free ones."""
    ports = {} if port is None else {name: port + n for n, name in enumerate(LISTENERS)}
    server = Exchange(Market(seed), rate, misaligned=misaligned, source=source, ports=ports)
    server.oracle.keep_ids = False  # it may run for weeks, and its memory must not grow
    return server


def broker(*, real: bool) -> LabBroker:
    """Return a real Kafka or the embedded broker."""
    return RealKafka() if real else EmbeddedBroker()


def registry(port: int, *, real: bool = False) -> LabRegistry:
    """Return a real registry or the lab's."""
    return RealRegistry() if real else Registry(port)


def player(
    files: Sequence[Path], product: Product | None, stream: str | None, speed: str, *, loop: bool
) -> Player | None:
    """Return the player of captures, which it has read and checked; None without captures.

    Raises:
        Refused: a file, a line, a name or the speed is wrong.
    """
    factor = speed_of(speed)
    if not files:
        return None
    for path in files:
        if not path.is_file():
            raise Refused(f"--play {path}: there is no such file")
    captures = [
        Capture(path, capture_file.product_in(path.name, product), stream) for path in files
    ]
    source = Player(captures, factor, loop=loop, tell=_print_note)
    _print_note(f"{messages(source.check())} to play; it begins with the first subscription")
    return source


def faults(texts: Sequence[str], file: Path | None, *, captured: bool = False) -> list[Planned]:
    """Return the faults of the command line and of a schedule file.

    Args:
        texts: As on the command line.
        file: A file of faults, one a line.
        captured: They apply to captures: their streams are not checked against the market.

    Raises:
        Refused: one of them is wrong, or the file cannot be read.
    """
    planned = [schedule.parse(text) for text in texts]
    if file is not None:
        try:
            planned += schedule.read(file.read_text(encoding="utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"{file}: {getattr(error, 'strerror', 'not a text')}") from error
    if not captured:
        targets.check((entry.fault for entry in planned), Market(0))
    return planned


def show_faults() -> None:
    """Print the faults with their parameters."""
    shown = table()
    for column in ("fault", "parameters", "what happens"):
        shown.add_column(column, overflow="fold")
    for row in schedule.usage():
        shown.add_row(*row)
    out.print(shown)
    out.print(f"\nOn the command line: {schedule.FORM}", highlight=False, markup=False)


def exchange_lines(server: Exchange) -> str:
    """Return the config's section of the exchange."""
    rows = "".join(
        f'  {product}: {{streams: "{bases.streams[0]}", rest: "{bases.rest}"}}\n'
        for product, bases in server.bases.items()
    )
    return f"exchange:\n{rows}"


def kafka_lines(server: LabBroker) -> str:
    """Return the config's section of Kafka, and the settings that the embedded broker needs."""
    # It creates topics on first use but ignores CreateTopics, and its transactions do not isolate.
    embedded = isinstance(server, EmbeddedBroker)
    needed = "topics: {create: false}\ndelivery: idempotent\n" if embedded else ""
    return f'kafka: {{bootstrap_servers: "{server.bootstrap_servers}"}}\n{needed}'


def registry_lines(server: LabRegistry) -> str:
    """Return the config's section of the registry."""
    return f'schema_registry: {{url: "{server.url}"}}\n'


def all_lines(exchange: Exchange, broker: LabBroker, registry: LabRegistry) -> str:
    """Return a whole config."""
    servers = kafka_lines(broker) + registry_lines(registry)
    return exchange_lines(exchange) + servers + SUBSCRIPTIONS


def default_topics() -> list[str]:
    """Return every default topic: all are created before the connector starts."""
    streams = {f"binance.{row.product}.{row.kind}" for row in ROWS if subscribable(row)}
    return [*sorted(streams), *(f"binance.{name}" for name in (DEAD_LETTER, *OWN_TOPICS))]


def run(
    servers: Sequence[LabServer],
    config_of: Callable[[], str],
    target: Exchange | None = None,
    planned: Sequence[Planned] = (),
    write: Path | None = None,
) -> None:
    """Start the servers, print the config that points to them, and wait for a signal.

    Args:
        servers: Started in this order, stopped in the reverse order.
        config_of: Returns the config, once they listen.
        target: Exchange to which the faults are applied.
        planned: The faults.
        write: File to write the config to.
    """

    async def until_stopped() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        async with _started(servers):
            _print_config(config_of(), write)
            faults = asyncio.create_task(_apply(planned, target))
            await stopping.wait()
            faults.cancel()
            await asyncio.gather(faults, return_exceptions=True)

    asyncio.run(until_stopped())


async def _apply(planned: Sequence[Planned], target: Exchange | None) -> None:
    if target is not None:
        await schedule.run(target, planned, _print_note)


@contextlib.asynccontextmanager
async def _started(servers: Sequence[LabServer]) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        for server in servers:
            stack.push_async_callback(server.stop)
            try:
                await server.start()
            except OSError as error:
                cause = error.strerror or str(error)
                raise Refused(f"cannot listen: {cause}; give another --port") from error
            if isinstance(server, EmbeddedBroker):
                await server.create(default_topics(), partitions=4)
        yield


def _print_config(text: str, write: Path | None) -> None:
    """Print the config and how to use it; write it to a file, if one is given.

    Raises:
        Refused: the file cannot be written.
    """
    out.print(text, end="", highlight=False, markup=False, soft_wrap=True)
    if write is not None:
        try:
            write.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Refused(f"--write {write}: {error.strerror}") from error
    _print_note(f"With these lines in a config: bkc run market -c {write or 'connector.yaml'}")
    _print_note("Ctrl-C ends the lab.")


def _print_note(sentence: str) -> None:
    err.print(sentence, highlight=False, markup=False)
