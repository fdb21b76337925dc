"""binance-kafka-connector: Binance WebSocket streams as Kafka topics of Avro records."""

from functools import cache


@cache
def version() -> str:
    """Return the version of the installed package; 0.0.0 of a checkout that is not installed."""
    # It takes longer to import than the rest of `bkc --help`.
    from importlib import metadata  # noqa: PLC0415

    try:
        return metadata.version("binance-kafka-connector")
    except metadata.PackageNotFoundError:
        return "0.0.0"
