"""Each rule: complete, about metrics that exist, firing when its cause is there and only then."""

import re
from pathlib import Path

import pytest
import yaml

from connector.worker.exporter import METRICS
from connector.worker.metrics.account import METRICS as ACCOUNT_METRICS
from tests.alerts.rule_cases import CASES, alert_labels
from tests.alerts.rules import (
    FILES,
    LIBRARY_METRICS,
    ROOT,
    TARGET_LABELS,
    alerts,
    metrics_in,
    rules,
)

# In the runbook: keys of /status, parts of readiness, reasons, fields, words of Kafka and cAdvisor.
OTHER_WORDS = {
    "hand_overs",
    "exchange_info",
    "schema_registry",
    "unknown_stream",
    "raw_json",
    "read_committed",
    "container_cpu_cfs_throttled_periods_total",
}


def known_metrics() -> set[str]:
    own = {row.name for row in METRICS} | {row.name for row in ACCOUNT_METRICS}
    return own | LIBRARY_METRICS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_metric_of_a_rule_is_one_of_the_exporter(path: Path) -> None:
    unknown = {
        rule.get("alert", rule.get("record")): metrics_in(rule["expr"]) - known_metrics()
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


def test_the_runbook_names_log_events_and_metrics_that_there_are() -> None:
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", (ROOT / "docs" / "runbook.md").read_text()))
    in_log = set(
        re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "logs.md").read_text(), re.MULTILINE)
    )

    assert len(named & in_log) > 20
    series = {re.sub(r"(?<=_seconds)_bucket$", "", name) for name in named - in_log - OTHER_WORDS}
    assert series - known_metrics() == set()


def test_the_runbook_silences_alerts_by_alerts_and_labels_that_they_have() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    block = runbook.partition("```yaml\n")[2].partition("```")[0]

    for inhibition in yaml.safe_load(block)["inhibit_rules"]:
        [source] = re.findall(r'^alertname="(\w+)"$', inhibition["source_matchers"][0])
        targets = re.findall(r"Bkc\w+", inhibition["target_matchers"][0])
        own = set(inhibition["equal"]) - TARGET_LABELS
        assert {source, *targets} <= set(alerts()), source
        assert all(own <= alert_labels(name).keys() for name in (source, *targets)), source


@pytest.mark.parametrize("name", alerts())
def test_a_description_uses_labels_that_its_alert_has(name: str) -> None:
    text = alerts()[name]["annotations"]["description"]

    assert set(re.findall(r"\$labels\.(\w+)", text)) <= alert_labels(name).keys()


def test_every_alert_has_a_case_of_firing_and_one_of_silence() -> None:
    assert set(CASES) == set(alerts())
    assert [name for name, case in CASES.items() if not (case["fires"] and case["silent"])] == []
