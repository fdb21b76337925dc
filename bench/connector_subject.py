"""The connector as a subject of the benchmark: `python -m connector run market` as a process.

Writes its config file; reads its counts from /status and /metrics, as an operator does.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.frames import Load
from bench.processes import Child, ProcessFailed
from connector.lab.real_kafka import free_port
from connector.telemetry.lag import BUCKETS


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of a run's servers: exchange (ws or wss URL), Kafka bootstrap, registry URL."""

    exchange: str
    bootstrap: str
    registry: str


def config(
    load: Load,
    addresses: Addresses,
    port: int,
    hold: str | None,
    delivery: str = "idempotent",
    native: str = "auto",
) -> dict[str, Any]:
    """Return the content of the connector's config file. `hold` None: the default bound."""
    names: dict[str, list[str]] = {}
    for stream in load.streams:
        names.setdefault(stream.product, []).append(stream.name)
    settings: dict[str, Any] = {
        "exchange": {product: {"streams": f"{addresses.exchange}/{product}"} for product in names},
        "kafka": {"bootstrap_servers": addresses.bootstrap},
        "schema_registry": {"url": addresses.registry},
        "topics": {"prefix": "binance", "create": False},
        "server": {"host": "127.0.0.1", "port": port},
        "logs": {"format": "json", "level": "WARNING"},
        "delivery": delivery,
        "native": native,
        "backfill": {"enabled": False},  # the generator has no REST side
        "subscriptions": [{"product": p, "streams": streams} for p, streams in names.items()],
    }
    if hold is not None:
        settings["hold"] = hold
    return settings


class Connector(Child):
    """The connector's process."""

    def __init__(
        self,
        folder: Path,
        load: Load,
        addresses: Addresses,
        environment: Mapping[str, str],
        hold: str | None = None,
        delivery: str = "idempotent",
        native: str = "auto",
    ) -> None:
        self._port = free_port()
        file = folder / "connector.yaml"
        file.write_text(yaml.safe_dump(config(load, addresses, self._port, hold, delivery, native)))
        super().__init__(
            "connector",
            "run",
            "market",
            "--config",
            str(file),
            environment=environment,
            announces=False,
        )

    def counts(self) -> dict[str, Any]:
        """Return the counts of frames, records and gaps, and two histograms by upper bound."""
        status = json.loads(self._get("/status"))
        records, frames = status["records"], status["frames"]
        page = self._get("/metrics").decode()
        return {
            "acknowledged": records["acknowledged"],
            "failed": sum(records[n] for n in ("failed", "dead_lettered", "lost", "withheld")),
            "dropped": frames["dropped"],
            "unaccounted": status["frames_unaccounted"],
            "waiting": status["frames_waiting"],
            "gaps": sum(status["gaps"].values()),
            "buckets": _buckets(page, "bkc_pipeline_seconds"),
            "pauses": _buckets(page, "bkc_commit_pause_seconds"),
        }

    def _get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        except OSError as error:
            if self.alive():
                raise
            raise ProcessFailed(self.error_text()) from error
        finally:
            connection.close()


def percentile_ms(
    before: Mapping[str, float], after: Mapping[str, float], share: float
) -> float | None:
    """Return a percentile of a histogram's growth, interpolated in its bucket; None: no growth."""
    bounds = [0.0, *BUCKETS]
    totals = [after[str(b)] - before[str(b)] for b in BUCKETS]
    count = after["+Inf"] - before["+Inf"]
    if not count:
        return None
    wanted, reached = share * count, 0.0
    for position, total in enumerate(totals):
        if total >= wanted:
            low, high = bounds[position], bounds[position + 1]
            return 1000 * (low + (high - low) * (wanted - reached) / (total - reached))
        reached = total
    return 1000 * BUCKETS[-1]


def _buckets(page: str, name: str) -> dict[str, float]:
    head = f'{name}_bucket{{le="'
    lines = [line.removeprefix(head) for line in page.splitlines() if line.startswith(head)]
    return {bound: float(count) for bound, _, count in (ln.partition('"} ') for ln in lines)}
