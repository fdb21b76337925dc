"""Child processes of a run: start, request over stdin, CPU time, memory, stop."""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

ROOT = Path(__file__).resolve().parent.parent
START_S = 30.0
GRACE_S = 20.0  # for a process that must end its own children


class ProcessFailed(Exception):
    """A process of the benchmark failed; the text has the end of its stderr."""


def pause(seconds: float) -> None:
    """Wait for the end of a measured interval."""
    threading.Event().wait(seconds)


class Child:
    """A Python module run as a process that answers a line on stdin with a line of JSON.

    Args:
        announces: The process prints a line of JSON when it is ready; the constructor waits for it.
        has_children: On stop, stdin is closed and the process may end its children first.

    Attributes:
        pid: Process id.
        process: psutil handle: CPU time and memory.
        first: The first line, decoded; None without `announces`.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        announces: bool = True,
        has_children: bool = False,
    ) -> None:
        self._name = module
        self._has_children = has_children
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        python = [sys.executable, "-m"]
        command = [*python, "bench.parent_death", *python, module, *arguments]
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # Ctrl-C reaches the runner alone, which stops all
        )
        self.pid = self._popen.pid
        self.process = psutil.Process(self.pid)
        try:
            self.first: Any = self._line(START_S) if announces else None
        except BaseException:
            self.stop()
            raise

    def ask(self, request: str = "mark") -> Any:
        """Send a line and return the answer.

        Raises:
            ProcessFailed: the process ended, or did not answer in time.
        """
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write(request.encode() + b"\n")
            self._popen.stdin.flush()
        except BrokenPipeError as error:
            raise ProcessFailed(self.error_text()) from error
        return self._line(START_S)

    def _line(self, timeout: float) -> Any:
        stdout = self._popen.stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], timeout)
        line = stdout.readline() if ready else b""
        if not line:
            raise ProcessFailed(self.error_text())
        return json.loads(line)

    def cpu_s(self) -> float:
        """Return the CPU seconds of all threads since the start."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss_mb(self) -> float:
        """Return the resident memory in MB (10**6 bytes)."""
        return float(self.process.memory_info().rss / 1e6)

    def alive(self) -> bool:
        """Return True while the process runs."""
        return self._popen.poll() is None

    def error_text(self) -> str:
        """Return name, exit code and the end of stderr, for an error message."""
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace").strip()
        return (
            f"{self._name} (exit code {self._popen.poll()}): {text[-2000:] or 'nothing on stderr'}"
        )

    def stop(self) -> None:
        """Kill the process and wait for its end; `has_children`: after at most GRACE_S."""
        if self._has_children and self._popen.stdin is not None:
            with contextlib.suppress(BrokenPipeError, subprocess.TimeoutExpired):
                self._popen.stdin.close()
                self._popen.wait(GRACE_S)
        self._popen.kill()  # SIGKILL: ends a process under SIGSTOP too
        self._popen.wait()
        for stream in (self._popen.stdin, self._popen.stdout, self._errors):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
