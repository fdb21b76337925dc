"""Whether all that rules and dashboards ask for has an answer in a Prometheus that runs."""

import re
from dataclasses import dataclass, field

from tests.alerts.dashboards import queries
from tests.alerts.prometheus import Prometheus
from tests.alerts.rules import alerts

WINDOW = "20s"  # in place of Grafana's ranges
SERIES = re.compile(r"(?<![\w:])(?:bkc|process)_\w+")


def asked() -> dict[str, str]:
    """Return every query of the dashboards, and each series that an alert reads, by its place."""
    found = {query.place: query.expression(WINDOW) for query in queries()}
    for name, rule in alerts().items():
        found |= {f"{name}, {series}": series for series in SERIES.findall(rule["expr"])}
    return found


@dataclass(slots=True)
class Answered:
    """Asks for what had no answer yet; some have one only while a fault is there.

    Attributes:
        missing: What never had an answer, by place.
    """

    prometheus: Prometheus
    missing: dict[str, str] = field(default_factory=asked)

    async def ask(self) -> None:
        """Ask again for what is missing; raises AssertionError if a query is wrong."""
        for place, query in list(self.missing.items()):
            if await self.prometheus.query(query):
                del self.missing[place]
