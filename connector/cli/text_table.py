"""Tables as lines of text, whose cells are never cut: a name can be read and copied whole."""

from collections.abc import Iterable, Sequence
from textwrap import wrap

GAP = "  "


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], width: int, right: int = -1
) -> list[str]:
    """Return a table: its columns aligned, or each row in several lines where the width is less.

    Column `right` is flush right.
    """
    all_rows = [head, *rows]
    lines = columns(all_rows, right)
    if max(map(len, lines)) <= width:
        return lines
    return [line for row in all_rows for line in _block(row, width)]


def columns(rows: Iterable[Sequence[str]], right: int = -1) -> list[str]:
    """Return rows as lines with aligned columns; column `right` is flush right."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [">" if number == right else "<" for number in range(len(widths))]
    form = GAP.join(f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=True))
    return [form.format(*row).rstrip() for row in rows]


def _block(row: Sequence[str], width: int) -> list[str]:
    """Return a row as its first cell and, indented, the others: as many a line as fit."""
    name, *others = row
    text = GAP.join(cell for cell in others if cell)
    return [name, *wrap(text, width, initial_indent=GAP, subsequent_indent=GAP,
                        break_long_words=False, break_on_hyphens=False)]  # fmt: skip
