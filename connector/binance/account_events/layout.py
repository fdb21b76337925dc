"""The columns of a user data event's layout, and what its fields are called in a record. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

AccountProduct = Literal[
    "spot",
    "margin",
    "margin_risk",
    "margin_uta",
    "usdm",
    "coinm",
    "options",
    "portfolio_margin",
    "portfolio_margin_pro",
    "stocks",
]
EventStatus = Literal["live", "legacy", "deprecated", "unverified"]
# Wire path -> record field. `o.s` is key `s` inside object `o`, `B[].a` key `a` of each object in
# array `B`. `balances[].asset` is a field of each of the record's balances; for a path outside an
# array it is that of the only one.
FieldMap = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FillRule:
    """When an event has a fill: a trade id, a quantity above 0, and one of `FILL_EXECUTIONS`.

    Attributes:
        execution: Wire path of the execution type; "": every event is a fill.
        no_trade: Trade id that stands for none.
    """

    execution: str = ""
    no_trade: int = 0


# TRADE, and CALCULATED for liquidations.
FILL_EXECUTIONS = frozenset({"TRADE", "CALCULATED"})


@dataclass(frozen=True, slots=True)
class EventLayout:
    """One event type of one product.

    Attributes:
        fields: Where each wire key goes.
        dedupe: Wire paths whose values together are unique to an event within its account and
            product; `subscriptionId` is the wrapper's.
        fill: Where it has a fill; None: it never has.
        ignored: Wire paths that no field has, on purpose.
        secret: Wire paths whose values must not be kept.
    """

    product: AccountProduct
    event: str
    fields: FieldMap
    dedupe: tuple[str, ...]
    fill: FillRule | None = None
    ignored: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    status: EventStatus = "live"
    notes: str = ""


TIMES: FieldMap = {"E": "event_time", "T": "transaction_time"}


def inside(parent: str, fields: FieldMap) -> FieldMap:
    """Return the layout of an object under a key."""
    return {f"{parent}.{path}": field for path, field in fields.items()}


def every(parent: str, target: str, fields: FieldMap) -> FieldMap:
    """Return the layout of an array of objects, each of which becomes an item of `target`."""
    return {f"{parent}[].{path}": f"{target}[].{field}" for path, field in fields.items()}


def order_update(fields: FieldMap) -> FieldMap:
    """Return the layout of fields that belong to the record's `order_update`."""
    return {path: f"order_update.{field}" for path, field in fields.items()}


def events(
    product: AccountProduct, names: tuple[str, ...], status: EventStatus = "live", notes: str = ""
) -> tuple[EventLayout, ...]:
    """Return the layouts of events that say nothing but that they happened."""
    return tuple(
        EventLayout(product, name, {"E": "event_time"}, ("E",), status=status, notes=notes)
        for name in names
    )
