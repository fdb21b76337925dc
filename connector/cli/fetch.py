"""Fetches the real Kafka and registry of the lab and the demo, with a bar."""

from collections.abc import Iterable

from connector.cli.console import download
from connector.lab.java_packages import kafka_classpath, registry_folder
from connector.lab.real_kafka import RealKafka, RealRegistry


def fetch(servers: Iterable[object]) -> None:
    """Fetch what the real ones among the servers need and the cache does not have.

    Raises:
        Refused: an optional package is missing. Retry: the package registry cannot be reached.
    """
    with download() as report:
        for server in servers:
            if isinstance(server, RealKafka):
                kafka_classpath(report)
            elif isinstance(server, RealRegistry):
                registry_folder(report)
