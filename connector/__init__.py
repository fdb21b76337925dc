"""binance-kafka-connector: Binance WebSocket streams as Kafka topics of Avro records."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("binance-kafka-connector")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0.0.0"
