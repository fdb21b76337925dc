"""Writes the generated files of docs/ anew; a test fails on stale ones."""

from pathlib import Path

from connector.binance.catalogue import ROWS, subscribable
from connector.cli.schema_page import page
from connector.codec.export import Format
from connector.codec.export.contract import TopicContract, find, topics
from connector.codec.schema import ACCOUNT_EVENTS, ACCOUNT_TOPICS, DEAD_LETTER
from tools import account_events_page, chart_page, config_page, logs_page, metrics_page

DOCS = Path(__file__).parent.parent / "docs"
TOPICS = "topics"  # the folder that has no file but generated ones
DEAD_LETTER_PAGE = "../delivery.md#the-dead-letter"
# Of every topic, in one file each.
WHOLE: dict[str, Format] = {"binance_topics.py": "spark", "asyncapi.json": "asyncapi"}


def pages() -> dict[str, str]:
    """Return every generated file's text by its path below docs/."""
    every = topics()
    files = {f"{TOPICS}/{name}": page(every, format_) for name, format_ in WHOLE.items()}
    for kind in dict.fromkeys(topic.kind for topic in every):
        files[f"{TOPICS}/flink/{kind}.sql"] = page(find(kind), "flink-ddl")
        if kind != DEAD_LETTER:
            files[f"{TOPICS}/{kind}.md"] = page(find(kind), "markdown")
    return files | {
        f"{TOPICS}/README.md": index(every),
        "chart.md": chart_page.page(),
        "config.md": config_page.page(),
        "account-config.md": config_page.account_page(),
        "account-events.md": account_events_page.page(),
        "logs.md": logs_page.page(),
        "metrics.md": metrics_page.page(),
    }


HEAD = """\
# Topics

Generated from `schemas/` and the catalogue by `make docs`; [how to read them](../consume.md).
[binance_topics.py](binance_topics.py) reads all of them in Spark, [asyncapi.json](asyncapi.json)
describes them for AsyncAPI's tools, [flink/](flink) has their tables. `bkc schema` writes the same
for another prefix than `binance`.

| topic | streams | one record is | Flink |
|---|---|---|---|
"""


def index(every: list[TopicContract]) -> str:
    """Return the list of topics, each with its kind's page and table."""
    return HEAD + "".join(f"{_row(topic)}\n" for topic in every)


def _row(topic: TopicContract) -> str:
    target = DEAD_LETTER_PAGE if topic.schema is None else f"{topic.kind}.md"
    table = f"[sql](flink/{topic.kind}.sql)"
    cells = f"[{topic.name}]({target})", _streams(topic), topic.doc, table
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _streams(topic: TopicContract) -> str:
    patterns = [
        f"`{row.pattern}`"
        for row in ROWS
        if subscribable(row) and topic.name == f"binance.{row.product}.{row.kind}"
    ]
    if topic.kind == ACCOUNT_TOPICS[ACCOUNT_EVENTS]:
        return "user data streams"
    return ", ".join(patterns) or "none: ours"


if __name__ == "__main__":
    for path, text in pages().items():
        (DOCS / path).parent.mkdir(exist_ok=True)
        (DOCS / path).write_text(text, encoding="utf-8")
