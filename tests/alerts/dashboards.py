"""The dashboards of the chart: their panels, and their queries as Prometheus takes them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.alerts.rules import RULES

FILES = sorted((RULES.parent / "dashboards").glob("*.json"))


@dataclass(frozen=True, slots=True)
class DashboardQuery:
    """A query of a panel.

    Attributes:
        place: Dashboard, panel and query, as a person finds it.
        text: As the file has it, with Grafana's variables.
        legend: Name of a series in the panel, by labels.
    """

    place: str
    text: str
    legend: str

    def expression(self, window: str) -> str:
        """Return the query for all that there is; `window` stands for Grafana's ranges."""
        ranged = re.sub(r"\$__(rate_interval|range)\b", window, self.text)
        return re.sub(r"\$\w+", ".*", ranged)


def panels(path: Path) -> list[dict[str, Any]]:
    """Return the panels of a dashboard that show something; rows are left out."""
    found = json.loads(path.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def queries() -> Iterator[DashboardQuery]:
    """Yield every query of every dashboard."""
    for path in FILES:
        for panel in panels(path):
            for target in panel["targets"]:
                place = f"{path.stem}, {panel['title']}, {target['refId']}"
                yield DashboardQuery(place, target["expr"], target["legendFormat"])
