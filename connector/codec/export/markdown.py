"""The page of a kind: its topics, its fields with units and wire keys, and one record."""

import json
from collections.abc import Iterable
from typing import Any

from connector.binance.catalogue import Row, subscribable
from connector.codec.schema import Field, Schema

_TYPES = {
    "timestamp-millis": "timestamp-millis",
    "decimal": "decimal(38,18)",
    "array": "array of records",
    "strings": "array of strings",
}


def page(
    schema: Schema, rows: Iterable[Row], wire: Any, record: dict[str, Any], stream: str
) -> str:
    """Return the page.

    Args:
        schema: The kind.
        rows: Its catalogue rows, of all products.
        wire: A payload, and
        record: the record it becomes, from
        stream: the stream of this wire name.
    """
    rows = [row for row in rows if subscribable(row)]
    parts = [
        f"# {schema.kind}",
        schema.doc,
        "## Topics",
        *_topics(rows),
        "## Fields",
        _fields(schema),
        "## A sample",
        f"From `{stream}`:",
        f"```json\n{json.dumps(wire, ensure_ascii=False)}\n```",
        f"```json\n{json.dumps(record, ensure_ascii=False, indent=1)}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def own_page(schema: Schema, topic: str) -> str:
    """Return the page of a record that no stream delivers: the connector writes it."""
    lines = ["| field | type | meaning |", "|---|---|---|"]
    lines += [_field(field).replace(" |  | ", " | ", 1) for field in schema.fields]
    parts = [f"# {schema.kind}", schema.doc, f"Topic: `{topic}`.", "## Fields", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _topics(rows: list[Row]) -> list[str]:
    """Return a table per product: what feeds its topic, and the rules."""
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
    """Return where the key of a row's records comes from."""
    return {"wire": "symbol in the payload", "event": "market in the event type"}.get(
        row.symbol, f"{row.symbol} in the stream name"
    )


def sequence_of(row: Row) -> str:
    """Return how a row's events follow one another."""
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
    """Return how often a row's events come."""
    period = "" if row.period_s is None else f", {row.period_s:g} s"
    return row.cadence + period


def _fields(schema: Schema) -> str:
    lines = ["| field | type | wire key | meaning |", "|---|---|---|---|"]
    for field in schema.fields:
        lines.append(_field(field))
        lines += [_field(item, above=f"{field.name}[].") for item in field.items]
    return "\n".join(lines)


def _field(field: Field, above: str = "") -> str:
    type_ = "strings" if field.type == "array" and not field.items else field.type
    type_ = _TYPES.get(type_, type_) + (" or null" if field.nullable else "")
    wire = ", ".join(f"`{path}`" for path in field.wire)
    meaning = field.doc.replace("|", "\\|")
    return f"| `{above}{field.name}` | {type_} | {wire} | {meaning} |"
