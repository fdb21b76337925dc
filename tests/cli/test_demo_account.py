"""What the demo makes of the account topic: fills and orders compared with the account's truth."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connector.account.records import AccountRecorder
from connector.cli.demo.account import ALIAS
from connector.cli.demo.account_tally import AccountCounts
from connector.cli.demo.tally import Tally
from connector.codec.avro import decode_record
from connector.codec.schema import ACCOUNT_EVENTS, ACCOUNT_TOPICS, load
from connector.lab.account.account import Event
from connector.lab.account.spot_account import SpotAccount
from connector.lab.clock import Clock
from connector.lab.message import encode

NOW_S = 1_795_000_020.0
FIVE, PRICE = Decimal(5), Decimal(100)


@pytest.fixture
def account() -> SpotAccount:
    return SpotAccount(ALIAS, 1, {"USDT": Decimal(10_000)}, Clock(lambda: NOW_S), "spot")


def records(events: list[Event]) -> Iterator[dict[str, Any]]:
    """Yield the records of the events about orders, as a consumer reads them."""
    recorder, schema = AccountRecorder(ALIAS, "spot"), load(ACCOUNT_TOPICS[ACCOUNT_EVENTS])
    for event in events:
        if event["e"] != "executionReport":
            continue  # two of a balance may have one key: the worker tells them apart
        record = recorder.record(encode(event), int(NOW_S * 1e6))
        yield decode_record(schema, record.encode(1))


def bought(account: SpotAccount) -> list[Event]:
    """Buy five in two parts; return the events."""
    events = account.place("BTCUSDT", "BUY", FIVE, PRICE)
    return events + account.fill(account.last_order_id, (Decimal(2), PRICE), (Decimal(3), PRICE))


def tallies(counts: AccountCounts, account: SpotAccount) -> list[Tally]:
    """Compare what was read with everything that the account did."""
    fills = [
        ("spot", f"{ALIAS}/spot/{fill.symbol}/{fill.trade_id}/{fill.order_id}")
        for fill in account.ledger.fills
    ]
    orders = {
        ("spot", order.symbol, str(number)): order.status
        for number, order in account.ledger.orders.items()
    }
    return counts.compare(fills, orders)


def test_all_that_happened_is_read_once(account: SpotAccount) -> None:
    counts = AccountCounts()
    for record in records(bought(account)):
        counts.add(record)

    assert tallies(counts, account) == [
        Tally("spot", "account fills", sent=2, read=2),
        Tally("spot", "account orders", sent=1, read=1),
    ]


def test_what_was_not_read_is_missing(account: SpotAccount) -> None:
    counts = AccountCounts()
    for record in list(records(bought(account)))[:-1]:  # without the last fill
        counts.add(record)

    assert [tally.missing for tally in tallies(counts, account)] == [1, 1]


def test_a_record_read_twice_is_repeated(account: SpotAccount) -> None:
    counts = AccountCounts()
    for record in records(bought(account)):
        counts.add(record)
    counts.add(record)

    assert [tally.repeated for tally in tallies(counts, account)] == [1, 0]


def test_a_fill_that_came_live_after_it_was_fetched_counts_once(account: SpotAccount) -> None:
    counts = AccountCounts()
    for record in records(bought(account)):
        if record["fill_key"] is not None:
            counts.add(record | {"origin": "reconcile", "dedupe_key": f"of {record['fill_key']}"})
        counts.add(record)

    assert [tally.read for tally in tallies(counts, account)] == [2, 1]
    assert len(counts.fetched) == 2
