"""The load generator: an exchange that speaks the server side of WebSocket by hand and sends
pre-rendered frames on time. `python -m bench.load FILE [--rate R] [--certificate F --key F]`.

Plain sockets and select(): an event loop's timers tick in milliseconds, so that frames meant to
come one at a time would come by the dozen. It prints {"port": ...}; a line on stdin is answered
with what was sent, and it ends when stdin closes. The load begins when all streams are subscribed.
"""

import argparse
import base64
import ctypes
import hashlib
import json
import pickle
import select
import socket
import ssl
import sys
import time
from pathlib import Path
from typing import Any

from bench.frames import Load

LATE_S = 0.1  # a frame sent this long after it was due counts as late
LOOK_S = 0.02  # how often requests are looked for while the load runs
SKIP_S = 1.0  # so far behind, the receiver is saturated: what is due now goes out next
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_PR_SET_TIMERSLACK = 29
_CLOSE, _PING, _TEXT = 0x8, 0x9, 0x1


class Client:
    """One connection: its path, and the streams asked for on it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self.path = ""
        self.names: set[str] = set()
        self._received = b""

    def fileno(self) -> int:
        """Let select() wait for it."""
        return self.socket.fileno()

    def read(self) -> bool:
        """Take what has come; False when the other side is gone."""
        try:
            data = self.socket.recv(65_536)
            while isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
                data += self.socket.recv(65_536)
        except OSError:
            return False
        self._received += data
        if not self.path:
            self._handshake()
            return bool(data)
        return bool(data) and self._requests()

    def _handshake(self) -> None:
        """Answer the upgrade request (RFC 6455, 4.2.2); extensions are not taken up."""
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.split(b"\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (ln.partition(b":") for ln in lines)}
        digest = hashlib.sha1(headers[b"sec-websocket-key"] + _GUID, usedforsecurity=False).digest()
        self.socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )
        self.path = first.split(b" ")[1].decode()
        self._received = rest

    def _requests(self) -> bool:
        """Answer every whole frame; False after a close."""
        while (frame := self._next()) is not None:
            opcode, payload = frame
            if opcode == _CLOSE:
                self._send(_CLOSE, payload)
                return False
            if opcode == _PING:
                self._send(0xA, payload)
            elif opcode == _TEXT:
                request = json.loads(payload)
                if request["method"] == "SUBSCRIBE":
                    self.names.update(request["params"])
                self._send(_TEXT, json.dumps({"result": None, "id": request["id"]}).encode())
        return True

    def _next(self) -> tuple[int, bytes] | None:
        """Cut the next frame of the client off: masked, not fragmented."""
        data = self._received
        if len(data) < 2:
            return None
        size, at = data[1] & 0x7F, 2
        if size > 125:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
        if len(data) < at + 4 + size:
            return None
        mask, masked = data[at : at + 4], data[at + 4 : at + 4 + size]
        self._received = data[at + 4 + size :]
        return data[0] & 0x0F, bytes(b ^ mask[i & 3] for i, b in enumerate(masked))

    def _send(self, opcode: int, payload: bytes) -> None:
        head = bytes((0x80 | opcode, len(payload)))
        if len(payload) > 125:
            head = bytes((0x80 | opcode, 126)) + len(payload).to_bytes(2, "big")
        self.socket.sendall(head + payload)


class Generator:
    """Accepts connections, and sends the load to them once they have subscribed to all of it."""

    def __init__(
        self, load: Load, rate: float, tls: ssl.SSLContext | None, clump_s: float = 0.0
    ) -> None:
        self._load = load
        self._clump_s = clump_s  # writes wait for the next multiple of this
        self._stretch = load.rate / rate
        self._tls = tls
        self._wanted = {path: {s.name for s in found} for path, found in load.paths.items()}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._clients: list[Client] = []
        self._by_path: dict[str, Client] = {}
        self._cycle = self._position = 0
        self._began: float | None = None
        self.sent = self.late = self.skipped = 0
        self.worst_s = 0.0

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self._listener.getsockname()[1])

    def run(self) -> None:
        """Serve until stdin closes."""
        looked = 0.0
        while True:
            wait = self._send_due() if self._began is not None else None
            if wait is not None and wait < LOOK_S and time.perf_counter() < looked + LOOK_S:
                time.sleep(wait)  # noqa: TID251 - no event loop here; cheaper than select()
                continue
            looked = time.perf_counter()
            sources: list[Any] = [self._listener, sys.stdin, *self._clients]
            for one in select.select(sources, [], [], wait)[0]:
                if one is self._listener:
                    self._accept()
                elif one is sys.stdin:
                    if not sys.stdin.readline():
                        return
                    self._report()
                elif isinstance(one, Client):
                    self._read(one)

    def _read(self, client: Client) -> None:
        if not client.read():
            self._forget(client)
        elif self._began is None:
            self._begin_when_wanted()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        self._clients.append(Client(connection))

    def _forget(self, client: Client) -> None:
        self._clients.remove(client)
        if self._by_path.get(client.path) is client:
            del self._by_path[client.path]
        client.socket.close()

    def _begin_when_wanted(self) -> None:
        self._by_path = {client.path: client for client in self._clients}
        asked = {path: client.names for path, client in self._by_path.items()}
        if all(names <= asked.get(path, set()) for path, names in self._wanted.items()):
            self._began = time.perf_counter() + 0.1

    def _send_due(self) -> float:
        """Send what is due; return the seconds until the next write is."""
        load, stretch, clump = self._load, self._stretch, self._clump_s
        assert self._began is not None
        while True:
            if self._position == len(load.writes):
                self._position, self._cycle = 0, self._cycle + 1
            offset = (self._cycle * load.period + load.due[self._position]) * stretch
            if clump:
                offset += clump - offset % clump
            behind = time.perf_counter() - self._began - offset
            if behind < 0:
                return -behind
            self._write(behind)
            self._position += 1

    def _write(self, behind: float) -> None:
        path, data, frames = self._load.writes[self._position]
        self.worst_s = max(self.worst_s, behind)
        if behind > SKIP_S:
            self.skipped += frames
            return
        self.late += frames if behind > LATE_S else 0
        client = self._by_path.get(path)
        if client is None:
            self.skipped += frames
            return
        try:
            done = client.socket.send(data)
            if done < len(data):
                client.socket.sendall(data[done:])
        except OSError:
            self._forget(client)
            self.skipped += frames
            return
        self.sent += frames

    def _report(self) -> None:
        report = {
            "sent": self.sent,
            "late": self.late,
            "skipped": self.skipped,
            "worst_ms": round(1000 * self.worst_s, 1),
            "cpu_s": time.process_time(),
        }
        self.worst_s = 0.0
        print(json.dumps(report), flush=True)


def main() -> None:
    """Read the load, open the port, say which, serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--clump-ms", type=float, default=0.0)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    options = parser.parse_args()
    load: Load = pickle.loads(options.file.read_bytes())  # noqa: S301 - the runner wrote it
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate, options.key)
    if sys.platform == "linux":  # else select() sleeps 50 us longer than it is told to
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)
    generator = Generator(load, options.rate or load.rate, tls, options.clump_ms / 1000)
    print(json.dumps({"port": generator.port}), flush=True)
    generator.run()


if __name__ == "__main__":
    main()
