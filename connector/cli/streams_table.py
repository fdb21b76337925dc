"""The catalogue of every stream, as a table and as JSON."""

import json
from typing import Any

from rich.markup import escape

from connector.binance.catalogue import ROWS
from connector.binance.catalogue.row import Row
from connector.binance.products import Product
from connector.cli.console import UNLIMITED_WIDTH, out, table
from connector.codec.export.markdown import cadence_of, key_of, sequence_of

NARROW = ("product", "pattern", "kind", "status")
WIDE = (*NARROW, "endpoint", "topic", "key", "record_time", "sequence", "schema")
WIDE_FROM = 200  # columns of a terminal that shows them all


def show(product: Product | None, *, as_json: bool) -> None:
    """Print every stream, or those of one product."""
    rows = [row for row in ROWS if product in (None, row.product)]
    if as_json:
        out.print_json(json.dumps([describe(row) for row in rows]))
        return
    columns = WIDE if WIDE_FROM <= out.width < UNLIMITED_WIDTH else NARROW
    shown = table()
    for column in columns:
        fold = column == "pattern"
        shown.add_column(column.replace("_", " "), no_wrap=not fold, overflow="fold")
    for row in rows:
        values = describe(row)
        shown.add_row(*(escape(str(values[column] or "")) for column in columns))
    out.print(shown)
    wider = "" if columns is WIDE else f"; {WIDE_FROM} columns or --json show topics and rules"
    out.print(f"{len(rows)} streams{wider}", highlight=False)


def describe(row: Row) -> dict[str, Any]:
    """Return a row in JSON's types; an event has no record, so no topic, key or schema."""
    has_record = bool(row.kind)
    return {
        "product": row.product,
        "pattern": row.pattern,
        "status": row.status,
        "retired": row.retired,
        "successor": row.successor,
        "kind": row.kind or None,
        "endpoint": row.route,
        "topic": f"binance.{row.product}.{row.kind}" if has_record else None,
        "key": key_of(row) if has_record else None,
        "record_time": row.record_time if has_record else None,
        "sequence": sequence_of(row).replace("`", "") if has_record else None,
        "cadence": cadence_of(row),
        "parameters": {name: list(values) for name, values in row.parameters.items()},
        "schema": f"schemas/{row.kind}.avsc" if has_record else None,
        "backfill": row.backfill.path if row.backfill else None,
        "notes": row.notes,
        "source": row.source,
    }
