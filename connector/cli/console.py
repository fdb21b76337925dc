"""Printing for people: results on standard output, errors, warnings and progress on standard error.

On a terminal, lines break between words at its width. In a pipe or a file they stay whole, so that
`grep` finds them.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from textwrap import wrap

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

UNLIMITED_WIDTH = 10_000  # columns
LINE_INTERVAL_S = 10.0  # between two lines of progress where no bar can be shown
Report = Callable[[str, int, int], None]  # what is done, how far, of how many


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr)
    limited = console.is_terminal or "COLUMNS" in os.environ
    return console if limited else Console(stderr=stderr, width=UNLIMITED_WIDTH)


out = _console(stderr=False)
err = _console(stderr=True)


def fail(message: str, code: int) -> int:
    """Print an error and return the exit code."""
    _print(err, message, "red")
    return code


def warn(text: str) -> None:
    """Print a warning."""
    _print(err, f"warning: {text}", "yellow")


def note(text: str) -> None:
    """Print what is no result, for whoever waits."""
    _print(err, text)


def print_lines(lines: Iterable[str], style: str | None = None, indent: int = 0) -> None:
    """Print lines of a result.

    `style`: rich's, on a terminal; `indent`: columns before what continues a line.
    """
    for line in lines:
        _print(out, line, style, indent)


def _print(console: Console, text: str, style: str | None = None, indent: int = 0) -> None:
    """Print a text, broken between words; a word that is too long, such as a URL, stays whole."""
    for line in text.split("\n"):
        parts = wrap(
            line,
            console.width,
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for part in parts or [""]:
            console.print(part, style=style, markup=False, highlight=False, soft_wrap=True)


def table() -> Table:
    """Return an empty table without frame."""
    return Table(box=None, header_style="bold", padding=(0, 1))


@contextlib.contextmanager
def progress(begin: str) -> Iterator[Report]:
    """Show how far something is: a bar with the time left, or a line every LINE_INTERVAL_S.

    `begin` is shown until the first report.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    lines = _Interval()
    with _bar(*columns, TimeRemainingColumn()) as bar:
        task = bar.add_task(begin, total=None)

        def report(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=max(done, total))
            if not err.is_terminal and lines.is_over(time.monotonic()):
                note(f"{what}: {done:,} of {total:,}")

        yield report


@contextlib.contextmanager
def download() -> Iterator[Callable[[str, int], None]]:
    """Show what is fetched; the callable takes its name, and the bytes that have come since."""
    columns = TextColumn("fetching {task.description}"), BarColumn(), DownloadColumn()
    with _bar(*columns, TimeElapsedColumn()) as bar:
        tasks = {}

        def report(what: str, received: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
                if not err.is_terminal:
                    note(f"fetching {what}")
            bar.advance(tasks[what], received)

        yield report


def _bar(*columns: ProgressColumn) -> Progress:
    """Return a bar that leaves nothing behind; not on a terminal it shows nothing at all."""
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show what is waited for: a spinner on a terminal, else a line."""
    if err.is_terminal:
        with err.status(what):
            yield
    else:
        note(what)
        yield


class _Interval:
    """Says when LINE_INTERVAL_S have passed since it last said so, or since the first question."""

    def __init__(self) -> None:
        self._since: float | None = None

    def is_over(self, now: float) -> bool:
        if self._since is None:
            self._since = now
        over = now - self._since >= LINE_INTERVAL_S
        if over:
            self._since = now
        return over


def count(number: int, noun: str) -> str:
    """Return `1 stream`, `2 streams`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
