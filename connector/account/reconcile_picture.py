"""A full picture of an account: what it holds, what moved since, and which symbols to ask. Pure."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from connector.account.progress import (
    BALANCE,
    AccountProgress,
    amounts_of,
    market_and_symbol,
    order_key,
    symbol_key,
    time_of,
)
from connector.account.reconcile_rows import FactRow
from connector.account.records import AccountRecord
from connector.binance.account_events.layout import AccountProduct
from connector.binance.account_events.rest_rows import BALANCE_STATE, POSITION_STATE

Pairs = Mapping[str, tuple[str, str]]  # symbol -> base and quote asset


@dataclass(slots=True)
class Picture:
    """Rows of the account, taken one after the other.

    Attributes:
        as_of_ms: When the first of its answers was given: nothing older is missing in it.
        states: Balances, positions and risk.
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


class AbsentRow(NamedTuple):
    """What is in no answer any more; `happened_ms`: its last change that is known."""

    fact: str
    row: FactRow
    happened_ms: int


# Which keys of a balance's row have its amounts, as account_events/rest_rows*.py have them.
_AMOUNT_KEYS: Mapping[tuple[AccountProduct, str | None], tuple[str, ...]] = {
    ("usdm", None): ("balance",),
    ("coinm", None): ("balance",),
    ("options", None): ("marginBalance",),
    ("portfolio_margin", None): ("crossMarginFree", "crossMarginLocked"),
    ("portfolio_margin", "UM"): ("umWalletBalance",),
    ("portfolio_margin", "CM"): ("cmWalletBalance",),
    ("portfolio_margin_pro", None): ("crossMarginFree", "crossMarginLocked"),
    ("portfolio_margin_pro", "UM"): ("umWalletBalance",),
    ("portfolio_margin_pro", "CM"): ("cmWalletBalance",),
    ("portfolio_margin_pro", "OPTION"): ("optionWalletBalance",),
}


def moved_assets(
    progress: AccountProgress, picture: Picture, markets: Collection[str | None]
) -> set[tuple[str | None, str]]:
    """Return market and asset of the balances whose total is no longer what was written last.

    Of these markets alone.
    """
    before, after = progress.amounts, picture.amounts()
    moved = {key for key in before | after if before.get(key, 0) != after.get(key, 0)}
    places = (
        market_and_symbol(key.removeprefix(BALANCE)) for key in moved if key.startswith(BALANCE)
    )
    return {place for place in places if place[0] in markets}


def absent_rows(progress: AccountProgress, picture: Picture) -> list[AbsentRow]:
    """Return facts and rows of amounts that were written and are in no answer any more: now 0.

    Answers leave out what is empty (positionRisk v3 lists no flat position). A row has the time of
    the last change that is known: a live event that is newer goes on top of it.
    """
    rows: list[AbsentRow] = []
    shown, product = picture.amounts(), progress.product
    for key, amount in progress.amounts.items():
        if not amount or key in shown:
            continue
        kind, _, rest = key.partition("/")
        place, _, side = rest.partition("/")
        market, name = market_and_symbol(place)
        if kind == BALANCE.rstrip("/"):
            names = _AMOUNT_KEYS.get((product, market), ("free", "locked"))
            fact, row = BALANCE_STATE, {"asset": name, **dict.fromkeys(names, "0")}
        else:
            amount_key = "quantity" if product == "options" else "positionAmt"
            fact, row = POSITION_STATE, {"symbol": name, amount_key: "0"}
            row |= {"positionSide": side} if side else {}
        found = FactRow(market, json.dumps(row).encode())
        rows.append(AbsentRow(fact, found, progress.states[key]))
    return rows


def symbols_to_ask(
    progress: AccountProgress,
    picture: Picture,
    live: Iterable[AccountRecord],
    movers: Iterable[str],
    traded: Iterable[str],
) -> list[str]:
    """Return the keys of symbols, the most urgent first, each once.

    Those of events that wait, of open orders, of what moved, and every one ever seen: an order may
    have been made and filled in the break.

    Args:
        progress: Of the account.
        picture: The newest.
        live: Events that wait.
        movers: Keys of symbols that income names.
        traded: Keys of symbols whose assets moved: see `traded_pairs`.
    """
    names = [
        *(symbol_key(record.fields) for record in live if "order_id" in record.fields),
        *(key.partition("/")[0] for key in progress.orders),
        *(symbol_key(record.fields) for record in picture.orders),
        *movers,
        *traded,
        *progress.symbols,
    ]
    return list(dict.fromkeys(names))


def traded_pairs(moved: Collection[tuple[str | None, str]], pairs: Pairs) -> list[str]:
    """Return the keys of symbols of which both assets moved: they may have been traded.

    Spot and margin have no income that would name them.
    """
    found: list[str] = []
    for market in dict.fromkeys(place[0] for place in moved):
        assets = {asset for name, asset in moved if name == market}
        own = pairs.get(market or "")  # isolated margin has one pair
        known = pairs if market is None or own is None else {market: own}
        prefix = "" if market is None else f"{market}:"
        found += [f"{prefix}{symbol}" for symbol, pair in known.items() if assets.issuperset(pair)]
    return found


def unexplained(
    moved: Collection[tuple[str | None, str]], records: Iterable[AccountRecord], pairs: Pairs
) -> list[tuple[str | None, str]]:
    """Return market and asset of what moved without a fill or an event that names it.

    A deposit, a transfer or a conversion moves an asset too; so does a trade on a symbol that was
    not asked for, whose other asset is back where it was.
    """
    named: set[tuple[str | None, str]] = set()
    for record in records:
        fields = record.fields
        assets: list[str] = []
        if "fill" in fields:
            assets += pairs.get(fields["symbol"], ())
            assets.append(fields["fill"].get("commission_asset", ""))
        if fields["origin"] == "live":
            assets += [balance.get("asset", "") for balance in fields.get("balances", ())]
        named |= {(fields.get("market"), asset) for asset in assets}
    return sorted(set(moved) - named, key=lambda place: (place[1], place[0] or ""))
