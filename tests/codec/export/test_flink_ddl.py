"""Tables of Flink SQL. tests/engines runs them in Flink."""

import re

import pytest

from connector.codec.export import flink_ddl
from connector.codec.export.contract import TopicContract, find, topics
from connector.codec.export.sample import Sample

TOPICS = topics()


def no_sample(kind: str) -> Sample:
    raise AssertionError(f"no sample of {kind} is needed")


def columns(topic: TopicContract) -> dict[str, str]:
    """Return the physical and metadata columns of a topic's table: name -> the rest."""
    lines = flink_ddl.create_table(topic).splitlines()
    found = (re.match(r"  `(\w+)` (.*?),?$", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_a_table_has_every_field_in_order_and_not_null_where_it_is_never_null(
    topic: TopicContract,
) -> None:
    fields = topic.schema.fields if topic.schema else ()
    shown = columns(topic)
    names = [name for name in shown if not name.startswith("record_") and " AS " not in shown[name]]

    assert [name for name in names if name in {field.name for field in fields}] == [
        field.name for field in fields
    ]
    for field in fields:
        assert shown[field.name].endswith(" NOT NULL") != field.nullable


@pytest.mark.parametrize(
    ("name", "column", "type_"),
    [
        ("binance.spot.trade", "price", "DECIMAL(38, 18) NOT NULL"),
        ("binance.spot.trade", "event_time", "TIMESTAMP(3)"),
        ("binance.spot.trade", "trade_id", "BIGINT NOT NULL"),
        ("binance.spot.depth-diff", "bids",
         "ARRAY<ROW<`price` DECIMAL(38, 18) NOT NULL, `quantity` DECIMAL(38, 18) NOT NULL> "
         "NOT NULL> NOT NULL"),
        ("binance.progress", "open_gaps", "ARRAY<STRING NOT NULL> NOT NULL"),
        ("binance.account-events", "account_config",
         "ROW<`leverage` BIGINT, `multi_assets_mode` BOOLEAN>"),
        ("binance.dead-letter", "payload", "BYTES NOT NULL"),
        ("binance.dead-letter", "reason", "AS CAST(`record_headers`['reason'] AS STRING)"),
        ("binance.markers", "record_key", "STRING NOT NULL"),
        ("binance.markers", "record_time",
         "TIMESTAMP_LTZ(3) NOT NULL METADATA FROM 'timestamp' VIRTUAL"),
    ],
)  # fmt: skip
def test_a_field_has_the_type_that_flink_reads_right(name: str, column: str, type_: str) -> None:
    [topic] = find(name)

    assert columns(topic)[column] == type_


def test_no_two_topics_have_one_table() -> None:
    names = {flink_ddl.table_name(topic.name) for topic in TOPICS}

    assert len(names) == len(TOPICS)
    assert "binance_spot_agg_trade" in names


def test_a_statement_says_where_the_topic_is_and_reads_what_is_committed() -> None:
    statement = flink_ddl.create_table(find("md.usdm.agg-trade")[0])

    assert "'topic' = 'md.usdm.agg-trade'" in statement
    assert "'properties.isolation.level' = 'read_committed'" in statement
    assert "'value.format' = 'avro-confluent'" in statement
    assert "WATERMARK FOR `record_time`" in statement
    assert statement.endswith(");\n")


def test_each_statement_ends_its_line_as_the_sql_client_needs_it() -> None:
    """Flink's client takes what follows a semicolon on its line for a part of the statement."""
    for line in flink_ddl.render(TOPICS, no_sample).splitlines():
        if not line.startswith("--"):
            assert ";" not in line.removesuffix(";")


def test_quotes_in_a_comment_do_not_end_it() -> None:
    statements = flink_ddl.render(TOPICS, no_sample)

    for comment in re.findall(r"\) COMMENT '(.*)' WITH", statements):
        assert "'" not in comment.replace("''", "")
    assert statements.count("CREATE TABLE") == len(TOPICS)
    assert statements.count("SET 'table.local-time-zone' = 'UTC';") == 1
