"""The cases of rule_cases.yaml: for each alert, series that fire it and series that do not."""

from pathlib import Path
from typing import Any

import yaml

from tests.alerts.rules import alerts

CASES: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "rule_cases.yaml").read_text()
)


def alert_labels(name: str) -> dict[str, str]:
    """Return the labels that an alert has in its case."""
    case = CASES[name]
    place = {"job": "j"} if case.get("job", True) else {}
    place |= {"instance": "i"} if case.get("instance", True) else {}
    return {"severity": alerts()[name]["labels"]["severity"], **place, **case.get("labels", {})}
