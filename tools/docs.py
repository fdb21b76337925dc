"""Writes the generated pages anew: docs/topics/, docs/config.md; a test fails on stale ones."""

from pathlib import Path

from connector.binance.catalogue import ROWS, subscribable
from connector.cli.schema import OWN_TOPICS, page
from connector.codec.schema import OWN, kinds, load
from tools import config_page

DOCS = Path(__file__).parent.parent / "docs"
FOLDER = DOCS / "topics"
DEAD_LETTER = "binance.dead-letter"
RAW = "The raw bytes of what could not become a record; why is in the headers"


def pages() -> dict[str, str]:
    """Return every generated page by file name."""
    made = {f"{kind}.md": page(kind) for kind in (*kinds(), *OWN)}
    return made | {"README.md": index()}


def index() -> str:
    """Return the list of topics, each with its kind's page."""
    lines = ["# Topics", "", "Generated from `schemas/` and the catalogue by `make docs`.", ""]
    lines += ["| topic | streams | one record is |", "|---|---|---|"]
    for topic, (kind, patterns) in sorted(_topics().items()):
        meaning = load(kind).doc.split(". ")[0].rstrip(".").replace("|", "\\|")
        streams = ", ".join(f"`{pattern}`" for pattern in patterns).replace("|", "\\|")
        lines.append(f"| [{topic}]({kind}.md) | {streams} | {meaning} |")
    for kind, topic in OWN_TOPICS.items():
        lines.append(f"| [{topic}]({kind}.md) | none: ours | {load(kind).doc.split('. ')[0]} |")
    lines.append(f"| [{DEAD_LETTER}](../delivery.md#the-dead-letter) | none: ours | {RAW} |")
    return "\n".join(lines) + "\n"


def _topics() -> dict[str, tuple[str, list[str]]]:
    found: dict[str, tuple[str, list[str]]] = {}
    for row in ROWS:
        if subscribable(row):
            topic = f"binance.{row.product}.{row.kind}"
            found.setdefault(topic, (row.kind, []))[1].append(row.pattern)
    return found


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    (DOCS / "config.md").write_text(config_page.page(), encoding="utf-8")
