"""The rules of the run have shorter times and are otherwise the same."""

from typing import Any

import pytest
import yaml

from tests.alerts.rules import FILES
from tests.alerts.scaled import THRESHOLDS, scaled


def rule(**keys: Any) -> dict[str, Any]:
    return {"groups": [{"rules": [keys]}]}


def test_times_are_a_sixtieth_and_ranges_have_some_scrapes() -> None:
    made = scaled(rule(alert="A", expr="increase(x[10m]) > 0 and y[1m]", **{"for": "2m"}))

    [group] = made["groups"]
    assert group["interval"] == "1s"
    assert group["rules"] == [{"alert": "A", "expr": "increase(x[10s]) > 0 and y[4s]", "for": "2s"}]


def test_a_threshold_that_is_a_time_is_replaced() -> None:
    made = scaled(rule(alert="BkcBacklogOld", expr="x > 10"))

    assert made["groups"][0]["rules"][0]["expr"] == "x > 2"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_rule_can_be_scaled(path: Any) -> None:
    rules = [
        each
        for group in scaled(yaml.safe_load(path.read_text()))["groups"]
        for each in group["rules"]
    ]

    for each in rules:
        for _, new in THRESHOLDS.get(each.get("alert", ""), ()):
            assert new in each["expr"]
