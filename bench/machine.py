"""Describes the machine a table was made on, without names or paths: `python -m bench.machine`."""

import os
import platform
import ssl
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import confluent_kafka

LIBRARIES = (
    "confluent-kafka",
    "msgspec",
    "picows",
    "websockets",
    "uvloop",
    "orjson",
    "fastavro",
)


def describe() -> dict[str, str]:
    """Return versions and hardware that figures depend on."""
    facts = {
        "CPU": f"{_cpu_model()}, {os.cpu_count()} cores",
        "Kernel": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "TLS": ssl.OPENSSL_VERSION,
        "librdkafka": confluent_kafka.libversion()[0],
    }
    for library in LIBRARIES:
        try:
            facts[library] = version(library)
        except PackageNotFoundError:
            facts[library] = "not installed"
    return facts


def line() -> str:
    """Return the description as one line."""
    return "; ".join(f"{name} {value}" for name, value in describe().items())


def _cpu_model() -> str:
    file = Path("/proc/cpuinfo")
    if file.is_file():
        for text in file.read_text().splitlines():
            name, _, value = text.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    print(line())
