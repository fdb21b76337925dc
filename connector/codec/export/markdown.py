"""The Markdown page of a kind: its topics, its fields with units and wire keys, a sample. Pure."""

import json
from collections.abc import Sequence

from connector.binance.catalogue import ROWS, subscribable
from connector.binance.catalogue.row import Row
from connector.codec.export import account_events
from connector.codec.export.contract import TopicContract, schemas_of
from connector.codec.export.sample import SampleOf
from connector.codec.schema import ACCOUNT_EVENTS, ACCOUNT_TOPICS, OWN, OWN_TOPICS, Field, Schema


def render(topics: Sequence[TopicContract], sample_of: SampleOf) -> str:
    """Return the page of each kind, with all its topics under the default prefix."""
    return "\n".join(_page(schema, sample_of) for schema in schemas_of(topics))


def _page(schema: Schema, sample_of: SampleOf) -> str:
    if schema.kind in OWN:
        return _own_page(schema)
    rows = [row for row in ROWS if row.kind == schema.kind and subscribable(row)]
    parts = [f"# {schema.kind}", schema.doc, "## Topics", *_topics(rows), "## Fields"]
    sample = sample_of(schema.kind)
    parts += [_fields(schema), "## A sample", f"From `{sample.stream}`:"]
    for value, indent in ((sample.payload, None), (sample.record, 1)):
        parts.append(f"```json\n{json.dumps(value, ensure_ascii=False, indent=indent)}\n```")
    return "\n\n".join(parts) + "\n"


def _own_page(schema: Schema) -> str:
    """Return the page of a kind that no stream has: the connector's own records."""
    topics = {**OWN_TOPICS, **ACCOUNT_TOPICS}
    [topic] = [topic for topic, kind in topics.items() if kind == schema.kind]
    lines = ["| field | type | meaning |", "|---|---|---|"]
    lines += [row.replace(" |  | ", " | ", 1) for field in schema.fields for row in _rows(field)]
    parts = [f"# {schema.kind}", schema.doc, f"Topic: `binance.{topic}`.", "## Fields"]
    parts.append("\n".join(lines))
    if schema.kind == ACCOUNT_TOPICS[ACCOUNT_EVENTS]:
        parts += account_events.section()
    return "\n\n".join(parts) + "\n"


def _topics(rows: list[Row]) -> list[str]:
    """Return a table for each product's topic: its streams and their rules."""
    parts = []
    for product in dict.fromkeys(row.product for row in rows):
        lines = [
            f"### binance.{product}.{rows[0].kind}",
            "",
            "| stream | status | endpoint | key | record time | sequence | cadence | backfill |",
            "|---|---|---|---|---|---|---|---|",
        ]
        lines += [_row(row) for row in rows if row.product == product]
        parts.append("\n".join(lines))
    return parts


def _row(row: Row) -> str:
    cells = (
        f"`{row.pattern}`",
        row.status,
        row.route or "unrouted",
        key_of(row),
        f"`{row.record_time}`",
        sequence_of(row),
        cadence_of(row),
        f"`{row.backfill.path}`" if row.backfill else "none",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def key_of(row: Row) -> str:
    """Return the source of the record key of a row."""
    keys = {"wire": "symbol in the payload", "event": "market in the event type"}
    return keys.get(row.symbol, f"{row.symbol} in the stream name")


def sequence_of(row: Row) -> str:
    """Return how the events of a row's series follow one another."""
    rule = row.sequence
    return {
        "contiguous": f"`{rule.first}` = previous + 1",
        "range": f"`{rule.first}` = previous `{rule.last}` + 1",
        "chained": f"`{rule.previous}` = previous `{rule.last}`",
        "increasing": f"`{rule.last}` grows, holes are normal",
        "candle": f"`{rule.first}` by the interval",
        "identity": "no ids: " + ", ".join(f"`{name}`" for name in row.identity),
    }[rule.rule]


def cadence_of(row: Row) -> str:
    """Return how often a row's events come, and the period of periodic ones."""
    return row.cadence if row.period_s is None else f"{row.cadence}, {row.period_s:g} s"


def _fields(schema: Schema) -> str:
    lines = ["| field | type | wire key | meaning |", "|---|---|---|---|"]
    lines += [row for field in schema.fields for row in _rows(field)]
    return "\n".join(lines)


def _rows(field: Field) -> list[str]:
    """Return the rows of a field and of the fields inside it."""
    above = f"{field.name}[]." if field.type == "array" else f"{field.name}."
    return [_field(field), *(_field(item, above) for item in field.items)]


def _field(field: Field, above: str = "") -> str:
    items = "records" if field.items else "strings"
    type_ = {"decimal": "decimal(38,18)", "array": f"array of {items}"}.get(field.type, field.type)
    type_ += " or null" if field.nullable else ""
    wire = ", ".join(f"`{path}`" for path in field.wire)
    meaning = field.doc.replace("|", "\\|")
    return f"| `{above}{field.name}` | {type_} | {wire} | {meaning} |"
