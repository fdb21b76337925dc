"""Latencies of stored records, in buckets."""

from prometheus_client import Histogram

from connector.telemetry.lag import BUCKETS, Lag

TOPIC = "binance.spot.trade"


def samples(histogram: Histogram, topic: str = TOPIC) -> dict[str, float]:
    """Return a topic's numbers: those of its buckets by upper bound, its sum and count."""
    [metric] = histogram.collect()
    head = f"{metric.name}_"
    return {
        sample.labels.get("le", sample.name.removeprefix(head)): sample.value
        for sample in metric.samples
        if sample.labels["topic"] == topic
    }


def test_a_record_is_timed_to_the_socket_from_there_to_kafka_and_in_all() -> None:
    lag = Lag()
    lag.observe(TOPIC, now_us=2_000_000, received_us=1_996_000, record_ms=1_250)

    source, publish, end_to_end = map(samples, (lag.source, lag.publish, lag.end_to_end))
    assert (source["0.5"], source["1.0"], source["sum"]) == (0, 1, 0.746)
    assert (publish["0.0025"], publish["0.005"], publish["sum"]) == (0, 1, 0.004)
    assert (end_to_end["0.5"], end_to_end["1.0"], end_to_end["sum"]) == (0, 1, 0.75)
    assert lag.clamped == 0


def test_a_record_from_the_future_counts_as_0_and_as_clamped() -> None:
    lag = Lag()
    lag.observe(TOPIC, now_us=2_000_000, received_us=2_000_001, record_ms=2_001)

    for histogram in (lag.source, lag.publish, lag.end_to_end):
        assert (samples(histogram)["0.0025"], samples(histogram)["sum"]) == (1, 0)
    assert lag.clamped == 1


def test_a_topic_whose_records_have_no_time_of_the_exchange_has_no_source_lag() -> None:
    lag = Lag()
    lag.add_topics({TOPIC: True, "binance.spot.book-ticker": False})
    lag.observe("binance.spot.book-ticker", 2_000_000, 1_996_000, 1_996)

    assert samples(lag.source, "binance.spot.book-ticker") == {}
    assert samples(lag.publish, "binance.spot.book-ticker")["count"] == 1


def test_a_topic_is_shown_with_0_before_its_first_record() -> None:
    lag = Lag()
    lag.add_topics({TOPIC: True})

    counts = [samples(each)["count"] for each in (lag.source, lag.publish, lag.end_to_end)]
    assert counts == [0, 0, 0]


def test_the_buckets_are_those_of_the_service_level() -> None:
    lag = Lag()
    lag.add_topics({TOPIC: True})
    bounds = [name for name in samples(lag.publish) if name not in ("sum", "count")]

    assert bounds == [*(str(bound) for bound in BUCKETS), "+Inf"]
    assert {"0.25", "1.0"} <= set(bounds)
