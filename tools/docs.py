"""Writes the generated pages of docs/ anew; a test fails on stale ones."""

from pathlib import Path

from connector.binance.catalogue import ROWS, subscribable
from connector.cli.schema_page import page
from connector.codec.schema import (
    ACCOUNT_EVENTS,
    ACCOUNT_TOPICS,
    DEAD_LETTER,
    OWN,
    kinds,
    load,
    own_topics,
)
from tools import config_page, metrics_page

DOCS = Path(__file__).parent.parent / "docs"
TOPICS = "topics"  # the folder that has no page but generated ones
RAW = "The raw bytes of what could not become a record; why is in the headers"


def pages() -> dict[str, str]:
    """Return every generated page by its path below docs/."""
    topics = {f"{TOPICS}/{kind}.md": page(kind, "markdown") for kind in (*kinds(), *OWN)}
    return topics | {
        f"{TOPICS}/README.md": index(),
        "config.md": config_page.page(),
        "account-config.md": config_page.account_page(),
        "metrics.md": metrics_page.page(),
    }


def index() -> str:
    """Return the list of topics, each with its kind's page."""
    lines = ["# Topics", "", "Generated from `schemas/` and the catalogue by `make docs`.", ""]
    lines += ["| topic | streams | one record is |", "|---|---|---|"]
    for topic, (kind, patterns) in sorted(_topics().items()):
        meaning = load(kind).doc.split(". ")[0].rstrip(".").replace("|", "\\|")
        streams = ", ".join(f"`{pattern}`" for pattern in patterns).replace("|", "\\|")
        lines.append(f"| [{topic}]({kind}.md) | {streams} | {meaning} |")
    for topic, kind in own_topics("binance").items():
        lines.append(f"| [{topic}]({kind}.md) | none: ours | {load(kind).doc.split('. ')[0]} |")
    for topic, kind in ACCOUNT_TOPICS.items():
        meaning = load(kind).doc.split(". ")[0]
        source = "user data streams" if topic == ACCOUNT_EVENTS else "none: ours"
        lines.append(f"| [binance.{topic}]({kind}.md) | {source} | {meaning} |")
    lines.append(
        f"| [binance.{DEAD_LETTER}](../delivery.md#the-dead-letter) | none: ours | {RAW} |"
    )
    return "\n".join(lines) + "\n"


def _topics() -> dict[str, tuple[str, list[str]]]:
    found: dict[str, tuple[str, list[str]]] = {}
    for row in ROWS:
        if subscribable(row):
            topic = f"binance.{row.product}.{row.kind}"
            found.setdefault(topic, (row.kind, []))[1].append(row.pattern)
    return found


if __name__ == "__main__":
    (DOCS / TOPICS).mkdir(exist_ok=True)
    for path, text in pages().items():
        (DOCS / path).write_text(text, encoding="utf-8")
