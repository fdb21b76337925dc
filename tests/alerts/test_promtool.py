"""promtool judges the rules: `make test-alerts` alone runs this, because it builds promtool."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.dashboards import queries
from tests.alerts.rule_cases import CASES, alert_labels
from tests.alerts.rules import FILES
from tools import get

pytestmark = pytest.mark.prometheus


def test_prometheus_takes_the_rules() -> None:
    program = get.get("promtool")

    done = _run(program, "check", "rules", "--lint=all", "--lint-fatal", *map(str, FILES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_every_query_of_the_dashboards(tmp_path: Path) -> None:
    program = get.get("promtool")
    path = tmp_path / "queries.yaml"
    names = {f"query_{n}": query for n, query in enumerate(queries())}
    rules = [{"record": name, "expr": query.expression("5m")} for name, query in names.items()]
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))

    done = _run(program, "check", "rules", str(path))
    assert done.returncode == 0, (done.stdout + done.stderr, names)
    assert f"{len(names)} rules found" in done.stdout + done.stderr


def test_every_alert_fires_for_its_cause_and_is_silent_without(tmp_path: Path) -> None:
    program = get.get("promtool")
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
    labels = {"alertname": name, "alertstate": "firing", **alert_labels(name)}
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


def _placed(series: str) -> str:
    """Return a series with the labels of a scraped target."""
    name, _, labels = series.partition("{")
    return f'{name}{{job="j",instance="i"{"," + labels if labels else "}"}'
