"""A real Prometheus that scrapes workers and evaluates the scaled rules every second."""

import asyncio
import json
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from connector.lab.real_kafka import free_port
from tests.alerts.rules import FILES
from tests.alerts.scaled import scaled

READY_WITHIN_S = 60.0
POLL_INTERVAL_S = 0.25
JOB = "binance-kafka-connector"


@dataclass(slots=True)
class Prometheus:
    """The server; `start` it, `stop` it.

    Args:
        program: Path of the server.
        folder: For its config and data.
    """

    program: Path
    folder: Path
    port: int = field(default_factory=free_port)
    _session: aiohttp.ClientSession = field(init=False)
    _process: asyncio.subprocess.Process = field(init=False)

    async def start(self) -> None:
        """Write config and rules, start the server and return once it is ready."""
        rules = []
        for path in FILES:
            rules.append(self.folder / path.name)
            rules[-1].write_text(yaml.safe_dump(scaled(yaml.safe_load(path.read_text()))))
        self.scrape([])
        config = {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "400ms",
                       "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [
                {"job_name": JOB, "file_sd_configs": [{"files": [str(self._targets)]}]}
            ],
        }  # fmt: skip
        path = self.folder / "prometheus.yaml"
        path.write_text(yaml.safe_dump(config))
        self._session = aiohttp.ClientSession(f"http://127.0.0.1:{self.port}")
        log = (self.folder / "prometheus.log").open("wb")
        self._process = await asyncio.create_subprocess_exec(
            self.program,
            f"--config.file={path}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            stderr=log,
            stdout=log,
        )
        deadline = time.monotonic() + READY_WITHIN_S
        while not await self._is_ready():
            assert time.monotonic() < deadline, (self.folder / "prometheus.log").read_text()
            await asyncio.sleep(POLL_INTERVAL_S)

    @property
    def _targets(self) -> Path:
        return self.folder / "targets.json"

    def scrape(self, ports: Collection[int]) -> None:
        """Scrape the workers on these ports from now on."""
        new = self._targets.with_suffix(".new")
        new.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}" for port in ports]}]))
        new.rename(self._targets)

    async def _is_ready(self) -> bool:
        try:
            async with self._session.get("/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def firing(self) -> dict[str, list[dict[str, Any]]]:
        """Return the alerts that fire, by name; each as the API shows it."""
        async with self._session.get("/api/v1/alerts") as answer:
            document = await answer.json()
        found: dict[str, list[dict[str, Any]]] = {}
        for alert in document["data"]["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert)
        return found

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query; raises AssertionError if it is wrong."""
        async with self._session.get("/api/v1/query", params={"query": expression}) as answer:
            document = await answer.json()
        assert document["status"] == "success", document
        result: list[dict[str, Any]] = document["data"]["result"]
        return result

    async def stop(self) -> None:
        """Stop the server."""
        await self._session.close()
        self._process.terminate()
        await self._process.wait()
