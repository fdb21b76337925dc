"""Each rule: complete, about metrics that exist, firing when its cause is there and only then."""

import re
from pathlib import Path

import pytest

from connector.worker.exporter import METRICS
from connector.worker.metrics.account import METRICS as ACCOUNT_METRICS
from tests.alerts.rule_cases import CASES, alert_labels
from tests.alerts.rules import FILES, LIBRARY_METRICS, ROOT, alerts, metrics_in, rules


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_metric_of_a_rule_is_one_of_the_exporter(path: Path) -> None:
    known = {row.name for row in METRICS} | {row.name for row in ACCOUNT_METRICS}
    known |= LIBRARY_METRICS

    unknown = {
        rule.get("alert", rule.get("record")): metrics_in(rule["expr"]) - known
        for rule in rules(path)
    }
    assert {name: metrics for name, metrics in unknown.items() if metrics} == {}


def test_every_alert_says_what_it_is_and_where_its_cure_is() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    headings = {line[3:] for line in runbook.splitlines() if line.startswith("## Bkc")}

    assert headings == set(alerts())
    for name, rule in alerts().items():
        annotations = rule["annotations"]
        assert set(annotations) == {"summary", "description", "runbook_url"}, name
        assert annotations["runbook_url"] == f"docs/runbook.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, name


@pytest.mark.parametrize("name", alerts())
def test_the_runbook_says_what_an_alert_means_what_to_look_at_and_what_to_do(name: str) -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    section = runbook.partition(f"\n## {name}\n")[2].partition("\n## ")[0]

    assert re.findall(r"^\*\*(Means|Look|Do)\.\*\*", section, re.MULTILINE) == [
        "Means",
        "Look",
        "Do",
    ]


@pytest.mark.parametrize("name", alerts())
def test_a_description_uses_labels_that_its_alert_has(name: str) -> None:
    text = alerts()[name]["annotations"]["description"]

    assert set(re.findall(r"\$labels\.(\w+)", text)) <= alert_labels(name).keys()


def test_every_alert_has_a_case_of_firing_and_one_of_silence() -> None:
    assert set(CASES) == set(alerts())
    assert [name for name, case in CASES.items() if not (case["fires"] and case["silent"])] == []
