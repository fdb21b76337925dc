"""Flink's own SQL client, as a process, with the jars that a user of our tables would take."""

import base64
import json
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from connector.codec.export import flink_ddl
from connector.codec.schema import Field
from connector.lab.java_packages import classpath, java
from tests.engines.filled import KafkaRow, kafka_rows

ROOT = Path(__file__).parent.parent.parent
VERSION = "2.3.0"
# Each by name: left to itself the resolver takes flink-runtime 2.1.0, which the connector names.
_FLINK = """
flink-annotations flink-core-api flink-core flink-metrics-core flink-rpc-core flink-rpc-akka-loader
flink-runtime flink-streaming-java flink-datastream-api flink-datastream flink-hadoop-fs
flink-queryable-state-client-java flink-file-sink-common flink-connector-datagen flink-table-common
flink-table-api-java flink-table-api-bridge-base flink-table-planner-loader flink-table-runtime
flink-table-api-java-bridge flink-clients flink-cep flink-connector-files flink-json
flink-sql-avro-confluent-registry flink-sql-client flink-sql-gateway flink-sql-gateway-api
flink-python
""".split()  # noqa: SIM905 - one text: a list would take thirty lines
PACKAGES = "+".join(
    (
        *(f"org.apache.flink:{name}:{VERSION}" for name in _FLINK),
        "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2",
        "org.slf4j:slf4j-simple:1.7.36",
    )
)
CONFIG = """\
execution.target: local
execution.runtime-mode: {mode}
parallelism.default: 1
taskmanager.numberOfTaskSlots: 1
jobmanager.bind-host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
taskmanager.memory.network.min: 16m
taskmanager.memory.network.max: 16m
taskmanager.memory.managed.size: 64m
table.dml-sync: true
"""
RUN_S = 1800


def run_script(script: str, folder: Path) -> None:
    """Run statements in batch mode with the SQL client; the first that fails ends it.

    Raises:
        AssertionError: a statement failed; with what the client printed. Of a job that fails the
            client says only that its cluster is gone: the cause is a warning further up.
    """
    ended = subprocess.run(  # noqa: S603 - our own command
        command(script, folder, "batch"),
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    printed = ended.stdout + ended.stderr
    assert ended.returncode == 0, printed[-20_000:]
    assert "[ERROR]" not in printed, printed[-20_000:]


def command(script: str, folder: Path, mode: str) -> list[str]:
    """Write a script and a config to a folder; return what runs it in a mode: batch, streaming."""
    (folder / "conf").mkdir(parents=True, exist_ok=True)
    (folder / "conf" / "config.yaml").write_text(CONFIG.format(mode=mode))
    (folder / "script.sql").write_text(script)
    flags = ("-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    client = ("org.apache.flink.table.client.SqlClient", "-f", str(folder / "script.sql"))
    return [java(), *flags, quiet, "-cp", classpath(PACKAGES, f"Flink {VERSION}"), *client]


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of such a process."""
    return os.environ | {"FLINK_CONF_DIR": str(folder / "conf")}


def shipped(bootstrap_servers: str, registry_url: str, *files: str) -> str:
    """Return SQL files of the repository, one after another, with these addresses."""
    text = "\n".join((ROOT / file).read_text(encoding="utf-8") for file in files)
    text = text.replace(flink_ddl.BOOTSTRAP_SERVERS, bootstrap_servers)
    return text.replace(flink_ddl.REGISTRY_URL, registry_url)


def copy_statement(table: str, folder: Path) -> str:
    """Return the statement that writes what a table has now as lines of JSON."""
    options = {
        "connector": "filesystem",
        "path": f"file://{folder / table}",
        "format": "json",
        "json.encode.decimal-as-plain-number": "true",
    }
    shown = ", ".join(f"'{key}' = '{value}'" for key, value in options.items())
    bounded = "/*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */"
    source = f"SELECT * FROM {table} {bounded}"  # noqa: S608 - our own name
    return f"CREATE TABLE copy_of_{table} WITH ({shown}) AS {source};\n"


def raw_rows(table: str, folder: Path) -> list[dict[str, Any]]:
    """Return the lines that copy_statement wrote, decimals exact."""
    texts = [path.read_text(encoding="utf-8") for path in (folder / table).rglob("part-*")]
    lines = [line for text in texts for line in text.splitlines()]
    return [dict(json.loads(line, parse_float=Decimal)) for line in lines]


def bytes_of(text: str) -> bytes:
    """Return the bytes of a BYTES column."""
    return base64.b64decode(text)


def rows(table: str, folder: Path, fields: Sequence[Field]) -> list[KafkaRow]:
    """Return what copy_statement wrote, in the order of the topic."""
    return kafka_rows(raw_rows(table, folder), fields, millis)


def millis(text: str) -> int:
    """Return epoch milliseconds of Flink's text of a time, which is in UTC."""
    time = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    return round(time.timestamp() * 1000)
