"""A table of metrics as a page in Prometheus' text format."""

from collections import Counter
from pathlib import Path

from connector.telemetry.lag import histogram
from connector.telemetry.metrics import MetricRow, MetricsPage

TABLE = (
    MetricRow[Counter[str]](
        "bkc_things_total", "counter", "Things.", ("kind",), lambda counts: {("a",): counts["a"]}
    ),
    MetricRow[Counter[str]]("bkc_size", "gauge", "Size.", (), lambda counts: counts.total()),
)


def test_a_page_shows_each_row_as_it_is_now() -> None:
    counts = Counter("aab")
    page = MetricsPage(TABLE, counts)
    before = page.text().decode().splitlines()
    counts["a"] += 1

    assert before[:6] == [
        "# HELP bkc_things_total Things.",
        "# TYPE bkc_things_total counter",
        'bkc_things_total{kind="a"} 2.0',
        "# HELP bkc_size Size.",
        "# TYPE bkc_size gauge",
        "bkc_size 3.0",
    ]
    assert 'bkc_things_total{kind="a"} 3.0' in page.text().decode()


def test_a_histogram_has_the_help_text_of_its_row_and_no_created_series() -> None:
    pauses = histogram("bkc_pause_seconds")
    pauses.observe(0.3)
    row = MetricRow[None]("bkc_pause_seconds", "histogram", "Pauses.", (), lambda _: pauses)

    lines = MetricsPage([row], None).text().decode().splitlines()

    assert lines[:2] == [
        "# HELP bkc_pause_seconds Pauses.",
        "# TYPE bkc_pause_seconds histogram",
    ]
    assert 'bkc_pause_seconds_bucket{le="0.25"} 0.0' in lines
    assert 'bkc_pause_seconds_bucket{le="0.5"} 1.0' in lines
    assert "bkc_pause_seconds_count 1.0" in lines
    assert "bkc_pause_seconds_sum 0.3" in lines
    assert not any("_created" in line for line in lines)


def test_a_histogram_by_label_is_shown_by_label_or_as_their_sum() -> None:
    pauses = histogram("bkc_pause_seconds", "topic")
    pauses.labels("a").observe(0.3)
    pauses.labels("b").observe(0.2)
    by_topic = MetricRow[None]("bkc_a_seconds", "histogram", "A.", ("topic",), lambda _: pauses)
    summed = MetricRow[None]("bkc_all_seconds", "histogram", "All.", (), lambda _: pauses)

    lines = MetricsPage([by_topic, summed], None).text().decode().splitlines()

    assert 'bkc_a_seconds_bucket{le="0.25",topic="a"} 0.0' in lines
    assert 'bkc_a_seconds_bucket{le="0.25",topic="b"} 1.0' in lines
    assert 'bkc_all_seconds_bucket{le="0.25"} 1.0' in lines
    assert "bkc_all_seconds_count 2.0" in lines
    assert "bkc_all_seconds_sum 0.5" in lines


def test_the_process_itself_is_on_the_page() -> None:
    names = [
        line.split()[2]
        for line in MetricsPage([], None).text().decode().splitlines()
        if line.startswith("# TYPE")
    ]

    assert "python_gc_collections_total" in names
    assert "process_resident_memory_bytes" in names or not Path("/proc/self/stat").exists()
