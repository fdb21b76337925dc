"""Latencies of stored records, in buckets."""

from prometheus_client import Histogram

from connector.telemetry.lag import BUCKETS, Lag


def samples(histogram: Histogram) -> dict[str, float]:
    """Return the histogram's numbers: those of its buckets by upper bound, its sum and count."""
    [metric] = histogram.collect()
    head = f"{metric.name}_"
    return {
        sample.labels.get("le", sample.name.removeprefix(head)): sample.value
        for sample in metric.samples
    }


def test_a_record_is_counted_from_its_frame_and_from_its_own_time() -> None:
    lag = Lag()
    lag.observe(now_us=2_000_000, received_us=1_996_000, record_ms=1_250)

    pipeline, end_to_end = samples(lag.pipeline), samples(lag.end_to_end)
    assert (pipeline["0.0025"], pipeline["0.005"], pipeline["sum"]) == (0, 1, 0.004)
    assert (end_to_end["0.5"], end_to_end["1.0"], end_to_end["sum"]) == (0, 1, 0.75)
    assert lag.clamped == 0


def test_a_record_from_the_future_counts_as_0_and_as_clamped() -> None:
    lag = Lag()
    lag.observe(now_us=2_000_000, received_us=2_000_001, record_ms=2_001)

    pipeline, end_to_end = samples(lag.pipeline), samples(lag.end_to_end)
    assert (pipeline["0.0025"], pipeline["sum"]) == (1, 0)
    assert (end_to_end["0.0025"], end_to_end["sum"]) == (1, 0)
    assert lag.clamped == 1


def test_the_buckets_are_those_of_the_service_level() -> None:
    bounds = [name for name in samples(Lag().pipeline) if name not in ("sum", "count")]

    assert bounds == [*(str(bound) for bound in BUCKETS), "+Inf"]
    assert {"0.25", "1.0"} <= set(bounds)
