"""Spark as a process, with the jars that a user of our module would take."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.codec.schema import Field
from connector.lab.java_packages import cache_folder, classpath, java
from tests.engines.filled import KafkaRow, kafka_rows

VERSION = "4.2.0"
PACKAGES = "+".join(
    f"org.apache.spark:{name}_2.13:{VERSION}"
    for name in ("spark-sql-kafka-0-10", "spark-token-provider-kafka-0-10", "spark-avro")
)
# All else that these bring is in pyspark, in the version that fits it.
JARS = ("spark-sql-kafka*", "spark-token*", "spark-avro*", "kafka-clients*", "commons-pool2*")
HERE = Path(__file__).parent
OPTIONS = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
}
# Of java.base, to Spark's memory and serialisers.
OPENED = """
java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util
java.util.concurrent java.util.concurrent.atomic jdk.internal.ref sun.nio.ch sun.nio.cs
sun.security.action sun.util.calendar
""".split()  # noqa: SIM905 - one text: a list would take fifteen lines
RUN_S = 900


def python() -> Path:
    """Return the Python of an environment with pyspark; made in the cache at the first call."""
    folder = cache_folder() / f"spark-{VERSION}"
    program = folder / "bin" / "python"
    requirements = [HERE / f"{name}-requirements.txt" for name in ("spark-build", "spark")]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in requirements)).hexdigest()
    ready = folder / f"ready-{digest[:16]}"
    if not ready.exists():
        if not program.exists():
            subprocess.run((sys.executable, "-m", "venv", str(folder)), check=True)  # noqa: S603
        install = ("-m", "pip", "install", "--quiet", "--require-hashes", "--no-build-isolation")
        for path in requirements:
            subprocess.run((str(program), *install, "-r", str(path)), check=True)  # noqa: S603
        ready.touch()
    return program


def jars() -> str:
    """Return the class path to add to pyspark's own."""
    folders = [Path(part).parent for part in classpath(PACKAGES, f"Spark {VERSION}").split(":")]
    found = [str(path) for folder in folders for name in JARS for path in folder.glob(name)]
    return ":".join(sorted(found))


def command(script: Path, modules: Sequence[Path], *arguments: str) -> list[str]:
    """Return what runs a job in one process; `modules` are those it imports.

    As spark-submit does it, but for a module of Java that our runtime does not have.
    """
    opened = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
    machine = ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    [own] = (python().parent.parent / "lib").glob("python*/site-packages/pyspark/jars")
    options = [f"--conf={key}={value}" for key, value in OPTIONS.items()]
    options += ["--master", "local[2]", "--py-files", ",".join(map(str, modules))]
    start = [
        java(),
        *machine,
        *opened,
        "-cp",
        f"{own}/*:{jars()}",
        "org.apache.spark.deploy.SparkSubmit",
    ]
    return [*start, *options, str(script), *arguments]


def environment() -> dict[str, str]:
    """Return the variables of such a process."""
    return os.environ | {"PYSPARK_PYTHON": str(python())}


def run_job(script: Path, modules: Sequence[Path], *arguments: str) -> str:
    """Run a job; return what it printed.

    Raises:
        AssertionError: it failed; with the end of what it printed.
    """
    ended = subprocess.run(  # noqa: S603 - our own command
        command(script, modules, *arguments),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    assert ended.returncode == 0, (ended.stdout + ended.stderr)[-6000:]
    return ended.stdout


def raw_rows(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of JSON in a folder that Spark has written."""
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("part-*")]
    lines = [line for text in texts for line in text.splitlines()]
    return [dict(json.loads(line, parse_float=Decimal)) for line in lines]


def rows(folder: Path, fields: Sequence[Field]) -> list[KafkaRow]:
    """Return the records in such a folder, in the order of the topic."""
    return kafka_rows(raw_rows(folder), fields, _millis)


def _millis(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
