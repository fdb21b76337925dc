"""What reading alone costs, by library and event loop: the table that decides the market reader.

`python -m bench.readers [--seconds S] [--write]`. Each reader runs in a process of its own, counts
frames and does nothing else; figures are CPU microseconds a frame.
"""

import argparse
import asyncio
import json
import pickle
import ssl
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import picows
import uvloop
from websockets.asyncio.client import connect
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from bench import certificates, report
from bench.frames import render
from bench.processes import Child, Trouble, pause
from connector.binance.products import LIMITS
from connector.transport.websocket import Connection

RATE = 12_000.0
LOADS = {"a1": "one frame a write", "a2": "20 frames a write"}
LOOPS = ("asyncio", "uvloop")
FLOW_S = 20.0


class Count:
    """Frames seen."""

    def __init__(self) -> None:
        self.frames = 0


def _tls(url: str) -> ssl.SSLContext | None:
    return ssl.create_default_context() if url.startswith("wss:") else None


def _request(names: Sequence[str]) -> str:
    return json.dumps({"method": "SUBSCRIBE", "params": list(names), "id": 1})


async def asyncio_client(url: str, names: Sequence[str], count: Count) -> None:
    """websockets' asyncio client: one awaited message at a time."""
    async with connect(url, ssl=_tls(url), compression=None) as connection:
        await connection.send(_request(names))
        async for _message in connection:
            count.frames += 1


class SansIo(asyncio.Protocol):
    """websockets' sans-I/O protocol in an asyncio protocol: frames by callback."""

    def __init__(self, url: str, names: Sequence[str], count: Count) -> None:
        self._protocol = ClientProtocol(parse_uri(url))
        self._names = names
        self._count = count
        self._transport: Any = None
        self._open = False
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        self._transport = transport
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take what one read delivered."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._count.frames += event.opcode is Opcode.TEXT
            elif not self._open:
                self._open = True
                self._protocol.send_text(_request(self._names).encode())
        self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        del exc
        if not self.closed.done():
            self.closed.set_result(None)


async def sans_io(url: str, names: Sequence[str], count: Count) -> None:
    """Run websockets' sans-I/O protocol."""
    uri = parse_uri(url)
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(
        lambda: SansIo(url, names, count), uri.host, uri.port, ssl=_tls(url)
    )
    await protocol.closed


class Listener(picows.WSListener):
    """Counts frames as picows calls."""

    def __init__(self, count: Count) -> None:
        self._count = count

    def on_ws_frame(self, _transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Take one frame."""
        if frame.msg_type is picows.WSMsgType.TEXT:
            frame.get_payload_as_bytes()
            self._count.frames += 1


async def plain_picows(url: str, names: Sequence[str], count: Count) -> None:
    """Run picows as it comes."""
    transport, _ = await picows.ws_connect(lambda: Listener(count), url, ssl_context=_tls(url))
    transport.send(picows.WSMsgType.TEXT, _request(names).encode())
    await transport.wait_disconnected()


async def spaced_picows(url: str, names: Sequence[str], count: Count) -> None:
    """Run the connector's own connection: picows, batches, spaced reads."""

    def receive(frames: Sequence[bytes], _received_us: int, _connection: Connection) -> None:
        count.frames += len(frames)

    connection = await Connection.open(url, LIMITS["spot"], receive)
    await connection.subscribe(names)
    await connection.closed


READERS: dict[str, Callable[[str, Sequence[str], Count], Awaitable[None]]] = {
    "websockets, asyncio client": asyncio_client,
    "websockets, sans-I/O protocol": sans_io,
    "picows": plain_picows,
    "picows, spaced reads (connector/transport/websocket.py)": spaced_picows,
}


def child(reader: str, loop: str, url: str, names: Sequence[str]) -> None:
    """Be one reader; a line on stdin is answered with the count."""

    async def work() -> None:
        count = Count()

        def answer() -> None:
            if not sys.stdin.readline():
                sys.exit()
            print(json.dumps(count.frames), flush=True)

        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), answer)
        await READERS[reader](url, names, count)

    (uvloop.run if loop == "uvloop" else asyncio.run)(work())


def measure(
    file: Path,
    names: Sequence[str],
    files: certificates.Certificates | None,
    *who: str,
    seconds: float,
) -> float:
    """Return CPU microseconds a frame of one reader.

    Raises:
        Trouble: no frames came.
    """
    arguments, trust = [str(file), "--rate", str(RATE)], {}
    if files is not None:
        arguments += ["--certificate", str(files.certificate), "--key", str(files.key)]
        trust["SSL_CERT_FILE"] = str(files.authority)
    with Child("bench.load", *arguments) as generator:
        scheme = "ws" if files is None else "wss"
        url = f"{scheme}://127.0.0.1:{generator.first['port']}/spot/stream"
        given = json.dumps([*who, url, list(names)])
        with Child("bench.readers", "--child", given, environment=trust, speaks=False) as reader:
            deadline = time.monotonic() + FLOW_S
            while reader.ask() < RATE:
                pause(0.1)
                if time.monotonic() > deadline:
                    raise Trouble(f"no frames: {reader.last_words()}")
            before_s, before = reader.cpu_s(), int(reader.ask())
            pause(seconds)
            return 1e6 * (reader.cpu_s() - before_s) / (int(reader.ask()) - before)


def table(folder: Path, rounds: int, seconds: float) -> list[str]:
    """Measure every reader and return the table."""
    files = certificates.make(folder)
    columns = [(load, tls) for load in LOADS for tls in (False, True)]
    heads = [f"{LOADS[load]}, {'TLS' if tls else 'plain'}" for load, tls in columns]
    lines = [
        f"CPU µs a frame at {RATE:.0f} frames/s, median of {rounds} (of {seconds:g} s each).",
        "",
        "| reader | loop | " + " | ".join(heads) + " |",
        "|" + "---|" * (2 + len(heads)),
    ]
    names: dict[str, list[str]] = {}
    for load in LOADS:
        rendered = render(load, int(time.time() * 1000))
        names[load] = [stream.name for stream in rendered.streams]
        (folder / f"{load}.pickle").write_bytes(pickle.dumps(rendered))
    for reader in READERS:
        for loop in LOOPS:
            cells = []
            for load, tls in columns:
                file, trusted = folder / f"{load}.pickle", files if tls else None
                found = [
                    measure(file, names[load], trusted, reader, loop, seconds=seconds)
                    for _ in range(rounds)
                ]
                cells.append(f"{median(found):.1f}")
            lines.append(f"| {reader} | {loop} | " + " | ".join(cells) + " |")
            print(lines[-1], file=sys.stderr, flush=True)
    return lines


def main() -> int:
    """Measure, print, and write the table where asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.readers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="into bench/README.md")
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        try:
            lines = table(Path(folder), options.rounds, options.seconds)
        except Trouble as error:
            print(f"a process failed: {error}", file=sys.stderr)
            return 2
    print("\n".join(lines))
    if options.write:
        report.write("readers", lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
