"""The script that `helm test` runs in a pod, against real servers."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.helm.chart import CHART

SCRIPT = (CHART / "files" / "ready.py").read_text()


@contextmanager
def worker(status: int, text: str) -> Iterator[str]:
    """Answer every path like a worker; yields host:port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def run(*targets: str) -> tuple[int, str]:
    """Return the script's exit code and what it prints."""
    command = [sys.executable, "-c", SCRIPT, *targets]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return done.returncode, done.stdout


def test_it_passes_when_every_pod_is_ready() -> None:
    with worker(200, "ok\n") as first, worker(200, "ok\n") as second:
        assert run(first, second) == (0, "127.0.0.1 127.0.0.1: ok\n" * 2)


def test_it_fails_and_says_what_a_pod_waits_for() -> None:
    with worker(200, "ok\n") as first, worker(503, "waiting for: kafka\n") as second:
        code, text = run(first, second)

    assert code == 1
    assert text.splitlines()[1] == "127.0.0.1 127.0.0.1: waiting for: kafka"


def test_it_fails_when_nobody_answers() -> None:
    with worker(200, "ok") as closed:
        pass

    code, text = run(closed)
    assert (code, "Connection refused" in text) == (1, True)
