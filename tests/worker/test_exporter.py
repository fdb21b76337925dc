"""The metrics page of a real worker is its table: every metric of it, and nothing else."""

import re
from pathlib import Path

import pytest

from connector.worker.exporter import METRICS, build_metrics
from tests.support.worker import world


@pytest.mark.lab
async def test_every_metric_of_the_table_is_on_a_workers_page_and_nothing_else(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        lines = build_metrics(here.worker).text().decode().splitlines()

    assert [line for line in lines if line.startswith("#")] == [
        line
        for row in METRICS
        for line in (f"# HELP {row.name} {row.doc}", f"# TYPE {row.name} {row.type}")
    ]
    labels = {row.name: set(row.labels) for row in METRICS}
    for line in lines:
        if not line.startswith("#"):
            name = re.sub(r"(?<=_seconds)_(bucket|count|sum)$", "", re.split(r"[{ ]", line)[0])
            names = set(re.findall(r'(\w+)="', line)) - {"le"}
            assert names == labels[name], line


def test_the_name_of_a_counter_ends_in_total_and_no_other_does() -> None:
    assert [
        row.name for row in METRICS if (row.type == "counter") != row.name.endswith("_total")
    ] == []


def test_every_metric_has_a_name_of_its_own() -> None:
    names = [row.name for row in METRICS]

    assert len(set(names)) == len(names)
