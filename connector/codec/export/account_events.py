"""The tables of user data events in the page of `account-event`. Pure."""

from connector.binance.account_events import ACCOUNT_PRODUCTS, FACT_LAYOUTS, LAYOUTS
from connector.binance.account_events.layout import EventLayout

_INTRODUCTION = """\
One table a product. `o.s` is key `s` inside object `o`; `B[].a` is key `a` of each object in array
`B`. Where a value is null, an empty text, or 0 for a time, the field is null. A key that is not
here is kept in `extra`; so is a value that does not fit its field. An event type that is not here
is kept whole in `raw_json`."""

_FACTS = """\
Rows of answers, as they are written after a break or at the start: they have `as_of`, and `origin`
is `reconcile` or `snapshot`. A fact of another product is kept whole in `raw_json`."""


def section() -> list[str]:
    """Return the paragraphs: for each product a table of its events and their wire keys."""
    parts = ["## Events", _INTRODUCTION]
    for product in ACCOUNT_PRODUCTS:
        lines = ["| event | status | unique by | wire keys | notes |", "|---|---|---|---|---|"]
        lines += [_row(layout) for layout in LAYOUTS if layout.product == product]
        parts += [f"### {product}", "\n".join(lines)]
    lines = ["| product, fact | unique by | keys of the row |", "|---|---|---|"]
    lines += [_fact_row(layout) for layout in FACT_LAYOUTS]
    return [*parts, "## Fetched facts", _FACTS, "\n".join(lines)]


def _fact_row(layout: EventLayout) -> str:
    unique, keys = _cells(layout)
    return f"| {layout.product} `{layout.event}` | {unique} | {keys} |"


def _cells(layout: EventLayout) -> tuple[str, str]:
    """Return what tells an event apart, and its wire keys with their fields."""
    keys = ", ".join(f"`{path}` {field}" for path, field in layout.fields.items())
    return ", ".join(f"`{path}`" for path in layout.dedupe), keys


def _row(layout: EventLayout) -> str:
    unique, keys = _cells(layout)
    return f"| `{layout.event}` | {layout.status} | {unique} | {keys} | {layout.notes} |"
