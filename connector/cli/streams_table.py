"""The catalogue of every stream, as a table and as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from connector.binance.catalogue import ROWS
from connector.binance.catalogue.row import Row
from connector.binance.products import Product
from connector.cli.console import UNLIMITED_WIDTH, out, print_lines
from connector.cli.text_table import columns, table
from connector.codec.export.markdown import cadence_of, key_of, sequence_of

NARROW = ("pattern", "product", "kind", "status")
WIDE = (*NARROW, "endpoint", "topic", "key", "record_time", "sequence", "schema")


def show(product: Product | None, *, as_json: bool) -> None:
    """Print every stream, or those of one product."""
    rows = [row for row in ROWS if product in (None, row.product)]
    if as_json:
        out.print_json(json.dumps([describe(row) for row in rows]))
        return
    wide = columns(_cells(WIDE, rows))
    fits = max(map(len, wide)) <= out.width < UNLIMITED_WIDTH
    head, *cells = _cells(NARROW, rows)
    wider = "" if fits else "; a wider terminal or --json shows topics and rules"
    print_lines(wide if fits else table(head, cells, out.width))
    print_lines([f"{len(rows)} streams{wider}"])


def _cells(names: Sequence[str], rows: Sequence[Row]) -> list[list[str]]:
    described = [describe(row) for row in rows]
    cells = [[str(values[name] or "") for name in names] for values in described]
    return [[name.replace("_", " ") for name in names], *cells]


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
