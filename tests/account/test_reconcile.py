"""What is asked and written after a break: the traps of others, and any interleaving."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.account.progress import AccountProgress
from connector.account.reconcile import Reconciliation
from connector.account.reconcile_queries import Query
from connector.account.reconcile_result import Reconciled
from connector.account.reconcile_rows import QueryAnswer
from connector.account.records import AccountRecord, AccountRecorder
from tests.support.account import ACCOUNT, RECEIVED_US
from tests.support.account_truth import (
    PAIRS,
    Reader,
    SpotTruth,
    new_progress,
    reconcile,
    recorder,
    true_view,
)

GAP = "gap-1"


class Account:
    """A truth, the worker's progress, and a reader of the topic."""

    def __init__(self) -> None:
        self.truth, self.reader, self.recorder = SpotTruth(), Reader(), recorder()
        self.progress = new_progress()
        self.is_connected = True
        self.pending: Reconciliation | None = None
        self.past: list[bytes] = []
        self.is_delayed, self.delayed = False, list[bytes]()

    def act(self, events: list[bytes], *, step_ms: int = 1) -> None:
        """Let events happen: seen, buffered or lost."""
        self.past += events
        if self.is_delayed and events:
            self.is_delayed, self.delayed, step_ms = False, events, step_ms + 1
            events = []
        for event in (*events, *self.delayed) if events else ():
            self.deliver(event)
        self.delayed = [] if events else self.delayed
        self.truth.now_ms += step_ms

    def deliver(self, event: bytes) -> None:
        record = self.recorder.record(event, RECEIVED_US)
        if self.pending is not None:
            self.pending.buffer(record)
        elif self.is_connected and self.progress.admit(record) == "new":
            self.progress.remember(record)
            self.reader.take([record])

    def start(self, **options: Any) -> Reconciliation:
        gap_id = None if self.progress.as_of_ms is None else GAP
        self.is_connected = True
        self.pending = Reconciliation(self.recorder, self.progress, gap_id, PAIRS, **options)
        return self.pending

    def finish(self, result: Reconciled) -> Reconciled:
        self.pending, self.progress = None, result.progress
        self.reader.take(result.records)
        return result

    def reconcile(self, answer: Any = None, **options: Any) -> tuple[Reconciled, list[Query]]:
        self.truth.now_ms += 1
        result, made = reconcile(self.start(**options), answer or self.truth.answer)
        return self.finish(result), made


@pytest.fixture
def account() -> Account:
    """An account with one open order, after its first picture."""
    found = Account()
    found.act(found.truth.place("BTCUSDT"))
    found.reconcile()
    return found


def events_of(records: list[AccountRecord]) -> list[str]:
    return [record.fields["event_type"] for record in records]


def test_the_first_picture_is_a_snapshot_without_fills() -> None:
    account = Account()
    account.is_connected = False
    account.act(account.truth.place("BTCUSDT"))
    account.act(account.truth.fill(1))

    result, made = account.reconcile()

    assert [each.name for each in made] == ["account", "open_orders"]
    assert events_of(result.records) == ["order_state", "balance_state", "balance_state"]
    assert {record.fields["origin"] for record in result.records} == {"snapshot"}
    assert result.progress.as_of_ms == account.truth.now_ms
    assert (result.state, result.counts["weight"]) == ("filled", 100)


def test_a_snapshot_that_is_switched_off_is_remembered() -> None:
    account = Account()
    account.act(account.truth.place("BTCUSDT"))

    result, _made = account.reconcile(writes_snapshot=False)

    assert result.records == []
    assert result.progress.amounts["balance/USDT"] > 0


def test_what_was_missed_is_written_as_states(account: Account) -> None:
    account.is_connected = False
    account.act(account.truth.fill(1))
    account.act(account.truth.cancel(1))

    result, made = account.reconcile()

    assert [each.name for each in made] == [
        *("account", "open_orders"),
        *("fills", "fills", "orders"),  # by time, then by id
        *("account", "open_orders", "order"),
    ]
    assert events_of(result.records) == ["fill", "order_state", "balance_state", "balance_state"]
    assert {record.fields["gap_id"] for record in result.records} == {GAP}
    assert account.reader.view() == true_view(account.truth)
    assert (result.state, result.counts["fills"], result.counts["orders"]) == ("filled", 1, 1)


def test_a_failed_page_of_fills_is_asked_again(account: Account) -> None:
    account.is_connected = False
    account.act(account.truth.fill(1))
    failures = iter([True, True])

    def answer(query: Query) -> QueryAnswer:
        if query.name == "fills" and next(failures, False):
            return QueryAnswer(0, 0, failure="HTTP 503")
        return account.truth.answer(query)

    result, _made = account.reconcile(answer)

    assert result.state == "filled"
    assert account.reader.view() == true_view(account.truth)


def test_the_cursor_stays_where_fills_were_not_answered(account: Account) -> None:
    account.is_connected = False
    account.act(account.truth.fill(1))

    def answer(query: Query) -> QueryAnswer:
        failed = QueryAnswer(0, 0, failure="HTTP 503")
        return failed if query.name == "fills" else account.truth.answer(query)

    before = account.progress.symbols["BTCUSDT"]
    result, _made = account.reconcile(answer)

    assert (result.state, result.left) == ("partial", ("BTCUSDT",))
    assert result.detail.startswith("fills of BTCUSDT: HTTP 503")
    assert account.progress.symbols["BTCUSDT"] == before
    account.reconcile()
    assert account.reader.view() == true_view(account.truth)


def test_fills_of_a_symbol_without_an_open_order_are_asked_for(account: Account) -> None:
    account.is_connected = False
    account.act(account.truth.place("ETHUSDT"))
    account.act(account.truth.fill(2, 100))

    result, _made = account.reconcile()

    assert result.state == "filled"
    assert account.reader.view() == true_view(account.truth)


def test_two_fills_of_one_millisecond_are_both_written(account: Account) -> None:
    account.act(account.truth.fill(1), step_ms=0)
    account.reconcile()
    account.is_connected = False
    account.act(account.truth.fill(1))
    account.act(account.truth.fill(1))

    result, _made = account.reconcile()

    assert result.counts["fills"] == 2
    assert account.reader.view() == true_view(account.truth)


def test_an_order_that_is_gone_is_asked_for_itself(account: Account) -> None:
    account.reconcile()
    account.is_connected = False
    account.act(account.truth.cancel(1))

    _result, made = account.reconcile()

    asked = [dict(each.params) for each in made if each.name == "order"]
    assert asked == [{"symbol": "BTCUSDT", "orderId": 1}]
    assert account.reader.orders["1"][1] == "CANCELED"


def test_an_order_that_nobody_knows_is_partial_and_not_cancelled(account: Account) -> None:
    account.reconcile()
    account.is_connected = False
    account.act(account.truth.cancel(1))

    def answer(query: Query) -> QueryAnswer:
        if query.name == "order":
            return QueryAnswer(account.truth.now_ms, 0, is_unknown=True)
        return account.truth.answer(query)

    result, _made = account.reconcile(answer)

    assert (result.state, result.detail) == (
        "partial",
        "order BTCUSDT/1 is unknown to the exchange",
    )
    assert account.reader.orders["1"][1] == "NEW"


def test_a_symbol_that_is_not_listed_any_more_is_said_once_and_left_out(account: Account) -> None:
    account.reconcile()
    account.is_connected = False
    account.act(account.truth.cancel(1))

    def answer(query: Query) -> QueryAnswer:
        if query.params.get("symbol") == "BTCUSDT":
            return QueryAnswer(account.truth.now_ms, 0, is_unknown=True, is_gone=True)
        return account.truth.answer(query)

    result, made = account.reconcile(answer)

    text = "what happened last on BTCUSDT: the exchange does not list it any more"
    assert (result.state, result.detail, result.is_settled) == ("partial", text, True)
    assert [each.name for each in made if "symbol" in each.params] == ["fills"]
    assert not result.progress.symbols.keys() | result.progress.orders.keys()
    result, made = account.reconcile(answer)
    assert (result.state, [each for each in made if "symbol" in each.params]) == ("filled", [])


def test_a_fill_is_never_inferred_from_a_balance(account: Account) -> None:
    account.is_connected = False
    account.truth.balances["BTC"] = 5  # a deposit
    account.truth.updated_ms = account.truth.now_ms

    result, _made = account.reconcile()

    assert "fill" not in events_of(result.records)
    assert result.state == "partial"
    assert result.detail.startswith("what moved BTC is not known")


def test_a_fill_that_came_live_is_not_written_again(account: Account) -> None:
    account.act(account.truth.fill(1))

    result, _made = account.reconcile()

    assert [event for event in events_of(result.records) if event == "fill"] == []
    assert account.reader.view() == true_view(account.truth)


def test_a_repeat_after_the_break_is_not_written_again(account: Account) -> None:
    account.act(account.truth.fill(1))
    repeats = account.past[-2:]
    account.reconcile()
    before = len(account.reader.keys)

    for event in repeats:
        account.deliver(event)
    account.reconcile()
    account.reconcile()
    kept = account.reader.keys[before:]
    for event in repeats:
        account.deliver(event)

    assert [key for key in kept if "executionReport" in key] == []
    assert len(account.reader.keys) == len({*account.reader.keys}) == before + len(kept)


def test_a_live_event_that_a_state_has_already_is_superseded(account: Account) -> None:
    reconciliation = account.start()
    account.act(account.truth.fill(1))

    result = account.finish(reconcile(reconciliation, account.truth.answer)[0])

    assert result.counts["superseded"] == 1  # the order; its balances are of the same millisecond
    assert account.reader.view() == true_view(account.truth)


def test_a_live_event_after_the_answers_is_replayed(account: Account) -> None:
    first = True

    def answer(query: Query) -> QueryAnswer:
        nonlocal first
        found = account.truth.answer(query)
        if query.name == "open_orders" and not first:
            account.act(account.truth.fill(1))
        first = first and query.name != "open_orders"
        return found

    result, _made = account.reconcile(answer)

    assert events_of(result.records)[-2:] == ["executionReport", "outboundAccountPosition"]
    assert account.reader.view() == true_view(account.truth)


def test_fills_that_lag_behind_the_stream_are_asked_again(account: Account) -> None:
    reconciliation = account.start()
    account.act(account.truth.fill(1))
    lagging = iter([True, True])

    def answer(query: Query) -> QueryAnswer:
        if query.name == "fills" and next(lagging, False):
            return QueryAnswer(account.truth.now_ms, 0, b"[]")
        return account.truth.answer(query)

    result = account.finish(reconcile(reconciliation, answer)[0])

    assert (result.state, result.counts["fills"]) == ("filled", 1)


def test_a_trade_between_two_readings_is_read_once_more(account: Account) -> None:
    account.pending, account.is_connected = None, False
    lost = iter([True])

    def answer(query: Query) -> QueryAnswer:
        if query.name == "orders" and next(lost, False):
            pending, account.pending, account.is_connected = account.pending, None, False
            account.act(account.truth.fill(1))
            account.pending, account.is_connected = pending, True
        return account.truth.answer(query)

    result, made = account.reconcile(answer)

    assert [each.name for each in made].count("account") == 3
    assert (result.state, result.counts["fills"]) == ("filled", 1)
    assert account.reader.view() == true_view(account.truth)


def test_an_account_that_moves_in_both_rounds_is_partial(account: Account) -> None:
    def answer(query: Query) -> QueryAnswer:
        if query.name == "orders":
            pending, account.pending, account.is_connected = account.pending, None, False
            account.act(account.truth.fill(1))
            account.pending, account.is_connected = pending, True
        return account.truth.answer(query)

    result, made = account.reconcile(answer)

    assert [each.name for each in made].count("account") == 3
    assert result.state == "partial"
    assert "the account moved during both readings: balance/BTC, balance/USDT" in result.detail


def test_symbols_that_the_weight_does_not_suffice_for_are_left(account: Account) -> None:
    account.is_connected = False
    account.act(account.truth.fill(1))

    result, _made = account.reconcile(budget=110)

    assert (result.state, result.left) == ("partial", ("BTCUSDT",))
    assert "the request weight did not suffice for BTCUSDT" in result.detail
    account.reconcile()
    assert account.reader.view() == true_view(account.truth)


def test_two_events_of_one_key_and_two_payloads_are_both_written(account: Account) -> None:
    event = json.dumps(
        {"e": "balanceUpdate", "E": 9, "T": account.truth.now_ms, "a": "X", "d": "1"}
    )
    reconciliation = account.start()
    for text in (event, event, event.replace('"e"', ' "e"')):
        account.deliver(text.encode())

    result, _made = reconcile(reconciliation, account.truth.answer)

    assert (result.counts["replayed"], result.counts["repeated"]) == (2, 1)
    assert len({record.fields["dedupe_key"] for record in result.records[-2:]}) == 2


def test_a_product_without_queries_is_partial_and_says_why() -> None:
    records = AccountRecorder(ACCOUNT, "margin_uta")
    progress = AccountProgress(ACCOUNT, "margin_uta", as_of_ms=5)
    reconciliation = Reconciliation(records, progress, GAP, {})
    event = b'{"e":"marginLevelChange","E":1794000000000,"l":"1.5","s":"NORMAL"}'
    reconciliation.buffer(records.record(event, RECEIVED_US))

    result, made = reconcile(reconciliation, lambda _query: QueryAnswer(0, 0))

    assert made == []
    assert events_of(result.records) == ["marginLevelChange"]
    cause = "no query about the margin of a unified account is known"
    assert (result.state, result.detail) == ("partial", cause)
    assert result.progress.as_of_ms == 1_794_000_000_000


# What may happen, one after the other.
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["place", "fill", "fill", "cancel", "repeat", "delay", "cut", "reconcile"]),
        st.integers(0, 5),
        st.integers(0, 2),  # milliseconds until the next one
    ),
    max_size=30,
)


def happen(account: Account, name: str, number: int, step_ms: int) -> None:
    truth = account.truth
    order_id = number % len(truth.orders) + 1 if truth.orders else 0
    if name == "place":
        account.act(truth.place([*PAIRS][number % len(PAIRS)]), step_ms=step_ms)
    elif name == "repeat":
        for event in account.past[-number - 1 :]:
            account.deliver(event)
    elif name == "delay":
        account.is_delayed = not account.delayed
    elif name == "cut":
        account.is_connected = account.pending is not None
    elif order_id and name in ("fill", "cancel"):
        account.act(getattr(truth, name)(order_id), step_ms=step_ms)


def interleaved(
    account: Account, left: Iterator[tuple[str, int, int]], failing: Iterator[bool]
) -> Callable[[Query], QueryAnswer]:
    """Return what answers queries, some not; after each answer some acts happen."""

    def answer(query: Query) -> QueryAnswer:
        if next(failing, False):
            return QueryAnswer(0, 0, failure="HTTP 503")
        found = account.truth.answer(query)
        for name, number, step_ms in left:
            happen(account, name, number, step_ms)
            if number % 2:
                break
        return found

    return answer


@settings(max_examples=30, deadline=None)
@given(acts=ACTS, failures=st.lists(st.booleans(), max_size=10))
def test_a_reader_sees_the_truth_whatever_the_order(
    acts: list[tuple[str, int, int]], failures: list[bool]
) -> None:
    account = Account()
    for symbol in PAIRS:  # an unfilled order on a symbol never seen leaves no trace
        account.act(account.truth.place(symbol))
    account.reconcile()
    left = iter([*acts, ("reconcile", 0, 1)])
    answer = interleaved(account, left, iter(failures))
    for name, number, step_ms in left:
        if name != "reconcile":
            happen(account, name, number, step_ms)
        else:
            result, _made = account.reconcile(answer)
            is_whole = result.state == "filled" and not account.delayed
            assert not is_whole or account.reader.view() == true_view(account.truth)
    for event in account.delayed:
        account.deliver(event)
    account.reconcile()

    assert account.reader.view() == true_view(account.truth)
    assert len(account.reader.keys) == len({*account.reader.keys})
