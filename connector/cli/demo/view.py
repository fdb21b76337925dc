"""The demo's output: a live table while data flows, and the summary."""

import json
import os
import shutil
import sys
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from rich.panel import Panel
from rich.table import Table

from connector.binance.products import PRODUCTS
from connector.cli.console import out, print_lines, table
from connector.cli.demo.account_tally import AccountCounts
from connector.cli.demo.tally import Counts, Tally

# Fields shown of an account record: those of a fill.
FILL = ("account", "product", "event_type", "origin", "symbol", "order_id", "fill_key", "fill")
PAGE_S = 4.0  # how long the same topics are shown
NEXT = (
    ("init", "writes a config file to begin with"),
    ("check", "what a config file means, without any network"),
    ("demo --broker kafka", "the same against a real Kafka and registry"),
    ("streams", "every stream there is"),
)


def live(counts: Counts, seconds: float, lag: int, title: str, height: int) -> Panel:
    """Return the table while data flows; `height` topics are shown at a time, all take turns.

    `seconds` is the time since the first record; `lag` the records stored and not read yet.
    """
    shown = table()
    for column in ("topic", "messages", "rate/s", "last value"):
        shown.add_column(column, justify="right" if column in ("messages", "rate/s") else "left")
    tallies = _sorted(counts.tallies.values())
    start = height * int(seconds / PAGE_S) % max(1, len(tallies))
    for tally in tallies[start : start + height]:
        rate = f"{tally.read / seconds:,.0f}" if seconds >= 1 else ""
        shown.add_row(tally.topic, f"{tally.read:,}", rate, tally.last)
    topics = f"{min(height, len(tallies))} of {len(tallies)} topics"
    read = f"{topics}, {counts.read:,} records read back, {lag:,} to come"
    return Panel(shown, title=title, subtitle=read, title_align="left", border_style="dim")


def summary(tallies: Iterable[Tally], *, proved: bool) -> Table:
    """Return sent and read by kind; `proved` is False where nothing is known of what was sent."""
    shown = table()
    columns = ("product", "kind", "sent", "read", "missing", "repeated")
    for column in columns if proved else ("product", "kind", "read"):
        shown.add_column(column, justify="left" if column in ("product", "kind") else "right")
    for tally in _sorted(tallies):
        cells = [tally.product, tally.kind, f"{tally.sent:,}", f"{tally.read:,}"]
        cells += [_red(tally.missing), _red(tally.repeated)]
        shown.add_row(*(cells if proved else (*cells[:2], cells[3])))
    return shown


def print_samples(counts: Counts, account_counts: AccountCounts) -> None:
    """Print a record of each worker, and the gaps that were filled."""
    out.print("\nOne record, as a consumer reads it:", highlight=False)
    out.print_json(json.dumps(counts.sample or {}, default=_text, ensure_ascii=False))
    if account_counts.sample is not None:
        out.print("\nA fill of the account (what is null is left out):", highlight=False)
        shown = {name: value for name, value in account_counts.sample.items() if name in FILL}
        out.print_json(json.dumps(_without_nulls(shown), default=_text, ensure_ascii=False))
    for filled in counts.filled:
        print_lines([f"Lost on the way, marked, and fetched through REST: {filled}"])
    if account_counts.fetched:
        fetched = f"{len(account_counts.fetched)} fills"
        print_lines([f"Missed while the account's connection was cut, and fetched: {fetched}"])


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_nulls(own) for name, own in value.items() if own is not None}
    return value


def print_result(text: str, *, good: bool) -> None:
    """Print the last line in green or red, and commands to try next."""
    colour = "green" if good else "red"
    out.print(f"\n[bold {colour}]{text}[/]", highlight=False)
    program = "bkc" if shutil.which("bkc") else os.path.relpath(sys.argv[0])
    commands = [f"  {program} {command:<26} {meaning}" for command, meaning in NEXT]
    out.print("\n".join(["\nNext:", *commands]), highlight=False, soft_wrap=True)


def _sorted(tallies: Iterable[Tally]) -> list[Tally]:
    return sorted(tallies, key=lambda tally: (PRODUCTS.index(tally.product), tally.kind))


def _red(number: int) -> str:
    return f"[bold red]{number:,}[/]" if number else "0"


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
