"""Progress of one account and product: the only cursor of its reconciliation. Pure.

What is written of an account, and what REST has proved to be complete. It is stored in the
transaction that writes the records. A floor moves by proof alone: by an answer that was read to its
end, never by a live event, because the exchange may deliver an older one later.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from connector.account.identity import distinct_key
from connector.account.records import AccountRecord
from connector.binance.account_events.layout import AccountProduct

Admission = Literal["new", "distinct", "repeated", "outlived"]
ENDED = frozenset(
    {"FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH", "FINISHED", "REPLACED"}
)
# What REST of options calls otherwise than its events do.
_SAME_STATUS = {"ACCEPTED": "NEW", "CANCELLED": "CANCELED"}
# Types whose trigger is an EXPIRED, before the same id goes on as NEW (futures).
_STOPS = ("STOP", "TAKE_PROFIT", "TRAILING")
BALANCE, POSITION = "balance/", "position/"  # begin the keys of states
LAG_MS = 60_000  # by which answers may be behind: what is asked by time is asked again for so long
ID_DIGITS = 19  # of the largest order id
MAX_UNPROVED = 5_000  # records since the last full picture; then a new one is due


class OrderMark(Struct, frozen=True):
    """The newest state of an order that was written."""

    time_ms: int
    status: str
    filled: int = 0  # unscaled
    may_go_on: bool = False  # it has not ended, or a stop that may be triggered only

    @property
    def has_ended(self) -> bool:
        """Say whether its status is final; a stop's EXPIRED may be its trigger."""
        return self.status in ENDED

    def is_newer_than(self, other: "OrderMark | None") -> bool:
        """Say whether it tells more than another state of the same order.

        Of one millisecond, what has filled less is older; else the order of arrival counts.
        """
        if other is None or self.time_ms != other.time_ms:
            return other is None or self.time_ms > other.time_ms
        return self.filled >= other.filled and (self.status, self.filled) != (
            other.status,
            other.filled,
        )


class ProgressStep(Struct, frozen=True, array_like=True, omit_defaults=True):
    """What one written record adds to the progress; it can be stored in place of the whole.

    Attributes:
        key: Dedupe key.
        digest: Of the payload.
        time_ms: When it happened; 0: nothing says so.
        fill: Trade and order id of its fill.
        order: `order_key` and state of its order.
        amounts: By `amounts_of`.
    """

    key: str
    digest: str
    time_ms: int = 0
    symbol: str = ""
    fill: tuple[int, str] | None = None
    order: tuple[str, OrderMark] | None = None
    amounts: dict[str, int] = field(default_factory=dict)


class SymbolCursor(Struct, frozen=True):
    """What is proved of a symbol.

    Attributes:
        since_ms: Until when it was complete; the way in where an id is None.
        trade_id: Every fill with a lower id is written.
        order_id: Every order with a lower id is written; it may go on (see `orders`).
    """

    since_ms: int
    trade_id: int | None = None
    order_id: int | None = None


class AccountProgress(Struct):
    """See above. It can be written as JSON by msgspec.

    Attributes:
        as_of_ms: When the last full picture was taken, by the exchange's clock; None: never.
        symbols: Every symbol that was ever seen, by `symbol_key`.
        fills: Trade and order ids, by `symbol_key`, of fills written at or above the floor.
        orders: By `order_key`: those that may go on, and those that ended since the last picture.
        amounts: Totals of assets and quantities of positions, unscaled, by `amounts_of`.
        states: When each of them changed, epoch milliseconds: what is older is no news.
        keys: Digests by dedupe keys, since `turned_ms`.
        earlier: The same, between `window_ms` and `turned_ms`.
        window_ms: Events that happened before it have no key here any more.
        turned_ms: The last picture from which on keys were collected anew: a minute at least after
            the one before, however many pictures there were. An event may come so late.
        isolated_symbol: Symbol of an isolated margin account; None: another account.
    """

    account: str
    product: AccountProduct
    as_of_ms: int | None = None
    symbols: dict[str, SymbolCursor] = field(default_factory=dict)
    fills: dict[str, set[tuple[int, str]]] = field(default_factory=dict)
    orders: dict[str, OrderMark] = field(default_factory=dict)
    amounts: dict[str, int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    earlier: dict[str, str] = field(default_factory=dict)
    window_ms: int = 0
    turned_ms: int = 0
    isolated_symbol: str | None = None

    def admit(self, record: AccountRecord) -> Admission:
        """Return what a record is beside those written; it is not remembered yet.

        distinct: its key is known, with another payload: both are kept (see `as_distinct`).
        """
        key = record.fields["dedupe_key"]
        digest = self.keys.get(key, self.earlier.get(key))
        if digest is not None and digest != record.digest:
            again = distinct_key(key, record.digest)
            return "repeated" if again in self.keys or again in self.earlier else "distinct"
        if digest is not None:
            return "repeated"
        happened = None if not self.has_fill(record.fields) else time_of(record.fields)
        return "outlived" if happened is not None and happened < self.window_ms else "new"

    def remember(self, record: AccountRecord) -> ProgressStep:
        """Note a record that is written in the same transaction; return what it adds."""
        step = step_of(record)
        self.apply(step)
        return step

    def apply(self, step: ProgressStep) -> None:
        """Take over what a written record adds, in the order in which they were written."""
        self.keys[step.key] = step.digest
        if step.symbol:
            self.symbols.setdefault(step.symbol, SymbolCursor(self.as_of_ms or 0))
        if step.fill is not None:
            self.fills.setdefault(step.symbol, set()).add(step.fill)
        if step.order is not None and step.order[1].is_newer_than(self.orders.get(step.order[0])):
            self.orders[step.order[0]] = step.order[1]
        for key, amount in step.amounts.items():
            if step.time_ms >= self.states.get(key, 0):
                self.amounts[key], self.states[key] = amount, step.time_ms

    def has_fill(self, fields: Mapping[str, Any]) -> bool:
        """Say whether the fill of a record is written; True of a record without one."""
        if "fill_key" not in fields:
            return True
        cursor = self.symbols.get(symbol_key(fields))
        if cursor and cursor.trade_id is not None and fields["trade_id"] < cursor.trade_id:
            return True
        pair = (fields["trade_id"], fields["order_id"])
        return pair in self.fills.get(symbol_key(fields), ())

    def has_ended_order(self, fields: Mapping[str, Any]) -> bool:
        """Say whether the order of a fetched row had ended when its symbol was last proved."""
        cursor, key = self.symbols.get(symbol_key(fields)), order_key(fields)
        if cursor is None or cursor.order_id is None or key in self.orders:
            return False
        if "/algo/" in key or "/strategy/" in key:  # they have ids of their own
            return False
        number = order_number(fields)
        return number is not None and number < cursor.order_id

    def tells_more(self, record: AccountRecord) -> bool:
        """Say whether an event has a newer state, a fill, or what no state tells."""
        fields = record.fields
        if not self.has_fill(fields):
            return True
        mark, states = order_mark(fields), amounts_of(fields)
        if mark is not None:
            return mark.is_newer_than(self.orders.get(order_key(fields)))
        happened = time_of(fields)
        if states and happened is not None:
            return any(happened >= self.states.get(key, happened) for key in states)
        return "fill_key" not in fields

    @property
    def picture_is_due(self) -> bool:
        """Say whether so much is unproved that the record would become too large."""
        return len(self.keys) > MAX_UNPROVED

    def close_window(self, as_of_ms: int, cursors: Mapping[str, SymbolCursor]) -> None:
        """Move the floors to what a full picture has proved, and forget what lies below."""
        self.as_of_ms = as_of_ms
        if as_of_ms - self.turned_ms >= LAG_MS:
            self.window_ms, self.turned_ms = self.turned_ms, as_of_ms
            self.earlier, self.keys = self.keys, {}
        self.symbols |= cursors
        for symbol, cursor in cursors.items():
            floor = cursor.trade_id
            known = self.fills.pop(symbol, set())
            kept = {pair for pair in known if floor is None or pair[0] >= floor}
            if kept:
                self.fills[symbol] = kept
        left = self.symbols.keys() - {*cursors}
        recent_ms = as_of_ms - 2 * LAG_MS  # what ended since may be in an answer again
        self.orders = {
            key: mark
            for key, mark in self.orders.items()
            if mark.may_go_on or mark.time_ms >= recent_ms or key.partition("/")[0] in left
        }


def step_of(record: AccountRecord) -> ProgressStep:
    """Return what a record adds to the progress once it is written."""
    fields = record.fields
    mark = order_mark(fields)
    return ProgressStep(
        fields["dedupe_key"],
        record.digest,
        time_of(fields) or 0,
        symbol_key(fields) if "symbol" in fields else "",
        (fields["trade_id"], fields["order_id"]) if "fill_key" in fields else None,
        None if mark is None else (order_key(fields), mark),
        amounts_of(fields),
    )


def time_of(fields: Mapping[str, Any]) -> int | None:
    """Return when it happened, epoch milliseconds; None: nothing says so."""
    happened: int | None = fields.get("transaction_time", fields.get("event_time"))
    return happened


def symbol_key(fields: Mapping[str, Any]) -> str:
    """Return the key of a record's symbol: markets of one account may have the same symbol."""
    return f"{_market_prefix(fields)}{fields.get('symbol')}"


def market_and_symbol(key: str) -> tuple[str | None, str]:
    """Return market and symbol of a `symbol_key`."""
    market, _, symbol = key.rpartition(":")
    return market or None, symbol


def _market_prefix(fields: Mapping[str, Any]) -> str:
    market = fields.get("market")
    return "" if market is None else f"{market}:"


def order_key(fields: Mapping[str, Any]) -> str:
    """Return the key of a record's order: conditional orders have ids of their own."""
    update = fields.get("order_update", {})
    if "algo_id" in update:
        place = f"algo/{update['algo_id']}"
    elif "order_id" not in fields and "strategy_id" in update:
        place = f"strategy/{update['strategy_id']}"
    else:
        place = str(fields.get("order_id"))
    return f"{symbol_key(fields)}/{place}"


def order_number(fields: Mapping[str, Any]) -> int | None:
    """Return the id of a record's order; None: it has none, or one that is no number."""
    return id_number(fields.get("order_id", ""))


def id_number(text: str) -> int | None:
    """Return an id that counts; None: it is no such number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= ID_DIGITS else None


def order_mark(fields: Mapping[str, Any]) -> OrderMark | None:
    """Return the state of the order in a record; None: it has none."""
    update = fields.get("order_update", {})
    status = update.get("order_status")
    if status is None or "symbol" not in fields:
        return None
    status = _SAME_STATUS.get(status, status)
    filled = int.from_bytes(update.get("filled_quantity", b""), "big", signed=True)
    goes_on = status not in ENDED or (status == "EXPIRED" and _is_stop(update))
    return OrderMark(time_of(fields) or 0, status, filled, goes_on)


def _is_stop(update: Mapping[str, Any]) -> bool:
    types = f"{update.get('order_type')} {update.get('original_order_type')}"
    return any(stop in types for stop in _STOPS)


def amounts_of(fields: Mapping[str, Any]) -> dict[str, int]:
    """Return the totals of assets and the quantities of positions in a record, unscaled.

    Positions are told by symbol and side: the legs of hedge mode are two. An asset of which only a
    change is told has no state.
    """
    found: dict[str, int] = {}
    prefix = _market_prefix(fields)
    for balance in fields.get("balances", ()):
        total = _total_of(balance)
        if total is not None:
            found[f"{BALANCE}{prefix}{balance['asset']}"] = total
    for position in fields.get("positions", ()):
        side = position.get("position_side", "")  # options have none
        key = f"{POSITION}{prefix}{position.get('symbol')}/{side}"
        found[key] = int.from_bytes(position.get("quantity", b""), "big", signed=True)
    return found


def _total_of(balance: Mapping[str, Any]) -> int | None:
    parts = [balance.get("wallet_balance")]
    if parts[0] is None:
        parts = [balance.get("free_amount"), balance.get("locked_amount")]
    known = [int.from_bytes(part, "big", signed=True) for part in parts if part is not None]
    return sum(known) if known and "asset" in balance else None
