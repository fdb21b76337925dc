"""docs/account-events.md: every user data event, from the layouts in binance/account_events/."""

import re

from connector.binance.account_events import ACCOUNT_PRODUCTS, LAYOUTS
from connector.binance.account_events.layout import EventLayout

INTRODUCTION = """\
# Events of accounts

Generated from the layouts in `connector/binance/account_events/` by `make docs`.

Each event is a record of [`binance.account-events`](topics/account-event.md). Beside its head it
fills these sections. *Unique by* is what its `dedupe_key` is made of, by wire keys, together with
account, product and event type. *Status*: `legacy` and `deprecated` by Binance's pages;
`unverified`: sources contradict each other.

An event that is not in the table is kept whole, in `raw_json`, and counted. Facts that are fetched
(`order_state`, `fill`, `balance_state`, `position_state`): [account.md](account.md#after-a-break).
"""
HEAD = "\n## {product}\n\n| event | fills | unique by | status |\n|---|---|---|---|\n"
# Fields of the head that say what an event is about; all other single fields are in every record.
_SUBJECTS = ("symbol", "order_id", "trade_id", "change_reason", "update_id")


def page() -> str:
    """Return docs/account-events.md."""
    parts = [INTRODUCTION]
    for product in ACCOUNT_PRODUCTS:
        parts.append(HEAD.format(product=product))
        parts += [_row(layout) for layout in LAYOUTS if layout.product == product]
    return "".join(parts)


def _row(layout: EventLayout) -> str:
    unique = ", ".join(f"`{path}`" for path in layout.dedupe)
    status = f"{layout.status}: {layout.notes}" if layout.notes else layout.status
    return f"| `{layout.event}` | {_filled(layout)} | {unique} | {status.replace('|', '/')} |\n"


def _filled(layout: EventLayout) -> str:
    """Return the sections of the record that the event fills, then what it names in its head."""
    fields = layout.fields.values()
    sections = {re.split(r"\[|\.", field)[0] for field in fields if "." in field}
    named = [name for name in _SUBJECTS if name in fields]
    shown = [f"**{name}**" for name in sorted(sections)] + [f"`{name}`" for name in named]
    return ", ".join(shown) or "its time alone"
