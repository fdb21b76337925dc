"""Each panel says what it shows, in which unit, by metrics and labels that a worker has."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from connector.worker.exporter import METRICS
from connector.worker.metrics.account import METRICS as ACCOUNT_METRICS
from tests.alerts.dashboards import FILES, DashboardQuery, panels, queries
from tests.alerts.rules import LIBRARY_METRICS, TARGET_LABELS, metrics_in, recorded

UNITS = {"none", "short", "s", "bytes", "Bps", "cps", "cpm", "percentunit"}
LABELS = {
    **{row.name: set(row.labels) for row in METRICS},
    **{row.name: set(row.labels) for row in ACCOUNT_METRICS},
    **{name: set[str]() for name in LIBRARY_METRICS},
    **{name: {"topic"} for name in recorded()},  # beside those of the target
}
by_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
QUERIES = {query.place: query for query in queries()}


def document(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def test_there_are_dashboards_of_the_whole_of_a_shard_and_of_accounts() -> None:
    found = {path.stem: document(path)["uid"] for path in FILES}

    assert found == {name: f"bkc-{name}" for name in ("overview", "shard", "account")}


@by_file
def test_a_file_is_written_as_grafana_exports_it(path: Path) -> None:
    assert path.read_text() == json.dumps(document(path), indent=2) + "\n"


@by_file
def test_every_panel_has_a_title_a_description_and_a_unit(path: Path) -> None:
    for panel in panels(path):
        assert panel["title"], panel["id"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["targets"], panel["title"]


@by_file
def test_titles_and_ids_of_panels_are_unique(path: Path) -> None:
    every = document(path)["panels"]

    for key in ("id", "title"):
        assert [each for each, n in Counter(panel[key] for panel in every).items() if n > 1] == []


@by_file
def test_no_panel_lies_on_another(path: Path) -> None:
    places = [panel["gridPos"] for panel in document(path)["panels"]]

    assert [place for place in places if place["x"] + place["w"] > 24] == []
    assert [pair for pair in combinations(places, 2) if overlap(*pair)] == []


def overlap(first: dict[str, int], second: dict[str, int]) -> bool:
    return all(
        first[start] < second[start] + second[size] and second[start] < first[start] + first[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


@by_file
def test_the_data_source_is_the_one_that_the_reader_chose(path: Path) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}

    for panel in panels(path):
        assert panel["datasource"] == chosen, panel["title"]
        assert {json.dumps(each["datasource"]) for each in panel["targets"]} == {json.dumps(chosen)}


@by_file
def test_every_variable_is_used_and_every_used_one_is_defined(path: Path) -> None:
    defined = {each["name"] for each in document(path)["templating"]["list"]}
    text = json.dumps(document(path)["panels"])

    assert set(re.findall(r"\$\{?([a-z]\w*)", text)) == defined


@by_file
def test_variables_list_values_of_metrics_that_exist(path: Path) -> None:
    for variable in document(path)["templating"]["list"]:
        if variable["type"] == "query":
            expression, _, label = variable["query"]["query"].rpartition(", ")
            [metric] = metrics_in(expression)
            assert label.rstrip(")") in LABELS[metric] | TARGET_LABELS, variable["name"]
            assert variable["allValue"] == ".*", variable["name"]  # also of what has no such label


def test_every_series_of_a_query_is_one_of_a_worker_or_of_a_rule() -> None:
    unknown = {place: series_in(query.text) - LABELS.keys() for place, query in QUERIES.items()}

    assert {place: names for place, names in unknown.items() if names} == {}
    assert [
        place
        for place, query in QUERIES.items()
        if not series_in(query.text) and not query.text.startswith("count(ALERTS{")
    ] == []


def test_every_label_of_a_query_is_one_of_its_series() -> None:
    def unknown(text: str) -> set[str]:
        grouped = ", ".join(re.findall(r"\b(?:by|on) \(([^)]*)\)", text))
        selected = re.findall(r'(\w+)(?:=~|!~|!=|=)"', text)
        of_alerts = {"alertname", "alertstate"} if "ALERTS{" in text else set()
        return {*re.findall(r"\w+", grouped), *selected} - labels_of(text) - of_alerts

    found = {place: unknown(query.text) for place, query in QUERIES.items()}
    assert {place: labels for place, labels in found.items() if labels} == {}


def test_queries_read_the_chosen_workers_only() -> None:
    whole = [
        place
        for place, query in QUERIES.items()
        if 'namespace=~"$namespace", job=~"$job"' not in query.text
    ]

    assert whole == ["overview, Alerts firing, A"]  # BkcAbsent has no job


def test_ranges_are_grafanas_or_that_of_the_alert() -> None:
    ranges = {text for query in QUERIES.values() for text in re.findall(r"\[(.*?)\]", query.text)}

    assert ranges == {"$__rate_interval", "$__range", "5m"}


def test_a_legend_shows_labels_that_its_query_leaves() -> None:
    def missing(query: DashboardQuery) -> set[str]:
        grouped = re.findall(r"\bby \(([^)]*)\)", query.text)
        left = set(grouped[0].split(", ")) if grouped else labels_of(query.text)
        return set(re.findall(r"{{(\w+)}}", query.legend)) - left

    found = {place: missing(query) for place, query in QUERIES.items()}
    assert {place: labels for place, labels in found.items() if labels} == {}


def series_in(expression: str) -> set[str]:
    """Return the metrics of an expression, and the series of rules."""
    return metrics_in(expression) | set(re.findall(r"\b\w+:\w+:\w+", expression))


def labels_of(expression: str) -> set[str]:
    """Return the labels that the series of an expression have."""
    return TARGET_LABELS.union({"le"}, *(LABELS[name] for name in series_in(expression)))
