"""`bkc streams`: the catalogue of every stream, for people and for machines."""

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from connector.binance.catalogue import ROWS, Row
from connector.binance.products import PRODUCTS
from connector.cli.console import out
from connector.codec.export.markdown import cadence_of, key_of, sequence_of
from connector.errors import Refused

NARROW = ("product", "pattern", "kind", "status")
WIDE = (
    *NARROW,
    "endpoint",
    "topic",
    "key",
    "record_time",
    "sequence",
    "schema",
)
WIDE_FROM = 200  # columns a terminal needs for all of it


def streams(
    product: Annotated[str | None, typer.Option(help="Only this product's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """List every stream: pattern, status, kind, endpoint, topic, key, time and sequence rule."""
    if product is not None and product not in PRODUCTS:
        raise Refused(f"--product {product!r} is none of {', '.join(PRODUCTS)}")
    rows = [row for row in ROWS if product in (None, row.product)]
    if as_json:
        out.print_json(json.dumps([describe(row) for row in rows]))
        return
    columns = WIDE if out.width >= WIDE_FROM else NARROW
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for column in columns:
        fold = column == "pattern"
        table.add_column(column.replace("_", " "), no_wrap=not fold, overflow="fold")
    for row in rows:
        shown = describe(row)
        table.add_row(*(escape(str(shown[column] or "")) for column in columns))
    out.print(table)
    wider = "" if columns is WIDE else f"; {WIDE_FROM} columns or --json show topics and rules"
    out.print(f"{len(rows)} streams{wider}", highlight=False)


def describe(row: Row) -> dict[str, Any]:
    """Return a row as JSON can hold it."""
    made = bool(row.kind)
    return {
        "product": row.product,
        "pattern": row.pattern,
        "status": row.status,
        "retired": row.retired,
        "successor": row.successor,
        "kind": row.kind or None,
        "endpoint": row.route,
        "topic": f"binance.{row.product}.{row.kind}" if made else None,
        "key": key_of(row) if made else None,
        "record_time": row.record_time if made else None,
        "sequence": sequence_of(row).replace("`", "") if made else None,
        "cadence": cadence_of(row),
        "parameters": {name: list(values) for name, values in row.parameters.items()},
        "schema": f"schemas/{row.kind}.avsc" if made else None,
        "backfill": row.backfill.path if row.backfill else None,
        "notes": row.notes,
        "source": row.source,
    }
