"""Makes the servers of `bkc lab`, prints their addresses as a config, runs them until a signal."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from connector.binance.catalogue import ROWS, subscribable
from connector.binance.products import Product
from connector.cli.console import note, out, table, waiting
from connector.cli.fetch import fetch
from connector.codec.schema import DEAD_LETTER, OWN_TOPICS
from connector.config.key_files import credentials_of, files_in, read_key_file
from connector.errors import Refused
from connector.lab import capture_file
from connector.lab.account.keys import LabKey, lab_key
from connector.lab.account.script import scripted_accounts
from connector.lab.capture_player import Capture, Player, messages, speed_of
from connector.lab.embedded_broker import EmbeddedBroker
from connector.lab.exchange import Exchange
from connector.lab.faults import AnyFault, RegistryFault, schedule, targets
from connector.lab.faults.schedule import Planned
from connector.lab.generator import Source
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, RealRegistry
from connector.lab.registry import Registry
from connector.lab.session_host import RequestLimits

Part = Literal["exchange", "registry", "all"]
LISTENERS = ("spot", "fstream", "dstream", "rest", "ws_api")
SUBSCRIPTIONS = """\
subscriptions:
  - product: spot
    symbols: [BTCUSDT, ETHUSDT]
    streams: [trade, depth@100ms, kline_1m, bookTicker]
  - product: usdm
    symbols: [BTCUSDT]
    streams: [aggTrade, bookTicker]
"""
ACCOUNTS = """\
allow_insecure_kafka: true
accounts:
  - alias: desk-1
    secrets_dir: {folder}
    streams: {{spot: signature, margin: listen-token, usdm: listen-key, coinm: listen-key}}
"""

LabBroker = EmbeddedBroker | RealKafka
LabRegistry = Registry | RealRegistry
LabServer = Exchange | LabBroker | LabRegistry
NAMES: Mapping[type[LabServer], str] = {
    Exchange: "exchange",
    EmbeddedBroker: "embedded broker",
    RealKafka: "Kafka",
    Registry: "registry",
    RealRegistry: "registry (Apicurio)",
}


def exchange(
    seed: int,
    rate: float,
    port: int | None,
    *,
    misaligned: bool,
    large_requests: bool = False,
    source: Source | None = None,
    secrets: Path | None = None,
    account_rate: float = 0.0,
) -> Exchange:
    """Return the exchange, on five ports in a row or on free ones.

    Args:
        secrets: The directory of an API key that the WS API knows.
        account_rate: Events a second of each scripted account of the key; 0: it has none.

    Raises:
        Refused: a wrong key, or accounts without a key.
    """
    ports = {} if port is None else {name: port + n for n, name in enumerate(LISTENERS)}
    limits = RequestLimits() if large_requests else None
    server = Exchange(
        Market(seed), rate, misaligned=misaligned, request_limits=limits, source=source, ports=ports
    )
    server.oracle.keep_ids = False  # it may run for weeks, and its memory must not grow
    if secrets is not None:
        key = _key_in(secrets)
        server.ws_api.keys[key.api_key] = key
        if account_rate:
            _script(server, key, seed, account_rate)
    elif account_rate:
        raise Refused("--account-rate: accounts belong to an API key; name its files by --secrets")
    return server


def _script(server: Exchange, key: LabKey, seed: int, rate: float) -> None:
    """Give the key's account of each product a script."""
    for script in scripted_accounts(key.account, seed, server.clock):
        server.accounts.add(script.account)
        server.accounts.scripts.append((script, rate))


def _key_in(secrets: Path) -> LabKey:
    """Return the API key whose files are in a directory; raises Refused."""
    files = files_in(secrets)
    credentials_of(files)
    path = files.private_key or files.secret_key
    if path is None:
        raise Refused(f"--secrets {secrets}: holds neither private-key.pem nor secret-key")
    passphrase = None if files.passphrase is None else read_key_file(files.passphrase)
    return lab_key(read_key_file(files.api_key), read_key_file(path), passphrase)


def check_account_side(secrets: Path | None, *, kafka: bool) -> None:
    """Raise Refused where an account worker could not run on the broker."""
    if secrets is not None and not kafka:
        raise Refused("--secrets: the account worker wants transactions; add --kafka, a real one")


def broker(*, real: bool) -> LabBroker:
    """Return a real Kafka or the embedded broker."""
    return RealKafka() if real else EmbeddedBroker()


def registry(port: int, *, real: bool = False) -> LabRegistry:
    """Return a real registry or the lab's."""
    return RealRegistry() if real else Registry(port)


def player(
    files: Sequence[Path], product: Product | None, stream: str | None, speed: str, *, loop: bool
) -> Player | None:
    """Return the player of captures, checked, else None; raises Refused for a wrong option."""
    factor = speed_of(speed)
    if not files:
        return None
    for path in files:
        if not path.is_file():
            raise Refused(f"--play {path}: there is no such file")
    captures = [
        Capture(path, capture_file.product_in(path.name, product), stream) for path in files
    ]
    source = Player(captures, factor, loop=loop, report=note)
    note(f"{messages(source.check())} to play; it begins with the first subscription")
    return source


def faults(
    texts: Sequence[str], file: Path | None, part: Part, *, captured: bool = False
) -> list[Planned]:
    """Return the faults of the command line and of a schedule file, for the part that runs.

    `captured`: captures are played, and their streams are not those of the market.

    Raises:
        Refused: one is wrong or acts on another part, or the file cannot be read.
    """
    planned = [schedule.parse(text) for text in texts]
    if file is not None:
        try:
            planned += schedule.read(file.read_text(encoding="utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"{file}: {getattr(error, 'strerror', 'not a text')}") from error
    for plan in planned:
        acts_on = "registry" if isinstance(plan.fault, RegistryFault) else "exchange"
        if part not in (acts_on, "all"):
            raise Refused(f"fault {plan.text!r}: it acts on the {acts_on}, which does not run here")
    if not captured:
        targets.check((plan.fault for plan in planned), Market(0))
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


def _config_of(servers: Sequence[LabServer], secrets: Path | None = None) -> str:
    """Return the sections of a config that point to the servers; a whole one for all three.

    `secrets`: whole for the account worker, whose key's files are there.
    """
    sections = {"exchange": "", "kafka": "", "registry": ""}
    for server in servers:
        if isinstance(server, Exchange):
            sections["exchange"] = "exchange:\n"
            for name, base in server.bases.items():
                urls = f'streams: "{base.streams[0]}", rest: "{base.rest}"'
                urls += f', ws_api: "{base.ws_api}"' if base.ws_api else ""
                sections["exchange"] += f"  {name}: {{{urls}}}\n"
        elif isinstance(server, LabRegistry):
            sections["registry"] = f'schema_registry: {{url: "{server.url}"}}\n'
        else:
            sections["kafka"] = f'kafka: {{bootstrap_servers: "{server.bootstrap_servers}"}}\n'
        if isinstance(server, EmbeddedBroker):
            # Topics come with first use, not by CreateTopics; transactions do not isolate.
            sections["kafka"] += "topics: {create: false}\ndelivery: idempotent\n"
    folder = None if secrets is None else json.dumps(str(secrets.resolve()))
    rest = SUBSCRIPTIONS if folder is None else ACCOUNTS.format(folder=folder)
    return "".join(sections.values()) + (rest if all(sections.values()) else "")


def _default_topics() -> list[str]:
    streams = {f"binance.{row.product}.{row.kind}" for row in ROWS if subscribable(row)}
    return [*sorted(streams), *(f"binance.{name}" for name in (DEAD_LETTER, *OWN_TOPICS))]


def run(
    servers: Sequence[LabServer],
    planned: Sequence[Planned] = (),
    write: Path | None = None,
    secrets: Path | None = None,
) -> None:
    """Start the servers, print the config that points to them, and wait for a signal.

    They start in their order and stop in the reverse one. The config is also written to `write`.
    `secrets`: see `_config_of`.
    """

    async def until_stopped() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        async with _started(servers):
            worker = "market" if secrets is None else "account"
            _print_config(_config_of(servers, secrets), write, worker)
            faults = asyncio.create_task(schedule.run(_Targets(servers), planned, note))
            await stopping.wait()
            faults.cancel()
            await asyncio.gather(faults, return_exceptions=True)

    fetch(servers)
    asyncio.run(until_stopped())


class _Targets:
    """The running servers that faults act on; `faults` has checked that each fault has one."""

    def __init__(self, servers: Sequence[LabServer]) -> None:
        self._servers: dict[type, Any] = {type(server): server for server in servers}

    def begin(self, fault: AnyFault) -> asyncio.Task[None]:
        """Run a fault in a task."""
        target = Registry if isinstance(fault, RegistryFault) else Exchange
        task: asyncio.Task[None] = self._servers[target].begin(fault)
        return task


@contextlib.asynccontextmanager
async def _started(servers: Sequence[LabServer]) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        with waiting("starting " + ", ".join(NAMES[type(server)] for server in servers)):
            for server in servers:
                stack.push_async_callback(server.stop)
                await _start(server)
        yield


async def _start(server: LabServer) -> None:
    try:
        await server.start()
    except OSError as error:
        cause = error.strerror or str(error)
        raise Refused(f"cannot listen: {cause}; give another --port") from error
    if isinstance(server, EmbeddedBroker):
        await server.create(_default_topics(), partitions=4)  # before the connector starts


def _print_config(text: str, write: Path | None, worker: str) -> None:
    """Print the config and how to use it; write it to a file, if one is given."""
    out.print(text, end="", highlight=False, markup=False, soft_wrap=True)
    if write is not None:
        try:
            write.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Refused(f"--write {write}: {error.strerror}") from error
    file = write or ("connector.yaml" if worker == "market" else "account.yaml")
    note(f"With these lines in a config: bkc run {worker} -c {file}")
    note("Ctrl-C ends the lab.")
