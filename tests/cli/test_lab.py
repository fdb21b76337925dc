"""`bkc lab` as its users run it: a process, its words, its signals."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner
from websockets.asyncio.client import connect

from connector.cli import app, lab_run
from connector.config.load import load, load_account
from connector.config.plan import plan_of
from connector.config.yaml_source import parse
from connector.diagnostics.preflight import check_offline
from connector.errors import Refused
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, free_port
from connector.lab.registry import Registry
from tests.support.keys import ED25519, ED25519_API_KEY, pem
from tests.support.waiting import GIVE_UP_S, in_time

pytestmark = pytest.mark.lab

runner = CliRunner()
SECTIONS = ("exchange", "kafka", "topics", "delivery", "schema_registry", "subscriptions")


def refused(*arguments: str) -> str:
    """Return the words a command is refused with."""
    result = runner.invoke(app, ["lab", *arguments])
    assert isinstance(result.exception, Refused), result.output
    return str(result.exception)


class Running:
    """A lab in a process of its own, up and running."""

    def __init__(self, process: asyncio.subprocess.Process, printed: Path) -> None:
        self.process = process
        self.printed = printed
        self.output = ""

    async def until_printed(self, words: str) -> None:
        """Read standard error until something is message."""
        assert self.process.stderr is not None
        while words not in self.output:
            line = await in_time(self.process.stderr.readline())
            assert line, f"ended without {words!r}: {self.output}"
            self.output += line.decode()

    async def end(self, number: int) -> int:
        self.process.send_signal(number)
        return await in_time(self.process.wait())

    async def read_config(self) -> str:
        """Return what stands on standard output once it runs."""
        await self.until_printed("Ctrl-C ends the lab.")
        return self.printed.read_text()


@contextlib.asynccontextmanager
async def lab(*arguments: str) -> AsyncIterator[Running]:
    with tempfile.NamedTemporaryFile() as printed:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "connector", "lab", *arguments),
            stdout=printed,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield Running(process, Path(printed.name))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def until_ready(url: str, worker: asyncio.subprocess.Process) -> None:
    """Ask a worker's probe until data flows; fail when it ends before."""
    async with asyncio.timeout(GIVE_UP_S), aiohttp.ClientSession() as session:
        while worker.returncode is None:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)
    pytest.fail(f"the worker ended with {worker.returncode}")


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_exchange_runs_until_a_signal(number: signal.Signals) -> None:
    async with lab("exchange", "--rate", "200", "--fault", "mute@0.1:0.1") as running:
        bases = parse(await running.read_config(), "printed")[0]["exchange"]
        async with connect(bases["usdm"]["streams"] + "/market/ws/btcusdt@aggTrade") as socket:
            first = json.loads(await in_time(socket.recv()))
        async with (
            aiohttp.ClientSession() as session,
            session.get(bases["usdm"]["rest"] + "/fapi/v1/exchangeInfo") as answer,
        ):
            info = await answer.json()
        await running.until_printed("mute@0.1:0.1")
        code = await running.end(number)

    assert (first["e"], info["symbols"][0]["symbol"], code) == ("aggTrade", "BTCUSDT", 0)


@pytest.mark.lab
async def test_all_of_it_prints_a_config_that_is_good(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    async with lab("all", "--write", str(path)) as running:
        printed = await running.read_config()
        code = await running.end(signal.SIGTERM)

    assert (path.read_text(), code) == (printed, 0)
    assert tuple(parse(printed, "printed")[0]) == SECTIONS
    assert f"bkc run market -c {path}" in running.output.replace("\n", " ")
    plan = plan_of(load(path))
    assert {planned.stream.product for planned in plan.streams} == {"spot", "usdm"}


@pytest.mark.lab
async def test_a_worker_runs_on_the_config_as_it_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    port = free_port()
    async with lab("all", "--write", str(path)) as running:
        await running.read_config()
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "connector", "run", "market", "--config", str(path)),
            env={**os.environ, "BKC_SERVER__HOST": "127.0.0.1", "BKC_SERVER__PORT": str(port)},
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await until_ready(f"http://127.0.0.1:{port}/readyz", worker)
            worker.terminate()
            code = await in_time(worker.wait())
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()

    assert code == 0


@pytest.mark.lab
async def test_the_registry_and_the_broker_run_alone() -> None:
    async with lab("registry") as registry, lab("broker") as broker:
        url = parse(await registry.read_config(), "printed")[0]["schema_registry"]["url"]
        servers = parse(await broker.read_config(), "printed")[0]["kafka"]["bootstrap_servers"]
        async with aiohttp.ClientSession() as session, session.get(f"{url}/subjects") as answer:
            subjects = await answer.json()
        host, _, port = servers.partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.close()
        codes = [await running.end(signal.SIGTERM) for running in (registry, broker)]

    assert (subjects, codes) == ([], [0, 0])


@pytest.mark.lab
async def test_the_registry_has_faults_too() -> None:
    async with lab("registry", "--fault", "registry-html@0:1h") as running:
        url = parse(await running.read_config(), "printed")[0]["schema_registry"]["url"]
        await running.until_printed("registry-html@0:1h")
        async with aiohttp.ClientSession() as session, session.get(f"{url}/subjects") as answer:
            kind = answer.content_type
        code = await running.end(signal.SIGTERM)

    assert (kind, code) == ("text/html", 0)


@pytest.mark.lab
async def test_a_capture_is_played(tmp_path: Path) -> None:
    path = tmp_path / "spot.jsonl"
    path.write_text('{"stream":"btcusdt@trade","data":{"e":"trade","E":5,"s":"BTCUSDT","t":7}}\n')
    async with lab("exchange", "--play", str(path), "--speed", "max") as running:
        base = parse(await running.read_config(), "printed")[0]["exchange"]["spot"]["streams"]
        async with connect(base + "/ws/btcusdt@trade") as socket:
            got = json.loads(await in_time(socket.recv()))
        await running.until_printed("played 1 message to the end")
        code = await running.end(signal.SIGTERM)

    assert (got["t"], code) == (7, 0)
    assert "1 message to play" in running.output


@pytest.mark.lab
async def test_a_taken_port_is_said_with_its_cure() -> None:
    taken = Exchange(Market(1))
    await taken.start()
    port = taken.bases["spot"].streams[0].rpartition(":")[2]
    async with lab("exchange", "--port", port) as running:
        await running.until_printed("give another --port")
        code = await in_time(running.process.wait())
    await taken.stop()

    assert code == 2
    assert "cannot listen" in running.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("exchange", "--fault", "mutt@1s"), "there is no 'mutt'; did you mean 'mute'?"),
        (("all", "--fault", "drop"), "no time it starts at; write drop@10s"),
        (("exchange", "--fault", "skip:dogeusdt@trade@1s"), "no such stream; it lists BTCUSDT"),
        (("exchange", "--schedule", "absent.txt"), "absent.txt: No such file"),
        (("exchange", "--play", "/nope"), "--play /nope: there is no such file"),
        (("exchange", "--speed", "fast"), "--speed 'fast'"),
        (
            ("exchange", "--fault", "registry-html@1s"),
            "it acts on the registry, which does not run",
        ),
        (("registry", "--fault", "drop@1s"), "it acts on the exchange, which does not run here"),
        (("all", "--kafka", "--fault", "registry-ids@1s"), "it acts on the registry"),
        (("all", "--account-rate", "2"), "name its files by --secrets"),
    ],
)
def test_a_wrong_option_is_refused_with_its_cure(arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(*arguments)


def test_an_account_side_without_transactions_is_refused(tmp_path: Path) -> None:
    secrets = key_folder(tmp_path)

    assert "add --kafka, a real one" in refused("all", "--secrets", str(secrets))


async def test_with_an_api_key_the_config_is_the_account_workers(tmp_path: Path) -> None:
    exchange, registry = Exchange(Market(1)), Registry()
    await exchange.start()
    await registry.start()
    try:
        text = lab_run._config_of([exchange, RealKafka(), registry], key_folder(tmp_path))
    finally:
        await registry.stop()
        await exchange.stop()

    path = tmp_path / "account.yaml"
    path.write_text(text)
    loaded = load_account(path)
    assert check_offline(loaded, here=True) == []
    assert [place.name for place in loaded.settings.accounts[0].streams.places()] == [
        *("spot", "margin", "usdm", "coinm")
    ]


def key_folder(folder: Path) -> Path:
    """Return a folder with an API key's files."""
    made = folder / "lab key"
    made.mkdir(mode=0o700)
    for name, content in {"api-key": ED25519_API_KEY, "private-key.pem": pem(ED25519)}.items():
        (made / name).write_text(content)
        (made / name).chmod(0o600)
    return made


def test_a_wrong_line_of_a_schedule_is_named(tmp_path: Path) -> None:
    path = tmp_path / "evil.txt"
    path.write_text("# evil\ndropp@1s\n")

    assert f"{path}:2: fault 'dropp@1s'" in refused("exchange", "--schedule", str(path))


def test_a_capture_of_no_known_product_is_asked_for_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text("")

    assert "which product? Give --product" in refused("exchange", "--play", str(path))


def test_a_schedule_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.txt"
    path.write_bytes(b"\xff\xfe")

    assert refused("exchange", "--schedule", str(path)) == f"{path}: not a text"


def test_the_faults_are_listed() -> None:
    result = runner.invoke(app, ["lab", "faults"])

    assert result.exit_code == 0
    assert "black-hole" in result.stdout
    assert "server-shutdown" in result.stdout


def test_scripted_accounts_need_a_key(tmp_path: Path) -> None:
    options: dict[str, Any] = {"misaligned": False, "account_rate": 5.0}
    with pytest.raises(Refused, match="--account-rate: accounts belong to an API key"):
        lab_run.exchange(1, 10.0, None, **options)
    (tmp_path / "api-key").write_text("k" * 64)
    (tmp_path / "secret-key").write_text("s" * 64)
    for path in tmp_path.iterdir():
        path.chmod(0o600)
    server = lab_run.exchange(1, 10.0, None, secrets=tmp_path, **options)
    assert [rate for _, rate in server.accounts.scripts] == [5.0] * 12
