"""A full picture of an account: what it holds, what moved since, and which symbols to ask. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.account.progress import (
    BALANCE,
    POSITION,
    AccountProgress,
    amounts_of,
    order_key,
    time_of,
)
from connector.account.records import AccountRecord
from connector.binance.account_events.rest_rows import BALANCE_STATE, POSITION_STATE

Pairs = Mapping[str, tuple[str, str]]  # symbol -> base and quote asset


@dataclass(slots=True)
class Picture:
    """Rows of the account, taken one after the other.

    Attributes:
        as_of_ms: When the first of its answers was given: nothing older is missing in it.
        states: Balances and positions.
        orders: Open orders, algo orders too.
        missing: What was not answered: nothing may be concluded from its rows.
    """

    as_of_ms: int
    states: list[AccountRecord] = field(default_factory=list)
    orders: list[AccountRecord] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def amounts(self) -> dict[str, int]:
        """Return the amounts of its balances and positions: see `amounts_of`."""
        merged: dict[str, int] = {}
        for record in self.states:
            merged |= amounts_of(record.fields)
        return merged

    def open_keys(self) -> set[str]:
        """Return the keys of the open orders."""
        return {order_key(record.fields) for record in self.orders}


def landed_between(first: Picture, second: Picture, live: Sequence[AccountRecord]) -> set[str]:
    """Return the balances and positions that changed between two pictures without an event."""
    before, after = first.amounts(), second.amounts()
    moved = {key for key in before | after if before.get(key, 0) != after.get(key, 0)}
    times = {
        key: time_of(row.fields) or 0 for row in second.states for key in amounts_of(row.fields)
    }
    explained = {
        key
        for event in live
        for key, amount in amounts_of(event.fields).items()
        if amount == after.get(key, 0) or (time_of(event.fields) or 0) > times.get(key, 0)
    }
    return moved - explained


def moved_assets(progress: AccountProgress, picture: Picture) -> set[str]:
    """Return the assets whose total is no longer what was written last."""
    before, after = progress.amounts, picture.amounts()
    moved = {key for key in before | after if before.get(key, 0) != after.get(key, 0)}
    return {key.removeprefix(BALANCE) for key in moved if key.startswith(BALANCE)}


def absent_rows(progress: AccountProgress, picture: Picture) -> list[tuple[str, bytes]]:
    """Return facts and rows of amounts that were written and are in no answer any more: now 0.

    Answers leave out what is empty (positionRisk v3 lists no flat position). A row has the time of
    the last change that is known: a live event that is newer goes on top of it.
    """
    rows: list[tuple[str, bytes]] = []
    shown = picture.amounts()
    for key, amount in progress.amounts.items():
        row: dict[str, object]
        if not amount or key in shown:
            continue
        if key.startswith(BALANCE):
            fact = BALANCE_STATE
            row = {"asset": key.removeprefix(BALANCE), "free": "0", "locked": "0", "balance": "0"}
        else:
            fact = POSITION_STATE
            symbol, side = key.removeprefix(POSITION).split("/")
            row = {"symbol": symbol, "positionSide": side, "positionAmt": "0"}
        rows.append((fact, json.dumps(row | {"updateTime": progress.states[key]}).encode()))
    return rows


def symbols_to_ask(
    progress: AccountProgress,
    picture: Picture,
    live: Iterable[AccountRecord],
    movers: Iterable[str],
    pairs: Pairs,
) -> list[str]:
    """Return symbols, the most urgent first, each once.

    Those of events that wait, of open orders, of what moved, and every one ever seen: an order may
    have been made and filled in the break. `movers`: symbols that income names. Spot has no
    income: two assets of a pair that both moved may have been traded.
    """
    moved = moved_assets(progress, picture)
    names = [
        *(record.fields["symbol"] for record in live if "order_id" in record.fields),
        *(key.partition("/")[0] for key in progress.orders),
        *(record.fields["symbol"] for record in picture.orders),
        *movers,
        *(symbol for symbol, pair in pairs.items() if moved.issuperset(pair)),
        *progress.symbols,
    ]
    return list(dict.fromkeys(names))


def unexplained(moved: set[str], records: Iterable[AccountRecord], pairs: Pairs) -> list[str]:
    """Return the assets that moved without a fill or an event that names them.

    A deposit, a transfer or a conversion moves an asset too; so does a trade on a symbol that was
    not asked for, whose other asset is back where it was.
    """
    named: set[str] = set()
    for record in records:
        fields = record.fields
        if "fill" in fields:
            named.update(pairs.get(fields["symbol"], ()))
            named.add(fields["fill"].get("commission_asset", ""))
        if fields["origin"] == "live":
            named.update(balance.get("asset", "") for balance in fields.get("balances", ()))
    return sorted(moved - named)
