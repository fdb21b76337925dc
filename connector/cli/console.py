"""Printing for people: results on standard output, errors and warnings on standard error."""

from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

out = Console()
err = Console(stderr=True, soft_wrap=True)


def fail(message: str, code: int) -> int:
    """Print an error and return the exit code."""
    err.print(message, style="red", markup=False, highlight=False)
    return code


def print_lines(lines: Iterable[str]) -> None:
    """Print lines as they are; the terminal wraps those that are too long."""
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def table() -> Table:
    """Return an empty table without frame."""
    return Table(box=None, header_style="bold", padding=(0, 1))


def progress_bar() -> Progress:
    """Return a progress bar for standard error: what is done, how far, of how many, time left."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    return Progress(*columns, TimeRemainingColumn(), console=err, transient=True)


def count(number: int, noun: str) -> str:
    """Return `1 stream`, `2 streams`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
