"""Makes the parts of `bkc lab`, says where they listen, and runs them until a signal."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Protocol

from rich.table import Table

from connector.binance.catalogue import ROWS, subscribable
from connector.cli.console import err, out
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
OUR_OWN = ("dead-letter", "markers", "progress")
SUBSCRIPTIONS = """\
subscriptions:
  - product: spot
    symbols: [BTCUSDT, ETHUSDT]
    streams: [trade, depth@100ms, kline_1m, bookTicker]
  - product: usdm
    symbols: [BTCUSDT]
    streams: [aggTrade, bookTicker]
"""


class Server(Protocol):
    """A part of the lab."""

    async def start(self) -> None:
        """Listen."""

    async def stop(self) -> None:
        """Stop listening."""


class Broker(Server, Protocol):
    """A broker of either kind."""

    bootstrap_servers: str


class SchemaRegistry(Server, Protocol):
    """A registry of either kind."""

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
    made = Exchange(Market(seed), rate, misaligned=misaligned, source=source, ports=ports)
    made.oracle.keep_ids = False  # it may run for weeks
    return made


def broker(*, real: bool) -> Broker:
    """Return a real Kafka or the embedded broker."""
    return RealKafka() if real else EmbeddedBroker()


def registry(port: int, *, real: bool = False) -> SchemaRegistry:
    """Return a real registry or the small one."""
    return RealRegistry() if real else Registry(port)


def player(
    files: Sequence[Path], product: str | None, stream: str | None, speed: str, *, loop: bool
) -> Player | None:
    """Return the player of some captures, read through once; None without any.

    Raises:
        Refused: a file, a line, a name or the speed is wrong.
    """
    factor = speed_of(speed)
    if not files:
        return None
    for path in files:
        if not path.is_file():
            raise Refused(f"--play {path}: there is no such file")
    captured = [
        Capture(path, capture_file.product_in(path.name, product), stream) for path in files
    ]
    made = Player(captured, factor, loop=loop, tell=_tell)
    _tell(f"{messages(made.check())} to play; it begins with the first subscription")
    return made


def faults(texts: Sequence[str], file: Path | None, *, captured: bool = False) -> list[Planned]:
    """Return the faults of the command line and of a schedule file.

    Args:
        texts: As on the command line.
        file: One a line.
        captured: They are aimed at captures, whose streams are theirs, not at the market.

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
        targets.check((one.fault for one in planned), Market(0))
    return planned


def show_faults() -> None:
    """Print what can go wrong."""
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for column in ("fault", "parameters", "what happens"):
        table.add_column(column, overflow="fold")
    for row in schedule.usage():
        table.add_row(*row)
    out.print(table)
    out.print(f"\nOn the command line: {schedule.FORM}", highlight=False, markup=False)


def exchange_lines(made: Exchange) -> str:
    """Return the config's section of the exchange."""
    rows = "".join(
        f'  {product}: {{streams: "{bases.streams[0]}", rest: "{bases.rest}"}}\n'
        for product, bases in made.bases.items()
    )
    return f"exchange:\n{rows}"


def kafka_lines(made: Broker) -> str:
    """Return the config's section of Kafka, and what the embedded broker asks for."""
    # It makes topics when asked for them but ignores CreateTopics, and it isolates no transaction.
    embedded = isinstance(made, EmbeddedBroker)
    asked = "topics: {create: false}\ndelivery: idempotent\n" if embedded else ""
    return f'kafka: {{bootstrap_servers: "{made.bootstrap_servers}"}}\n{asked}'


def registry_lines(made: SchemaRegistry) -> str:
    """Return the config's section of the registry."""
    return f'schema_registry: {{url: "{made.url}"}}\n'


def all_lines(made: Exchange, broker: Broker, registry: SchemaRegistry) -> str:
    """Return a whole config."""
    servers = kafka_lines(broker) + registry_lines(registry)
    return exchange_lines(made) + servers + SUBSCRIPTIONS


def default_topics() -> list[str]:
    """Return every topic a config may name by default: the connector finds them there."""
    streams = {f"binance.{row.product}.{row.kind}" for row in ROWS if subscribable(row)}
    return [*sorted(streams), *(f"binance.{name}" for name in OUR_OWN)]


def run(
    servers: Sequence[Server],
    describe: Callable[[], str],
    struck: Exchange | None = None,
    planned: Sequence[Planned] = (),
    write: Path | None = None,
) -> None:
    """Start the servers in order, print what `describe` says, strike, and wait for a signal."""

    async def until_stopped() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        async with _started(servers):
            _say(describe(), write)
            striking = asyncio.create_task(_strike(struck, planned))
            await stopping.wait()
            striking.cancel()
            await asyncio.gather(striking, return_exceptions=True)

    asyncio.run(until_stopped())


async def _strike(struck: Exchange | None, planned: Sequence[Planned]) -> None:
    if struck is not None:
        await schedule.run(struck, planned, _tell)


@contextlib.asynccontextmanager
async def _started(servers: Sequence[Server]) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        for server in servers:
            stack.push_async_callback(server.stop)
            try:
                await server.start()
            except OSError as error:
                words = error.strerror or str(error)
                raise Refused(f"cannot listen: {words}; give another --port") from error
            if isinstance(server, EmbeddedBroker):
                await server.create(default_topics(), partitions=4)
        yield


def _say(text: str, write: Path | None) -> None:
    """Print the config and how to use it; write it where that is wanted.

    Raises:
        Refused: the file cannot be written.
    """
    out.print(text, end="", highlight=False, markup=False, soft_wrap=True)
    if write is not None:
        try:
            write.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Refused(f"--write {write}: {error.strerror}") from error
    _tell(f"With these lines in a config: bkc run market -c {write or 'connector.yaml'}")
    _tell("Ctrl-C ends the lab.")


def _tell(sentence: str) -> None:
    err.print(sentence, highlight=False, markup=False)
