"""What a reader makes of the account topic, compared with what the account did. No I/O."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.cli.demo.tally import Tally

OrderKey = tuple[str, str, str]  # product, symbol, id


@dataclass(slots=True)
class AccountCounts:
    """Every account record read.

    Attributes:
        read: How many.
        fills: Fill keys by product; one fill has one key, however it came.
        orders: Time, filled quantity and status of the newest state of every order.
        repeated: Records beyond the first of their `dedupe_key`, by product.
        sample: A record of a fill, for display.
        fetched: Fills that were missed and then fetched.
    """

    read: int = 0
    fills: dict[str, set[str]] = field(default_factory=dict)
    orders: dict[OrderKey, tuple[Any, ...]] = field(default_factory=dict)
    repeated: Counter[str] = field(default_factory=Counter)
    sample: Mapping[str, Any] | None = None
    fetched: set[str] = field(default_factory=set)
    _keys: set[str] = field(default_factory=set)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take one record, as the deserialiser returned it."""
        self.read += 1
        product = record["product"]
        self.repeated[product] += record["dedupe_key"] in self._keys
        self._keys.add(record["dedupe_key"])
        if (fill_key := record["fill_key"]) is not None:
            self.fills.setdefault(product, set()).add(fill_key)
            if record["origin"] == "reconcile":
                self.fetched.add(fill_key)
            elif self.sample is None:
                self.sample = record
        self._add_order(product, record)

    def _add_order(self, product: str, record: Mapping[str, Any]) -> None:
        """Keep the newest state: by time, of equal ones by what has filled, then the last."""
        update = record["order_update"]
        if update is None or update["order_status"] is None or record["order_id"] is None:
            return  # conditional orders have ids of their own
        key = product, record["symbol"], str(record["order_id"])
        happened = record["transaction_time"] or record["event_time"]
        state = happened, update["filled_quantity"] or 0, update["order_status"]
        if key not in self.orders or state[:2] >= self.orders[key][:2]:
            self.orders[key] = state

    def compare(
        self, fills: Iterable[tuple[str, str]], orders: Mapping[OrderKey, str]
    ) -> list[Tally]:
        """Return a tally of fills and one of orders for each product.

        An order whose newest state is not its true one counts as missing.
        """
        tallies: dict[tuple[str, str], Tally] = {}
        for product, key in fills:
            tally = _tally(tallies, product, "account fills")
            tally.sent += 1
            tally.missing += key not in self.fills.get(product, ())
        for order, status in orders.items():
            tally = _tally(tallies, order[0], "account orders")
            tally.sent += 1
            tally.missing += self.orders.get(order, (None,))[-1] != status
        for product, keys in self.fills.items():
            tally = _tally(tallies, product, "account fills")
            tally.read, tally.repeated = len(keys), self.repeated[product]
        for product, _, _ in self.orders:
            _tally(tallies, product, "account orders").read += 1
        return list(tallies.values())


def _tally(tallies: dict[tuple[str, str], Tally], product: str, kind: str) -> Tally:
    return tallies.setdefault((product, kind), Tally(product, kind))
