"""Says of windows whether they are complete: a module to copy beside a Spark job.

It takes the topics of markers and progress as data frames with the columns of their schemas, as
binance_topics.read_batch gives them, and windows with the columns of SERIES, `window_start` and
`window_end`, both of record time.
"""

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

SERIES = ("product", "stream_name", "symbol")  # what has one sequence of ids


def newest_progress(progress: DataFrame) -> DataFrame:
    """Return how far each series is complete: SERIES and complete_until."""
    rank = F.struct(F.coalesce("generation", F.lit(0)), "commit_number")
    newest = F.max_by("complete_until", rank).alias("complete_until")
    return progress.groupBy(*SERIES).agg(newest)


def last_markers(markers: DataFrame) -> DataFrame:
    """Return SERIES and `markers`: of each gap the last one, and where reading began and ended."""
    fact = F.coalesce("gap_id", "marker_id").alias("fact")
    values = F.struct("state", "before_time", "after_time")
    last = F.max_by(values, F.struct("marked_time_us", "record_offset")).alias("marker")
    facts = markers.groupBy(*SERIES, fact).agg(last)
    return facts.groupBy(*SERIES).agg(F.collect_list("marker").alias("markers"))


def with_status(windows: DataFrame, newest: DataFrame, last: DataFrame) -> DataFrame:
    """Return the windows with `status`: open, filling, whole, lacking or cut (docs/examples.md).

    Args:
        windows: They must hold all that was in the topic when the others were read, or later.
        newest: What newest_progress has returned.
        last: What last_markers has returned.
    """
    known = windows.join(newest, list(SERIES), "left").join(last, list(SERIES), "left")
    status = (
        F.when(_has("opened"), "filling")
        .when(F.col("complete_until").isNull(), "open")
        .when(F.col("complete_until") < F.col("window_end"), "open")
        .when(_has("started", "stopped"), "cut")
        .when(_has("partial", "unfillable"), "lacking")
        .otherwise("whole")
    )
    return known.withColumn("status", status).drop("complete_until", "markers")


def _has(*states: str) -> Column:
    """Return whether a marker of one of these states touches the window."""

    def touches(marker: Any) -> Column:
        state, before, after = (marker[name] for name in ("state", "before_time", "after_time"))
        earliest, latest = (F.lit(day).cast("timestamp") for day in ("1970-01-01", "9999-12-31"))
        edge = F.when(state == "started", after).when(state == "stopped", before)
        begins = edge.otherwise(F.coalesce(before, earliest))
        ends = edge.otherwise(F.coalesce(after, latest))
        is_in = (begins < F.col("window_end")) & (ends >= F.col("window_start"))
        return state.isin(*states) & is_in

    return F.exists("markers", touches)
