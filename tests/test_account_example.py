"""The example's view of accounts, from the records of every sample and of the lab's accounts."""

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pytest

from connector.account.layouts import KIND
from connector.account.records import AccountRecord, AccountRecorder
from connector.binance.account_events import account_product
from connector.codec.schema import load
from connector.lab.account.account import LabAccount
from connector.lab.account.script import AccountScript, scripted_accounts
from connector.lab.clock import Clock
from connector.lab.message import encode
from examples.python.account_view import ENDED, AccountView, Record
from tests.support.account import record_of
from tests.support.account_view import true_view

SAMPLES = sorted((Path(__file__).parent / "account" / "samples").glob("*/*.json"))
SCHEMA = fastavro.parse_schema(json.loads(load(KIND).text))
ALIAS, STEPS = "desk-1", 40


def as_read(record: AccountRecord) -> Record:
    """Return a record as the example reads it from Kafka."""
    read: Any = fastavro.schemaless_reader(io.BytesIO(record.encode(1)[5:]), SCHEMA, None)
    return dict(read)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_sample_is_taken_and_drawn(path: Path) -> None:
    frame = json.dumps(json.loads(path.read_text())["frame"]).encode()
    record = as_read(record_of(account_product(path.parent.name), frame))
    view = AccountView()

    view.take(record)

    update = record["order_update"] or {}
    assert len(view.orders) == (update.get("order_status") is not None)
    assert len(view.fills) == (record["fill_key"] is not None)
    assert view.lines()[-1] == f"{len(view.fills)} fills"


SCRIPTS = scripted_accounts(ALIAS, 3, Clock(lambda: 1_795_000_020.0))
NAMES = [f"{each.account.product} {each.account.market or ''}".strip() for each in SCRIPTS]


def played(number: int) -> tuple[LabAccount, list[Record]]:
    """Return one of the scripted accounts after some steps, and the records of its events."""
    seconds = iter(range(1_795_000_020, 1_796_000_000))
    clock = Clock(lambda: float(next(seconds)))
    script: AccountScript = scripted_accounts(ALIAS, 3, clock)[number]
    account = script.account
    isolated = account.market if account.product == "margin" else None
    recorder = AccountRecorder(ALIAS, account.product, isolated)
    events = [event for _ in range(STEPS) for event in script.step()]
    return account, [as_read(recorder.record(encode(event), 0)) for event in events]


@pytest.mark.parametrize("number", range(len(SCRIPTS)), ids=lambda number: NAMES[number])
def test_orders_and_fills_are_those_of_the_lab_however_often_records_come(number: int) -> None:
    account, records = played(number)
    view = AccountView()

    for record in [*records, *records]:
        view.take(record)

    truth = true_view(ALIAS, account)
    assert view.fills.keys() == truth.fills.keys()
    assert {key[2] for key, state in view.orders.items() if not ended(state.values)} == {
        key[2] for key, state in truth.orders.items() if state.values[0] not in ENDED
    }


def ended(update: Record) -> bool:
    return update["order_status"] in ENDED


def order(status: str, filled: str, at: int) -> Record:
    """Return a record of one order."""
    event = {
        "e": "ORDER_TRADE_UPDATE",
        "E": at,
        "T": at,
        "o": {
            "s": "BTCUSDT", "c": "x", "S": "BUY", "o": "STOP_MARKET", "f": "GTC", "q": "2",
            "p": "0", "ap": "0", "sp": "9", "x": status, "X": status, "i": 7, "l": "0",
            "z": filled, "L": "0", "T": at, "t": 0,
        },
    }  # fmt: skip
    return as_read(AccountRecorder(ALIAS, "usdm").record(encode(event), 0))


def test_a_stop_that_triggers_is_open_again_under_its_id() -> None:
    view = AccountView()
    for record in (order("EXPIRED", "0", 5), order("NEW", "0", 5), order("NEW", "1", 6)):
        view.take(record)

    [line, _] = view.lines()
    assert line == "desk-1 usdm             order BUY BTCUSDT 1/2 at 0 NEW 7"


def test_an_older_state_that_comes_later_is_not_taken() -> None:
    view = AccountView()
    for record in (order("FILLED", "2", 8), order("NEW", "0", 5)):
        view.take(record)

    [state] = view.orders.values()
    assert (state.values["order_status"], state.values["filled_quantity"]) == (
        "FILLED",
        Decimal(2),
    )


@pytest.mark.parametrize(
    ("product", "event"),
    [
        ("spot", {"e": "executionReport", "E": 1, "i": 5, "X": "NEW", "S": "BUY"}),
        ("spot", {"e": "outboundAccountPosition", "E": 1, "B": [{"f": "1", "l": "0"}]}),
        ("usdm", {"e": "ACCOUNT_UPDATE", "E": 1, "a": {"P": [{"pa": "1", "ps": "BOTH"}]}}),
    ],
)
def test_what_names_no_symbol_or_asset_is_left_out(product: Any, event: dict[str, Any]) -> None:
    view = AccountView()

    view.take(as_read(record_of(product, json.dumps(event).encode())))

    assert (view.orders, view.balances, view.positions) == ({}, {}, {})
