"""A worker of the demo, as a process of its own whose log goes to a file."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from connector.errors import Retry

STOP_TIMEOUT_S = 30.0
LOG_LINES = 15  # shown with an error


class DemoWorker:
    """One `bkc run NAME`.

    Attributes:
        name: market or account.
        log: Path of its log.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name, self.log = name, log
        self._process = process

    @classmethod
    async def start(cls, name: str, config: Path, environment: Mapping[str, str]) -> "DemoWorker":
        """Start `bkc run NAME` with variables beside those of this process."""
        file, log = tempfile.mkstemp(prefix=f"bkc-demo-{name}-", suffix=".log")
        arguments = ("-m", "connector", "run", name, "--config", str(config))
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, env={**os.environ, **environment}, stderr=file
            )
        finally:
            os.close(file)
        return cls(name, process, Path(log))

    def check_running(self) -> None:
        """Raise Retry, with the end of its log, if it has ended."""
        if self._process.returncode is not None:
            raise Retry(f"the {self.name} worker {self.ending()}")

    async def stop(self) -> int:
        """Let it drain; return its exit code."""
        self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)

    async def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def ending(self) -> str:
        """Return how it ended, where its log is, and the last lines of it."""
        return f"ended with {self._process.returncode}; its log: {self.log}\n{self.log_end()}"

    def log_end(self) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_LINES:])
