"""The load generator: an exchange that sends pre-rendered frames at their due times.

`python -m bench.load FILE [--rate R] [--certificate F --key F]` prints {"port": ...}, answers each
line on stdin with counts as JSON, and ends when stdin closes. The load begins when all of its
streams are subscribed to. Plain sockets and select(): timers of an event loop have a resolution of
1 ms, and frames with due times of their own would leave in groups.
"""

import argparse
import ctypes
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
from bench.websocket_server import Client

LATE_S = 0.1  # a frame sent this long after its due time counts as late
POLL_INTERVAL_S = 0.02  # between looks at the sockets while the load runs
SKIP_S = 1.0  # the receiver is saturated: writes this far behind their due time are left out
_PR_SET_TIMERSLACK = 29


class Generator:
    """Accepts connections and sends the load once all of its streams are subscribed to.

    Args:
        load: What is sent.
        rate: Frames a second.
        tls: None: plain TCP.
        clump_s: Writes leave at multiples of this; 0: each at its own due time.

    Attributes:
        sent: Frames written.
        late: Of them, those written over LATE_S after their due time.
        skipped: Frames left out.
        worst_s: Longest delay after a due time since the last report.
    """

    def __init__(
        self, load: Load, rate: float, tls: ssl.SSLContext | None, clump_s: float = 0.0
    ) -> None:
        self._load = load
        self._clump_s = clump_s
        self._stretch = load.rate / rate
        self._tls = tls
        self._wanted = {path: {s.name for s in streams} for path, streams in load.paths.items()}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._clients: list[Client] = []
        self._by_path: dict[str, Client] = {}
        self._cycle = self._position = 0
        self._began: float | None = None
        self.sent = self.late = self.skipped = 0
        self.worst_s = 0.0

    @property
    def port(self) -> int:
        """Port of the listener."""
        return int(self._listener.getsockname()[1])

    def run(self) -> None:
        """Serve until stdin closes."""
        polled = 0.0
        while True:
            wait = self._send_due() if self._began is not None else None
            next_poll = polled + POLL_INTERVAL_S
            if wait is not None and wait < POLL_INTERVAL_S and time.perf_counter() < next_poll:
                time.sleep(wait)  # noqa: TID251 - no event loop here; cheaper than select()
                continue
            polled = time.perf_counter()
            sources: list[Any] = [self._listener, sys.stdin, *self._clients]
            for source in select.select(sources, [], [], wait)[0]:
                if source is self._listener:
                    self._accept()
                elif source is sys.stdin:
                    if not sys.stdin.readline():
                        return
                    self._report()
                elif isinstance(source, Client):
                    self._read(source)

    def _read(self, client: Client) -> None:
        if not client.read():
            self._remove(client)
        elif self._began is None:
            self._begin_when_subscribed()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                return
        self._clients.append(Client(connection))

    def _remove(self, client: Client) -> None:
        self._clients.remove(client)
        if self._by_path.get(client.path) is client:
            del self._by_path[client.path]
        client.socket.close()

    def _begin_when_subscribed(self) -> None:
        self._by_path = {client.path: client for client in self._clients}
        subscribed = {path: client.names for path, client in self._by_path.items()}
        if all(names <= subscribed.get(path, set()) for path, names in self._wanted.items()):
            self._began = time.perf_counter() + 0.1

    def _send_due(self) -> float:
        """Send all writes that are due; return the seconds until the next one."""
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
            self._remove(client)
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
    """Read the load, open a port, print its number, serve."""
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
    if sys.platform == "linux":  # default slack: every sleep lasts 50 us longer
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)
    generator = Generator(load, options.rate or load.rate, tls, options.clump_ms / 1000)
    print(json.dumps({"port": generator.port}), flush=True)
    generator.run()


if __name__ == "__main__":
    main()
