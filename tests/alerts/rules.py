"""The rule files of the chart, and the names that their expressions use."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
RULES = ROOT / "helm" / "binance-kafka-connector" / "rules"
FILES = sorted(RULES.glob("*.yaml"))
TARGET_LABELS = {"namespace", "job", "pod", "instance"}  # of what Prometheus scrapes
# Of Prometheus' client library, on every worker's page.
LIBRARY_METRICS = {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_max_fds",
}


def rules(path: Path) -> list[dict[str, Any]]:
    """Return the rules of a file, recording and alerting."""
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Return the alerts of all files by name."""
    return {rule["alert"]: rule for path in FILES for rule in rules(path) if "alert" in rule}


def recorded() -> set[str]:
    """Return the names of the series that recording rules make."""
    return {rule["record"] for path in FILES for rule in rules(path) if "record" in rule}


def metrics_in(expression: str) -> set[str]:
    """Return the names of our metrics in an expression; of a histogram the metric's own.

    Series of recording rules are not among them.
    """
    names = re.findall(r"(?<![\w:])(?:bkc|process)_\w+", expression)
    return {re.sub(r"(?<=_seconds)_(bucket|count|sum)$", "", name) for name in names}
