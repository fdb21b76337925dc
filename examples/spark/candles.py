"""One-minute candles of trades in Spark, each held back until it is known to be complete.

    spark-submit --packages \\
org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0,org.apache.spark:spark-avro_2.13:4.2.0 \\
        --py-files docs/topics/binance_topics.py,examples/spark/window_status.py \\
        examples/spark/candles.py --brokers kafka-1:9092 --registry http://registry:8081 \\
        --folder candles

A line of JSON for each candle that is settled, or held back by a gap; another one when it changes.
All versions of the candles are in FOLDER/versions as Parquet: of a window the last `batch` counts.
A trade that comes later than WAIT is left out: WAIT is longer than `backfill.patience`.
"""

import argparse
import contextlib
from typing import Any

import binance_topics
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from window_status import SERIES, last_markers, newest_progress, with_status

WAIT = "15 minutes"
KEY = (*SERIES, "window_start", "window_end")


def candles(trades: DataFrame, length: str) -> DataFrame:
    """Return the candles of a stream of trades; an id of USD-M without a fill is none.

    Without the casts an amount would be decimal(38,6); with them a price is below 10^10, a quantity
    below 10^11, and neither has more than 8 decimals.
    """
    amount = F.col("price").cast("decimal(18,8)") * F.col("quantity").cast("decimal(19,8)")
    vwap = F.sum(amount).cast("decimal(28,10)") / F.sum("quantity").cast("decimal(28,8)")
    windows = trades.where("quantity > 0").withWatermark("record_time", WAIT)
    values = windows.groupBy(*SERIES, F.window("record_time", length)).agg(
        F.min_by("price", "trade_id").alias("open_price"),
        F.max("price").alias("high_price"),
        F.min("price").alias("low_price"),
        F.max_by("price", "trade_id").alias("close_price"),
        F.sum("quantity").alias("volume"),
        F.sum(amount).alias("quote_volume"),
        vwap.cast("decimal(38,8)").alias("vwap"),
        F.count("*").alias("trade_count"),
        F.count_if(F.col("origin") == "backfill").alias("fetched_count"),
    )
    return values.select(*SERIES, "window.start", "window.end", *values.columns[len(SERIES) + 1 :])


class Candles:
    """Keeps the versions of candles, and prints those whose status is known.

    What progress says is about all that was in the topic when progress was read. A batch reads to
    where the topic ended when it was planned; so it is judged by what was known before that.

    Args:
        learns: After each batch; False: the ends were fixed at the start, and so is what is known.
    """

    def __init__(
        self, spark: SparkSession, topics: dict[str, str], prefix: str, folder: str, *, learns: bool
    ) -> None:
        self._spark, self._topics, self._prefix = spark, topics, prefix
        self._versions, self._learns = f"{folder}/versions", learns
        self._shown: dict[Any, str] = {}
        self._known = self._learn()

    def _learn(self) -> tuple[DataFrame, DataFrame]:
        """Read progress and markers as they are now."""
        markers = binance_topics.read_batch(self._spark, f"{self._prefix}.markers", **self._topics)
        progress = binance_topics.read_batch(
            self._spark, f"{self._prefix}.progress", **self._topics
        )
        return newest_progress(progress).localCheckpoint(), last_markers(markers).localCheckpoint()

    def add(self, changed: DataFrame, batch: int) -> None:
        """Keep a batch of changed candles; print what is new."""
        named = changed.toDF(*KEY, *changed.columns[len(KEY) :])
        named.withColumn("batch", F.lit(batch)).write.mode("append").parquet(self._versions)
        versions = self._spark.read.parquet(self._versions)
        newest = versions.groupBy(*KEY).agg(
            F.max_by(F.struct(*versions.columns), "batch").alias("c")
        )
        judged = with_status(newest.select("c.*").drop("batch"), *self._known)
        lines = judged.where("status <> 'open'").orderBy("window_start")
        for row in lines.select(*KEY, F.to_json(F.struct("*")).alias("line")).collect():
            if self._shown.get(row[: len(KEY)]) != row["line"]:
                self._shown[row[: len(KEY)]] = row["line"]
                print(row["line"], flush=True)
        if self._learns:
            self._known = self._learn()


def main() -> None:
    """Print candles until Ctrl-C, or of all that is there."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    shown = "%(default)s"
    options.add_argument("--brokers", default="localhost:9092", help=shown)
    options.add_argument("--registry", default="http://localhost:8081", help=shown)
    options.add_argument("--topic", default="binance.spot.trade", help=shown)
    options.add_argument("--prefix", default="binance", help="topics.prefix; " + shown)
    options.add_argument("--length", default="1 minute", help="of a candle; " + shown)
    options.add_argument("--folder", required=True, help="for the candles and the checkpoint")
    options.add_argument("--once", action="store_true", help="end when all that is there is read")
    given = options.parse_args()
    session = SparkSession.builder.appName("candles")
    spark = session.config("spark.sql.session.timeZone", "UTC").getOrCreate()
    topics = {"bootstrap_servers": given.brokers, "registry": given.registry}
    kept = Candles(spark, topics, given.prefix, given.folder, learns=not given.once)
    trades = binance_topics.read_stream(spark, given.topic, **topics)
    writer = candles(trades, given.length).writeStream.outputMode("update").foreachBatch(kept.add)
    pace = {"availableNow": True} if given.once else {"processingTime": "5 seconds"}
    writer = writer.option("checkpointLocation", f"{given.folder}/checkpoint").trigger(**pace)
    with contextlib.suppress(KeyboardInterrupt):
        writer.start().awaitTermination()


if __name__ == "__main__":
    main()
