"""Each rule: complete, about metrics that exist, firing when its cause is there and only then."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.worker.exporter import METRICS
from connector.worker.metrics.account import METRICS as ACCOUNT_METRICS
from tests.alerts.programs import promtool
from tests.alerts.rules import FILES, ROOT, alerts, metrics_in, rules

CASES: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "rule_cases.yaml").read_text()
)
LIBRARY_METRICS = {"process_open_fds", "process_max_fds"}


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
    case, text = CASES[name], alerts()[name]["annotations"]["description"]

    assert set(re.findall(r"\$labels\.(\w+)", text)) <= _labels(name, case).keys()


def test_every_alert_has_a_case_of_firing_and_one_of_silence() -> None:
    assert set(CASES) == set(alerts())
    assert [name for name, case in CASES.items() if not (case["fires"] and case["silent"])] == []


def test_prometheus_takes_the_rules() -> None:
    program = promtool()

    done = _run(program, "check", "rules", "--lint=all", "--lint-fatal", *map(str, FILES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_fires_for_its_cause_and_is_silent_without(tmp_path: Path) -> None:
    program = promtool()
    paths = []
    for interval in sorted({_interval(case) for case in CASES.values()}):
        paths.append(tmp_path / f"every_{interval}_test.yaml")
        paths[-1].write_text(yaml.safe_dump(_promtool_document(interval)))

    done = _run(program, "test", "rules", *map(str, paths))
    assert done.returncode == 0, done.stdout + done.stderr


def _interval(case: dict[str, Any]) -> str:
    return str(case.get("interval", "30s"))


def _promtool_document(interval: str) -> dict[str, Any]:
    """Return the tests of the cases whose series and rules have this interval."""
    tests = [
        _promtool_test(name, case, fires=fires)
        for name, case in CASES.items()
        for fires in (True, False)
        if _interval(case) == interval
    ]
    files = [str(path) for path in FILES]
    return {"rule_files": files, "evaluation_interval": interval, "tests": tests}


def _run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603


def _promtool_test(name: str, case: dict[str, Any], *, fires: bool) -> dict[str, Any]:
    """Return a test of promtool: the alert as Prometheus itself records it, in series ALERTS."""
    series = case["fires" if fires else "silent"]
    labels = {"alertname": name, "alertstate": "firing", **_labels(name, case)}
    shown = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    samples = [{"labels": f"ALERTS{{{shown}}}", "value": 1}] if fires else []
    return {
        "name": f"{name} {'fires' if fires else 'is silent'}",
        "interval": _interval(case),
        "input_series": [
            {"series": _placed(each), "values": values} for each, values in series.items()
        ],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{name}"}}',
                "eval_time": case["at"],
                "exp_samples": samples,
            }
        ],
    }


def _labels(name: str, case: dict[str, Any]) -> dict[str, str]:
    """Return the labels of an alert."""
    place = {"job": "j"} if case.get("job", True) else {}
    place |= {"instance": "i"} if case.get("instance", True) else {}
    return {"severity": alerts()[name]["labels"]["severity"], **place, **case.get("labels", {})}


def _placed(series: str) -> str:
    """Return a series with the labels of a scraped target."""
    name, _, labels = series.partition("{")
    return f'{name}{{job="j",instance="i"{"," + labels if labels else "}"}'
