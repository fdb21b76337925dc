"""What a consumer makes of the account topic alone, beside the truth of a lab's account.

    view = AccountView()
    for record in records:  # in the topic's order; of all accounts, or of some
        view.take(record)
    assert view.repeats() == []
    assert view.differences("desk-1", account) == []  # account: connector.lab.account.LabAccount

A record is a mapping by the names of the schema `account-event`: as `codec.avro.to_json` or
fastavro reads it (nulls may be left out), or `AccountRecord.fields`. `alias`: what the records call
the lab's account. `since`: a copy of the ledger when the worker took its first picture: orders that
had ended and fills that had happened then are in no record, and nothing is said of them.

The rule is that of decision 19, "Readers": an order is by its newest transaction time, of equal
ones by what has filled, then by the last record; balances and positions by the newest time, then by
the last record; a fill is counted once for its `fill_key`.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from connector.lab.account.account import LabAccount, decimal_text
from connector.lab.account.ledger import LabFill, Ledger

Fields = Mapping[str, Any]
SCALE = Decimal(1).scaleb(-18)
# REST of options has its own words for what events call otherwise.
SAME_STATUS = {"ACCEPTED": "NEW", "CANCELLED": "CANCELED"}


class Place(NamedTuple):
    """Where an order, a balance or a position belongs; `market`: as in the record."""

    account: str
    product: str
    market: str | None


@dataclass(frozen=True, slots=True)
class State:
    """What was said last; `values` are compared with the truth."""

    order: tuple[Any, ...]
    values: tuple[Any, ...]


@dataclass(slots=True)
class AccountView:
    """Orders, fills, balances and positions, as the records so far tell them.

    Attributes:
        orders: By place, symbol and id (`algo/5` of conditional ones): status, filled quantity.
        fills: By fill key: quantity and price.
        balances: By place and asset: free and locked amount; of futures the wallet, and None.
        positions: By place, symbol and side: quantity.
        dedupe_keys: How often each came.
    """

    orders: dict[tuple[Place, str, str], State] = field(default_factory=dict)
    fills: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    balances: dict[tuple[Place, str], State] = field(default_factory=dict)
    positions: dict[tuple[Place, str, str], State] = field(default_factory=dict)
    dedupe_keys: Counter[str] = field(default_factory=Counter)
    _contradictions: list[str] = field(default_factory=list)

    def take(self, record: Fields) -> None:
        """Take the next record of the topic."""
        self.dedupe_keys[record["dedupe_key"]] += 1
        place = Place(record["account"], record["product"], record.get("market"))
        happened = _millis(record.get("transaction_time") or record.get("event_time")) or 0
        self._take_fill(record)
        self._take_order(place, record, happened)
        for balance in record.get("balances") or ():
            amounts = _amounts(balance)
            if amounts is not None:
                _put(self.balances, (place, balance["asset"]), State((happened,), amounts))
        for position in record.get("positions") or ():
            key = (place, position["symbol"], position.get("position_side") or "BOTH")
            _put(self.positions, key, State((happened,), (_number(position["quantity"]),)))

    def repeats(self) -> list[str]:
        """Return what a read_committed reader must not find.

        A dedupe key that came twice, and a fill key with two different fills.
        """
        twice = [f"{key} came {n} times" for key, n in self.dedupe_keys.items() if n > 1]
        return twice + self._contradictions

    def differences(
        self, alias: str, account: LabAccount, since: Ledger | None = None
    ) -> list[str]:
        """Return where the view of an account is not its truth; see above for `since`."""
        truth = true_view(alias, account, since)
        own = self.of(Place(alias, account.product, account.market))
        return [
            *_differing("order", _values(own.orders), _values(truth.orders)),
            *_differing("fill", own.fills, truth.fills),
            *_differing("balance", _values(own.balances), _values(truth.balances)),
            *_differing("position", _values(own.positions), _values(truth.positions)),
        ]

    def of(self, place: Place) -> "AccountView":
        """Return the part about one place."""
        head = _fill_head(place)
        return AccountView(
            {key: own for key, own in self.orders.items() if key[0] == place},
            {key: own for key, own in self.fills.items() if key.startswith(head)},
            {key: own for key, own in self.balances.items() if key[0] == place},
            {key: own for key, own in self.positions.items() if key[0] == place},
        )

    def _take_fill(self, record: Fields) -> None:
        key = record.get("fill_key")
        if key is None:
            return
        fill = _number(record["fill"]["quantity"]), _number(record["fill"]["price"])
        if self.fills.setdefault(key, fill) != fill:
            self._contradictions.append(f"{key} is {self.fills[key]} and {fill}")

    def _take_order(self, place: Place, record: Fields, happened: int) -> None:
        update = record.get("order_update") or {}
        status = update.get("order_status")
        if status is None:
            return
        filled = _number(update.get("filled_quantity"))
        number = order_number(record)
        values = SAME_STATUS.get(status, status), filled
        _put(self.orders, (place, record["symbol"], number), State((happened, filled), values))


def order_number(record: Fields) -> str:
    """Return the id of a record's order, unique within its symbol."""
    update = record.get("order_update") or {}
    for name, head in (("algo_id", "algo"), ("strategy_id", "strategy")):
        if update.get(name) and (name == "algo_id" or not record.get("order_id")):
            return f"{head}/{update[name]}"
    return str(record["order_id"])


def true_view(alias: str, account: LabAccount, since: Ledger | None = None) -> AccountView:
    """Return what a consumer ought to see of a lab account."""
    before, now, view = since or Ledger(), account.ledger, AccountView()
    place = Place(alias, account.product, account.market)
    ended = {
        number
        for number, order in before.orders.items()
        if not order.is_open and now.orders[number].update_ms == order.update_ms
    }
    for number, order in now.orders.items():
        if number not in ended:
            key = place, order.symbol, str(number)
            view.orders[key] = State((), (order.status, order.filled))
    for number, algo in now.algo_orders.items():
        if before.algo_orders.get(number) != algo or algo.is_open:
            state = State((), (algo.status, Decimal(0)))
            view.orders[place, algo.symbol, f"algo/{number}"] = state
    for fill in now.fills[len(before.fills) :]:
        view.fills[_fill_key(place, fill)] = fill.quantity, fill.price
    for asset, balance in now.balances.items():
        locked = None if account.is_futures else balance.locked
        view.balances[place, asset] = State((), (balance.free, locked))
    for (symbol, side), position in now.positions.items():
        view.positions[place, symbol, side] = State((), (position.amount,))
    return view


def _fill_head(place: Place) -> str:
    product = place.product if place.market is None else f"{place.product}.{place.market}"
    return f"{place.account}/{product}/"


def _fill_key(place: Place, fill: LabFill) -> str:
    return f"{_fill_head(place)}{fill.symbol}/{fill.trade_id}/{fill.order_id}"


def _put(states: dict[Any, State], key: Any, state: State) -> None:
    before = states.get(key)
    if before is None or state.order >= before.order:
        states[key] = state


def _values(states: Mapping[Any, State]) -> dict[Any, tuple[Any, ...]]:
    """Return the values of states; what is 0 counts as absent, as REST leaves it out."""
    return {key: state.values for key, state in states.items() if any(state.values)}


def _differing(name: str, seen: Mapping[Any, Any], true: Mapping[Any, Any]) -> list[str]:
    return [
        f"{name} {key}: seen {_text(seen.get(key))}, true {_text(true.get(key))}"
        for key in {**true, **seen}
        if seen.get(key) != true.get(key)
    ]


def _text(values: tuple[Any, ...] | None) -> str:
    if values is None:
        return "nothing"
    known = [value for value in values if value is not None]
    return " ".join(
        decimal_text(each) if isinstance(each, Decimal) else str(each) for each in known
    )


def _amounts(balance: Fields) -> tuple[Decimal, Decimal | None] | None:
    """Return free and locked amount, or the wallet and None; None: only a change is told."""
    if balance.get("wallet_balance") is not None:
        return _number(balance["wallet_balance"]), None
    if balance.get("free_amount") is None:
        return None
    return _number(balance["free_amount"]), _number(balance.get("locked_amount"))


def _number(value: Any) -> Decimal:
    if isinstance(value, bytes):
        return int.from_bytes(value, "big", signed=True) * SCALE
    return Decimal(value or 0)


def _millis(value: Any) -> int | None:
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value
