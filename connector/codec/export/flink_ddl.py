"""Tables of Flink SQL: one CREATE TABLE a topic, for the Kafka connector and avro-confluent. Pure.

What each choice avoids was seen on Flink 1.20.0 and 2.3.0 (docs/consume.md): a nullable column
that the writer does not have is NULL without a word, a TIMESTAMP_LTZ cannot be read from Avro, a
decimal of another scale has another value.
"""

import re
from collections.abc import Sequence

from connector.codec.export.contract import TopicContract
from connector.codec.export.sample import SampleOf
from connector.codec.schema import Field

BOOTSTRAP_SERVERS = "KAFKA:9092"
REGISTRY_URL = "http://REGISTRY:8081"
WATERMARK_DELAY_S = 10
_HEAD = f"""\
-- Tables of Flink SQL, written by `bkc schema --format flink-ddl` (docs/consume.md).
-- Put your addresses in place of {BOOTSTRAP_SERVERS} and {REGISTRY_URL}.
-- Needs the jars flink-sql-connector-kafka and flink-sql-avro-confluent-registry.
-- TIMESTAMP(3) columns hold UTC.
SET 'table.local-time-zone' = 'UTC';
-- Else an empty partition holds every window back.
SET 'table.exec.source.idle-timeout' = '5 s';
"""
_TYPES = {
    "string": "STRING",
    "long": "BIGINT",
    "int": "INT",
    "boolean": "BOOLEAN",
    "timestamp-millis": "TIMESTAMP(3)",
    "decimal": "DECIMAL(38, 18)",
}
# Of each record, not of its value. No schema has fields of these names.
RECORD_COLUMNS = (
    "`record_time` TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL",
    "`record_partition` INT NOT NULL METADATA FROM 'partition' VIRTUAL",
    "`record_offset` BIGINT NOT NULL METADATA FROM 'offset' VIRTUAL",
    "`record_headers` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL",
)


def render(topics: Sequence[TopicContract], _sample_of: SampleOf) -> str:
    """Return the statements: settings of the session, then a table for each topic."""
    return "\n".join([_HEAD, *(create_table(topic) for topic in topics)])


def table_name(topic: str) -> str:
    """Return the table of a topic: `binance_spot_agg_trade` for binance.spot.agg-trade."""
    return re.sub(r"\W", "_", topic)


def create_table(topic: TopicContract) -> str:
    """Return the statement that creates a topic's table."""
    fields = topic.schema.fields if topic.schema else ()
    columns = [f"`{field.name}` {_type(field)}" for field in fields]
    if topic.schema is None:
        columns = ["`payload` BYTES NOT NULL"]
    columns = ["`record_key` STRING NOT NULL", *columns, *RECORD_COLUMNS]
    if topic.schema is None:
        columns += [
            f"`{name}` AS CAST(`record_headers`['{name}'] AS STRING)" for name, _ in topic.headers
        ]
    columns.append(
        f"WATERMARK FOR `record_time` AS `record_time` - INTERVAL '{WATERMARK_DELAY_S}' SECOND"
    )
    body = ",\n  ".join(columns)
    options = ",\n  ".join(f"'{key}' = '{value}'" for key, value in _options(topic).items())
    return (
        f"-- The key is {topic.key}; record_time is {topic.time}.\n"
        f"CREATE TABLE `{table_name(topic.name)}` (\n  {body}\n)"
        f" COMMENT '{_quoted(topic.doc)}' WITH (\n  {options}\n);\n"
    )


def _options(topic: TopicContract) -> dict[str, str]:
    options = {
        "connector": "kafka",
        "topic": topic.name,
        "properties.bootstrap.servers": BOOTSTRAP_SERVERS,
        "properties.isolation.level": "read_committed",  # the default reads aborted records too
        "scan.startup.mode": "earliest-offset",
        "key.format": "raw",
        "key.fields": "record_key",
        "value.fields-include": "EXCEPT_KEY",
    }
    if topic.schema is None:
        return options | {"value.format": "raw"}
    return options | {
        "value.format": "avro-confluent",
        "value.avro-confluent.url": REGISTRY_URL,
    }


def _type(field: Field) -> str:
    """Return a column's type, NOT NULL wherever the field is never null."""
    if field.type == "array":
        items = f"ROW<{_row(field)}>" if field.items else "STRING"
        name = f"ARRAY<{items} NOT NULL>"
    elif field.type == "record":
        name = f"ROW<{_row(field)}>"
    else:
        name = _TYPES[field.type]
    return name if field.nullable else f"{name} NOT NULL"


def _row(field: Field) -> str:
    return ", ".join(f"`{item.name}` {_type(item)}" for item in field.items)


def _quoted(text: str) -> str:
    """Return a text for a comment; a semicolon would end the statement for some clients."""
    return text.replace("'", "''").replace(";", ",")
