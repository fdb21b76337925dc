"""A break that one reconciliation does not settle: what it leaves over, and what it found out."""

import json

from connector.account.reconcile_queries import Query
from connector.account.reconcile_result import Reconciled
from connector.account.reconcile_rows import QueryAnswer
from connector.account.stored_progress import Earlier
from connector.account.tracker import Reconciling
from tests.support.account import RECEIVED_US
from tests.support.account_tracking import TrackedAccount, no_answer
from tests.support.account_truth import PAIRS, reconcile, true_view

PICTURE, SYMBOL = 100, 40  # weights on spot


def watched(symbols: tuple[str, ...], *, writes_snapshot: bool = True) -> TrackedAccount:
    """Return an account after its first picture, with a filled order of each symbol."""
    account = TrackedAccount(writes_snapshot=writes_snapshot)
    account.cover()
    account.reconcile()
    for symbol in symbols:
        account.act(account.truth.place(symbol))
        account.act(account.truth.fill(len(account.truth.orders), 100))
    account.commit()
    return account


def missed(account: TrackedAccount, symbol: str) -> None:
    """Let a break begin, an order be made and filled in it, and the break end."""
    account.interrupt()
    account.act(account.truth.place(symbol))
    account.act(account.truth.fill(len(account.truth.orders)))
    account.cover()


def ask(account: TrackedAccount, budget: int) -> Reconciled:
    """Ask within a weight; return what came of it, published."""
    account.now_us += 10_000_000
    account.truth.now_ms += 1
    assert account.tracker.wants_reconciliation(account.now_us)
    running: Reconciling = account.tracker.start(account.now_us, budget)
    result, _made = reconcile(running.steps, account.truth.answer)
    account.tracker.complete(result, account.now_us, 1.0)
    account.open += account.tracker.take_completed()
    account.commit()
    return result


def test_every_symbol_is_read_in_the_end_however_little_weight_there_is() -> None:
    account = watched((*PAIRS,))
    missed(account, "BNBUSDT")  # the last one in the order in which they are asked

    left = [ask(account, PICTURE + SYMBOL + 10).left for _part in PAIRS]

    assert [len(symbols) for symbols in left] == [2, 1, 0]
    assert account.tracker.is_right
    assert account.last_marker()[0] == "filled"
    assert account.reader.view() == true_view(account.truth)


def test_a_new_break_has_every_symbol_read_again() -> None:
    account = watched((*PAIRS,))
    missed(account, "BNBUSDT")
    asked_first = ask(account, PICTURE + SYMBOL + 10).earlier.proved
    (symbol,) = asked_first

    missed(account, symbol)
    ask(account, 10**6)

    assert account.reader.view() == true_view(account.truth)


def test_what_moved_is_still_asked_for_after_answers_that_failed() -> None:
    account = watched(("BTCUSDT",))
    missed(account, "ETHUSDT")  # never seen: its assets alone tell

    def answer(query: Query) -> QueryAnswer:
        failing = ("open_orders", "fills")
        return no_answer(query) if query.name in failing else account.truth.answer(query)

    account.reconcile(answer)
    account.commit()
    account.reconcile()
    account.commit()

    assert account.tracker.is_right
    assert account.reader.view() == true_view(account.truth)


def test_what_moved_is_still_asked_for_by_the_next_process() -> None:
    account = watched(("BTCUSDT",))
    missed(account, "ETHUSDT")
    account.reconcile(
        lambda query: no_answer(query) if query.name == "fills" else account.truth.answer(query)
    )
    account.commit()

    account.start_worker()
    account.cover()
    account.reconcile()
    account.commit()

    assert account.reader.view() == true_view(account.truth)


def test_a_break_is_partial_for_what_only_its_first_answers_showed() -> None:
    account = watched(("BTCUSDT",))
    account.interrupt()
    account.truth.balances["BNB"] = 7  # a deposit
    account.truth.updated_ms = account.truth.now_ms
    account.cover()

    account.reconcile(
        lambda query: no_answer(query) if query.name == "fills" else account.truth.answer(query)
    )
    account.commit()
    account.reconcile()
    account.commit()

    marker = account.markers[-1]
    assert (marker["state"], account.tracker.stored.gap) == ("partial", None)
    assert marker["detail"].startswith("what moved BNB is not known")


def test_an_account_that_was_not_answered_does_not_look_as_if_all_of_it_had_moved() -> None:
    account = watched(("BTCUSDT",))
    account.truth.balances["ETH"] = 1  # together with USDT a pair, which was never traded
    account.truth.updated_ms = account.truth.now_ms
    missed(account, "BTCUSDT")
    asked: list[Query] = []

    def answer(query: Query) -> QueryAnswer:
        asked.append(query)
        return no_answer(query) if query.name == "account" else account.truth.answer(query)

    account.reconcile(answer)

    assert {query.params["symbol"] for query in asked if query.name == "fills"} == {"BTCUSDT"}


def test_an_event_during_a_first_picture_that_is_not_written_is_written() -> None:
    account = TrackedAccount(writes_snapshot=False)
    account.cover()
    running = account.begin_reconciliation()
    account.act(account.truth.place("BTCUSDT"))

    account.finish(running)
    account.commit()

    assert account.reader.view()[0] == true_view(account.truth)[0]


def test_orders_whose_ids_are_no_numbers_do_not_end_the_reading() -> None:
    account = watched(("BTCUSDT",))
    missed(account, "BTCUSDT")
    odd = [
        {"symbol": "BTCUSDT", "orderId": each, "status": "NEW"} for each in ("NaN", "1.5", "9" * 40)
    ]
    odd.append({"symbol": "BTCUSDT", "status": "NEW"})

    def answer(query: Query) -> QueryAnswer:
        if query.name == "order":
            return QueryAnswer(account.truth.now_ms, RECEIVED_US, is_unknown=True)
        found = account.truth.answer(query)
        rows = json.loads(found.body)
        if query.name != "orders":
            return found
        return QueryAnswer(found.as_of_ms, RECEIVED_US, json.dumps([*rows, *odd]).encode())

    account.reconcile(answer)
    account.reconcile(answer)

    assert account.tracker.stored.progress.symbols["BTCUSDT"].order_id == 3


def test_what_was_found_out_is_kept_without_what_was_proved() -> None:
    earlier = Earlier(frozenset({"A"}), ("B",), ((None, "X"),), ("why",))

    assert earlier.after_break() == Earlier(frozenset(), ("B",), ((None, "X"),), ("why",))


def test_an_event_that_comes_late_is_written_however_often_the_account_was_asked() -> None:
    account = watched(("BTCUSDT",))
    happened_ms = account.truth.now_ms
    for _retry in range(4):
        account.truth.now_ms += 1_000
        account.interrupt()
        account.cover()
        account.reconcile()
        account.commit()

    event = {"e": "balanceUpdate", "E": happened_ms, "T": happened_ms, "a": "X", "d": "1"}
    account.deliver([json.dumps(event).encode()])

    assert [record.fields["event_type"] for record in account.open] == ["balanceUpdate"]
