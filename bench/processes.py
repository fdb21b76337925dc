"""Processes of a run: started on a leash, asked over stdin, ended for certain. Knows no figures."""

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
GENTLY_S = 20.0  # for a process that has others to end


class Trouble(Exception):
    """A process of the benchmark failed; the text has what it wrote last."""


def pause(seconds: float) -> None:
    """Let time pass: measuring is waiting."""
    threading.Event().wait(seconds)


class Child:
    """A Python module run as a process that answers a line on stdin with a line of JSON.

    Attributes:
        pid: Process id.
        process: Its psutil handle: CPU time and memory.
        first: Its first line, where one was asked for.
        gently: It has processes of its own to end before it goes.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        speaks: bool = True,
        gently: bool = False,
    ) -> None:
        self._name = module
        self.gently = gently
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        command = [sys.executable, "-m", "bench.leash", sys.executable, "-m", module, *arguments]
        self._popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # Ctrl-C is for the runner, which then ends everything
        )
        self.pid = self._popen.pid
        self.process = psutil.Process(self.pid)
        try:
            self.first: Any = self._line(START_S) if speaks else None
        except BaseException:
            self.stop()
            raise

    def ask(self, request: str = "mark") -> Any:
        """Send a line and return the answer.

        Raises:
            Trouble: the process ended or did not answer.
        """
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write(request.encode() + b"\n")
            self._popen.stdin.flush()
        except BrokenPipeError as error:
            raise Trouble(self.last_words()) from error
        return self._line(START_S)

    def _line(self, timeout: float) -> Any:
        stdout = self._popen.stdout
        assert stdout is not None
        ready, _, _ = select.select([stdout], [], [], timeout)
        line = stdout.readline() if ready else b""
        if not line:
            raise Trouble(self.last_words())
        return json.loads(line)

    def cpu_s(self) -> float:
        """Return the CPU seconds of all its threads so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss_mb(self) -> float:
        """Return its resident memory in MB (10**6 bytes)."""
        return float(self.process.memory_info().rss / 1e6)

    def alive(self) -> bool:
        """Say whether it still runs."""
        return self._popen.poll() is None

    def last_words(self) -> str:
        """Return what it wrote to stderr last, for an error message."""
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace").strip()
        return f"{self._name} (exit code {self._popen.poll()}): {text[-2000:] or 'no word'}"

    def stop(self) -> None:
        """End it now and wait until it is gone; `gently`: after it has ended what it started."""
        if self.gently and self._popen.stdin is not None:
            with contextlib.suppress(BrokenPipeError, subprocess.TimeoutExpired):
                self._popen.stdin.close()
                self._popen.wait(GENTLY_S)
        self._popen.kill()  # works on a stopped process too
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
