"""A Spark job: copies topics to JSON with the shipped module. Runs in Spark's own environment.

Arguments: bootstrap servers, registry, folder to write to, number of topics to read as streams,
topics.
"""

import sys

import binance_topics
from pyspark.sql import SparkSession

bootstrap_servers, registry, target, streams, *topics = sys.argv[1:]
spark = SparkSession.builder.getOrCreate()
for topic in topics:
    rows = binance_topics.read_batch(spark, topic, bootstrap_servers, registry)
    rows.write.json(f"{target}/{topic}", ignoreNullFields=False)
for topic in topics[: int(streams)]:
    rows = binance_topics.read_stream(spark, topic, bootstrap_servers, registry)
    writer = rows.writeStream.format("json").option("ignoreNullFields", "false")
    writer = writer.option("checkpointLocation", f"{target}/checkpoints/{topic}")
    writer.trigger(availableNow=True).start(f"{target}/stream/{topic}").awaitTermination()
