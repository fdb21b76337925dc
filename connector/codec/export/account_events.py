"""The tables of user data events in the page of `account-event`. Pure."""

from connector.binance.account_events import ACCOUNT_PRODUCTS, LAYOUTS
from connector.binance.account_events.layout import EventLayout

_INTRODUCTION = """\
One table a product. `o.s` is key `s` inside object `o`; `B[].a` is key `a` of each object in array
`B`. Where a value is null, an empty text, or 0 for a time, the field is null. A key that is not
here is kept in `extra`; so is a value that does not fit its field. An event type that is not here
is kept whole in `raw_json`."""


def section() -> list[str]:
    """Return the paragraphs: for each product a table of its events and their wire keys."""
    parts = ["## Events", _INTRODUCTION]
    for product in ACCOUNT_PRODUCTS:
        lines = ["| event | status | unique by | wire keys | notes |", "|---|---|---|---|---|"]
        lines += [_row(layout) for layout in LAYOUTS if layout.product == product]
        parts += [f"### {product}", "\n".join(lines)]
    return parts


def _row(layout: EventLayout) -> str:
    keys = ", ".join(f"`{path}` {field}" for path, field in layout.fields.items())
    unique = ", ".join(f"`{path}`" for path in layout.dedupe)
    return f"| `{layout.event}` | {layout.status} | {unique} | {keys} | {layout.notes} |"
