"""How the demo looks: a live table on a terminal, plain lines elsewhere, and the summary."""

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich.panel import Panel
from rich.table import Table

from connector.cli.demo.tally import Counts, Tally

TURN_S = 4.0  # how long a page of topics stands
ORDER = ("spot", "usdm", "coinm", "options")


def live(counts: Counts, seconds: float, lag: int, note: str, most: int) -> Panel:
    """Return the table while data flows: `most` topics at a time, all of them in turn.

    Rates are per second since the start.
    """
    table = Table(box=None, header_style="bold", padding=(0, 1))
    for column in ("topic", "messages", "rate/s", "last value"):
        table.add_column(column, justify="right" if column in ("messages", "rate/s") else "left")
    tallies = _sorted(counts.tallies.values())
    start = most * int(seconds / TURN_S) % max(1, len(tallies))
    for tally in tallies[start : start + most]:
        rate = f"{tally.read / seconds:,.0f}" if seconds >= 1 else ""
        table.add_row(tally.topic, f"{tally.read:,}", rate, tally.last)
    title = f"{note}  {counts.read:,} records read back, {lag:,} to come"
    shown = f"{min(most, len(tallies))} of {len(tallies)} topics"
    return Panel(table, title=title, subtitle=shown, title_align="left", border_style="dim")


def summary(tallies: Iterable[Tally], *, proved: bool) -> Table:
    """Return the proof: sent against read. Without an oracle only what was read."""
    table = Table(box=None, header_style="bold", padding=(0, 1))
    columns = ("product", "kind", "sent", "read", "missing", "repeated")
    for column in columns if proved else ("product", "kind", "read"):
        table.add_column(column, justify="left" if column in ("product", "kind") else "right")
    for tally in _sorted(tallies):
        cells = [tally.product, tally.kind]
        if proved:
            cells += [f"{tally.sent:,}", f"{tally.read:,}"]
            cells += [_alarm(tally.missing), _alarm(tally.repeated)]
        else:
            cells.append(f"{tally.read:,}")
        table.add_row(*cells)
    return table


def record(sample: dict[str, Any] | None) -> str:
    """Return one record as a consumer sees it."""
    return json.dumps(sample or {}, default=_text, indent=2, ensure_ascii=False)


def _sorted(tallies: Iterable[Tally]) -> list[Tally]:
    return sorted(tallies, key=lambda tally: (ORDER.index(tally.product), tally.kind))


def _alarm(number: int) -> str:
    return f"[bold red]{number:,}[/]" if number else "0"


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
