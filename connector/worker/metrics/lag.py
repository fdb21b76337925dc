"""The five lags, each of its own: docs/metrics.md says how they differ."""

from connector.planning.model import Plan
from connector.telemetry.metrics import MetricRow, Values
from connector.worker.metrics.rows import histogram_row, row
from connector.worker.status import Snapshot, oldest_unacked_s, silence_s


def topics_with_times(plan: Plan) -> dict[str, bool]:
    """Return the plan's topics, and whether their records have a time by the exchange's clock."""
    timed: dict[str, bool] = {}
    for planned in plan.streams:
        has_time = planned.stream.row.record_time != "receive_time"
        for topic in (planned.topic, planned.other_product_topic):
            if topic is not None:
                timed[topic] = has_time and timed.get(topic, True)
    return timed


def _newest_times(worker: Snapshot) -> Values:
    """Return the newest record time of each product and kind that has one, in seconds."""
    published = worker.shard.router.published()
    return {key: millis / 1000 for key, (_, millis) in published.items() if millis}


def _symbol_times(worker: Snapshot) -> Values:
    """Return the newest record time of each series of the named symbols, in seconds."""
    return {
        (route.product, route.stream.row.kind, symbol): (route.series[symbol].last_ms or 0) / 1000
        for route in worker.shard.router.routes()
        for symbol in worker.symbol_metrics
        if symbol in route.series
    }


LAG: tuple[MetricRow[Snapshot], ...] = (
    histogram_row(
        "bkc_lag_source_seconds",
        "Frame received minus the record's time by the exchange (one record in 64).",
        lambda w: w.lag.source,
        "topic",
    ),
    histogram_row(
        "bkc_lag_publish_seconds",
        "Broker acknowledgement minus frame received (one record in 64).",
        lambda w: w.lag.publish,
        "topic",
    ),
    histogram_row(
        "bkc_lag_end_to_end_seconds",
        "Broker acknowledgement minus the record's time (one record in 64).",
        lambda w: w.lag.end_to_end,
        "topic",
    ),
    row(
        "bkc_lag_oldest_unacked_seconds",
        "Age of the oldest frame or record that Kafka has not stored; 0: there is none.",
        oldest_unacked_s,
    ),
    row(
        "bkc_lag_silence_seconds",
        "Now minus the newest record's time; since the start if there is none.",
        silence_s,
        "product",
        "kind",
    ),
    row(
        "bkc_lag_clamped_total",
        "Negative end-to-end lags counted as 0: the clocks differ.",
        lambda w: w.lag.clamped,
    ),
    histogram_row(
        "bkc_pipeline_seconds",
        "bkc_lag_publish_seconds of all topics together.",
        lambda w: w.lag.publish,
    ),
    histogram_row(
        "bkc_end_to_end_lag_seconds",
        "bkc_lag_end_to_end_seconds of all topics together.",
        lambda w: w.lag.end_to_end,
    ),
    row(
        "bkc_last_event_timestamp_seconds", "Newest record time.", _newest_times, "product", "kind"
    ),
    row(
        "bkc_symbol_last_event_timestamp_seconds",
        "Newest record time of the symbols that the setting `symbol_metrics` names.",
        _symbol_times,
        "product",
        "kind",
        "symbol",
    ),
)
