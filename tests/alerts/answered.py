"""Whether all that rules and dashboards ask for has an answer in a Prometheus that runs."""

import re

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


async def unanswered(prometheus: Prometheus) -> list[str]:
    """Return the places of queries without an answer; raises AssertionError if one is wrong."""
    return [place for place, query in asked().items() if not await prometheus.query(query)]
