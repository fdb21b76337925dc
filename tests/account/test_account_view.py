"""The consumer of tests/support/account_view.py sees the truth, and what is missing."""

from collections.abc import Iterator

import pytest

from connector.account.records import AccountRecord, AccountRecorder
from connector.lab.account.account import LabAccount
from connector.lab.account.risk_account import RiskAccount
from connector.lab.account.script import AccountScript, scripted_accounts
from connector.lab.clock import Clock
from connector.lab.message import encode
from tests.support.account import shown
from tests.support.account_view import AccountView

ALIAS = "desk-1"
STEPS = 60
SCRIPTS = scripted_accounts("main", 3, Clock(lambda: 1_795_000_020.0))
NAMES = [f"{each.account.product} {each.account.market or ''}".strip() for each in SCRIPTS]
TRADING = [n for n, each in enumerate(SCRIPTS) if not isinstance(each.account, RiskAccount)]


def clock() -> Clock:
    seconds: Iterator[float] = iter(range(1_795_000_020, 1_796_000_000))
    return Clock(lambda: float(next(seconds)))


def played(number: int) -> tuple[LabAccount, list[AccountRecord]]:
    """Return one of the scripted accounts after some steps, and the records of its events."""
    script: AccountScript = scripted_accounts("main", 3, clock())[number]
    account = script.account
    isolated = account.market if account.product == "margin" else None
    recorder = AccountRecorder(ALIAS, account.product, isolated)
    events = [event for _ in range(STEPS) for event in script.step()]
    return account, [recorder.record(encode(event), 0) for event in events]


@pytest.fixture(scope="module", params=TRADING, ids=lambda n: NAMES[n])
def account_and_records(request: pytest.FixtureRequest) -> tuple[LabAccount, list[AccountRecord]]:
    return played(request.param)


def view_of(records: list[AccountRecord]) -> AccountView:
    view = AccountView()
    for record in records:
        view.take(record.fields)
    return view


def differences(view: AccountView, account: LabAccount) -> list[str]:
    """Return differences but of balances that never moved."""
    found = view.differences(ALIAS, account)
    start = {"USDT": 1_000_000, "BTC": 100, "ETH": 1_000}
    still = [
        asset for asset, own in account.ledger.balances.items() if own.free == start.get(asset)
    ]
    return [line for line in found if not any(f"'{asset}')" in line for asset in still)]


def test_the_events_of_an_account_lead_to_its_truth(
    account_and_records: tuple[LabAccount, list[AccountRecord]],
) -> None:
    account, records = account_and_records
    view = view_of(records)

    assert differences(view, account) == []
    assert {bool(part) for part in (view.orders, view.fills, view.balances)} == {True}


def test_records_read_from_avro_make_the_same_view() -> None:
    account, records = played(NAMES.index("usdm"))
    view = AccountView()
    for record in records:
        view.take(shown(record))

    assert view.fills == view_of(records).fills
    assert differences(view, account) == []


def test_a_lost_fill_is_a_difference(
    account_and_records: tuple[LabAccount, list[AccountRecord]],
) -> None:
    account, records = account_and_records
    lost = next(record.fields["fill_key"] for record in records if "fill_key" in record.fields)
    kept = [record for record in records if record.fields.get("fill_key") != lost]

    lines = [line for line in differences(view_of(kept), account) if line.startswith("fill")]
    assert len(lines) == 1
    assert lines[0].startswith(f"fill {lost}: seen nothing, true ")


def test_a_dedupe_key_that_comes_twice_is_a_repeat() -> None:
    _account, records = played(0)

    view = view_of([*records, records[0]])

    assert view.repeats() == [f"{records[0].fields['dedupe_key']} came 2 times"]


def test_two_fills_of_one_key_are_a_contradiction() -> None:
    _account, records = played(0)
    fill = next(record for record in records if "fill_key" in record.fields)
    other = {**fill.fields, "fill": {**fill.fields["fill"], "quantity": b"\x01"}}
    view = view_of(records)

    view.take({**other, "dedupe_key": "another"})

    assert len(view.repeats()) == 1
    assert view.repeats()[0].startswith(fill.fields["fill_key"])


def test_what_ended_before_the_first_picture_is_not_asked_for() -> None:
    account, _records = played(0)
    since = account.ledger.copy()

    view = AccountView()

    lines = view.differences(ALIAS, account, since)
    assert all(line.startswith(("order", "balance")) for line in lines)
    assert len([line for line in lines if line.startswith("order")]) == len(
        account.ledger.open_orders()
    )


def test_of_one_millisecond_the_order_that_has_filled_more_is_newer() -> None:
    _account, records = played(0)
    states = [record.fields for record in records if "order_update" in record.fields]
    filled = next(each for each in states if each["order_update"]["order_status"] == "FILLED")
    placed = next(
        each for each in states if each["order_id"] == filled["order_id"] and each is not filled
    )
    late = {"transaction_time": filled["transaction_time"], "dedupe_key": "late"}
    view = view_of(records)
    before = dict(view.orders)

    view.take({**placed, **late})

    assert view.orders == before
