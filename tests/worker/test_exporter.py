"""The metrics page of a real worker is its table: every metric of it, and nothing else."""

import re
from pathlib import Path

import pytest

from connector.worker.exporter import METRICS, build_metrics
from tests.support.waiting import until
from tests.support.worker import world


@pytest.mark.lab
async def test_every_metric_of_the_table_is_on_a_workers_page_and_nothing_else(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        page = build_metrics(here.worker).text().decode().splitlines()
    lines = [line for line in page if not re.match(r"(# \w+ )?(process|python_gc)_", line)]

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


@pytest.mark.lab
async def test_the_first_trouble_of_each_kind_follows_a_0(tmp_path: Path) -> None:
    """Prometheus' increase() sees no first error of a counter that is born with it."""
    async with world(tmp_path) as here:
        await here.until_flowing()
        lines = set(build_metrics(here.worker).text().decode().splitlines())

    assert {
        'bkc_dead_letter_events_total{reason="field",topic="binance.spot.trade"} 0.0',
        'bkc_dead_letter_events_total{reason="unknown_stream",topic=""} 0.0',
        'bkc_events_discarded_total{reason="queue_full"} 0.0',
        'bkc_gap_events_total{kind="trade",outcome="lost",product="spot"} 0.0',
        'bkc_producer_not_taken_total{topic="binance.spot.trade"} 0.0',
        'bkc_schema_registry_requests_total{outcome="failed"} 0.0',
        'bkc_ws_connections{product="spot"} 1.0',
        'bkc_streams_stale{product="spot"} 0.0',
        'bkc_streams_expected{kind="trade",product="spot"} 2.0',
    } <= lines


@pytest.mark.lab
async def test_only_symbols_that_are_named_have_a_metric_of_their_own(tmp_path: Path) -> None:
    async with world(tmp_path, symbol_metrics=["ETHUSDT"]) as here:
        await here.until_flowing()
        await until(lambda: here.published("ethusdt@trade") > 0)
        page = build_metrics(here.worker).text().decode()

    symbols = set(re.findall(r'symbol="(\w+)"', page))
    assert symbols == {"ETHUSDT"}
