"""The life of an account: breaks, markers, what is buffered; and any interleaving of it all."""

import copy
import json
import random
from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.account.feed_items import AccountEvent
from connector.account.progress import MAX_UNPROVED
from connector.account.reconcile_queries import Query
from connector.account.reconcile_rows import QueryAnswer
from tests.support.account import ACCOUNT, RECEIVED_US
from tests.support.account_tracking import TrackedAccount, live_account, no_answer
from tests.support.account_truth import PAIRS, true_view
from tests.support.thorough import examples

HOUR_US = 3_600_000_000


def states(account: TrackedAccount) -> list[str]:
    return [marker["state"] for marker in account.markers]


def test_coverage_begins_with_a_picture() -> None:
    account = TrackedAccount()
    account.truth.place("BTCUSDT")
    assert not account.tracker.wants_reconciliation(account.now_us)

    account.cover()
    account.reconcile()
    account.commit()

    assert states(account) == ["started"]
    assert account.tracker.is_right
    assert account.reader.view() == true_view(account.truth)
    assert {each.fields["origin"] for each in account.open} <= {"snapshot"}


def test_a_snapshot_that_is_not_wanted_is_not_written() -> None:
    account = live_account(writes_snapshot=False)

    assert account.markers[0]["state"] == "started"
    assert len(account.reader.keys) == 1  # the order that was placed later


def test_a_break_is_marked_at_once_and_closed_with_counts() -> None:
    account = live_account()
    account.interrupt()
    account.commit()
    opened = account.markers[-1]
    assert (opened["state"], opened["reason"], opened["detail"], opened["fills"]) == (
        *("opened", "connection_lost", "the words"),
        None,
    )
    assert not account.tracker.is_right
    account.act(account.truth.fill(1))

    account.cover()
    account.reconcile()
    account.commit()

    closed = account.markers[-1]
    assert (closed["state"], closed["gap_id"]) == ("filled", opened["gap_id"])
    assert (closed["fills"], closed["orders"], closed["amounts"]) == (1, 1, 2)
    assert closed["query_weight"] > 0
    assert account.tracker.is_right
    assert account.reader.view() == true_view(account.truth)


def test_fetched_records_and_the_first_event_after_a_break_name_it() -> None:
    account = live_account()
    account.interrupt()
    account.act(account.truth.fill(1))
    account.cover()
    account.reconcile()

    account.act(account.truth.place("ETHUSDT"))
    account.act(account.truth.place("BNBUSDT"))

    (gap_id,) = {each.fields["gap_id"] for each in account.open[:-2]}
    assert [each.fields["gap_id"] for each in account.open[-2:]] == [gap_id, None]


def test_events_wait_while_the_account_is_asked() -> None:
    account = live_account()
    account.interrupt()
    account.cover()
    running = account.begin_reconciliation()

    account.act(account.truth.place("ETHUSDT"))
    assert (account.open, account.tracker.buffered_bytes > 0) == ([], True)
    account.finish(running)

    assert account.tracker.buffered_bytes == 0
    account.commit()
    assert account.reader.view() == true_view(account.truth)


def test_a_break_while_it_is_asked_makes_the_answers_void_and_keeps_what_waits() -> None:
    account = live_account()
    account.interrupt()
    account.cover()
    running = account.begin_reconciliation()
    account.act(account.truth.place("ETHUSDT"))
    account.interrupt("mute")
    account.finish(running)
    assert account.open == []

    account.cover()
    account.reconcile()
    account.commit()

    assert states(account)[-2:] == ["opened", "filled"]
    assert account.markers[-1]["reason"] == "connection_lost"  # of the break that began it
    assert account.reader.view() == true_view(account.truth)


def test_what_is_not_answered_is_partial_and_asked_again_while_events_flow() -> None:
    account = live_account()
    account.interrupt()
    account.act(account.truth.fill(1))
    account.cover()
    account.reconcile(no_answer)
    account.commit()
    first = account.markers[-1]
    assert (first["state"], "no answer" in first["detail"]) == ("partial", True)
    assert not account.tracker.is_right
    assert not account.tracker.wants_reconciliation(account.now_us)

    account.act(account.truth.place("BTCUSDT"))
    assert [each.fields["order_id"] for each in account.open] == ["2"]
    account.reconcile(no_answer)
    account.commit()
    assert account.markers[-1] == first  # nothing new is known
    account.reconcile()
    account.commit()

    assert (account.markers[-1]["state"], account.markers[-1]["gap_id"]) == (
        "filled",
        first["gap_id"],
    )
    assert account.tracker.is_right
    assert account.reader.view() == true_view(account.truth)


def test_an_order_that_was_not_answered_is_asked_for_again() -> None:
    account = live_account()
    account.interrupt()
    account.truth.cancel(1)
    account.cover()

    def answer(query: Query) -> QueryAnswer:
        if query.name == "orders":  # below the cursor
            return QueryAnswer(account.truth.now_ms, RECEIVED_US, b"[]")
        return no_answer(query) if query.name == "order" else account.truth.answer(query)

    account.reconcile(answer)
    account.commit()
    assert (account.markers[-1]["state"], account.tracker.is_right) == ("partial", False)
    account.reconcile()
    account.commit()

    assert account.markers[-1]["state"] == "filled"
    assert account.reader.view() == true_view(account.truth)


def test_a_first_picture_that_is_not_answered_is_tried_again_later() -> None:
    account = TrackedAccount()
    account.cover()

    account.reconcile(no_answer)

    assert not account.tracker.wants_reconciliation(account.now_us)
    assert not account.tracker.is_right
    account.reconcile()
    assert account.tracker.is_right


def test_a_worker_that_starts_again_marks_when_it_did_not_run() -> None:
    account = live_account()
    stopped_ms = account.compacted[b"commit/account/2"]["written_time"]

    account.start_worker()

    opened = account.markers[-1]
    assert (opened["state"], opened["reason"], opened["before_time"]) == (
        *("opened", "restart"),
        stopped_ms,
    )
    account.act(account.truth.fill(1))
    account.cover()
    account.reconcile()
    account.commit()
    assert account.reader.view() == true_view(account.truth)


def test_an_event_that_waited_for_a_picture_when_the_worker_ended_is_in_the_break() -> None:
    account = live_account()
    account.now_us += 7 * 3_600_000_000
    account.commit()
    account.begin_reconciliation()
    delivered_us = account.now_us
    account.deliver([b'{"e":"balanceUpdate","E":1794000000000,"T":1794000000000,"a":"X","d":"1"}'])
    account.commit()

    account.start_worker()

    opened = account.markers[-1]
    assert (opened["state"], opened["reason"]) == ("opened", "restart")
    assert opened["before_time"] <= delivered_us // 1000


def test_a_break_that_is_open_when_the_worker_ends_goes_on_under_its_id() -> None:
    account = live_account()
    account.interrupt()
    account.commit()
    gap_id = account.markers[-1]["gap_id"]

    account.start_worker()
    account.cover()
    account.reconcile()
    account.commit()

    assert account.last_marker() == ("filled", "connection_lost", gap_id)
    assert states(account).count("opened") == 1


def test_events_that_were_dropped_are_a_break() -> None:
    account = live_account()
    account.truth.fill(1)

    account.tracker.on_overload(account.now_us)

    assert account.tracker.wants_reconciliation(account.now_us)
    account.reconcile()
    account.commit()
    assert account.last_marker()[:2] == ("filled", "overload")
    assert account.reader.view() == true_view(account.truth)


def test_an_event_that_cannot_be_read_is_a_break() -> None:
    account = live_account()
    account.truth.fill(1)

    account.tracker.on_unreadable(account.now_us)

    assert not account.tracker.is_right
    assert account.tracker.wants_reconciliation(account.now_us)
    account.reconcile()
    account.commit()
    assert account.last_marker()[:2] == ("filled", "dead_letter")
    assert account.reader.view() == true_view(account.truth)
    account.act(account.truth.place("BTCUSDT"))
    assert account.open[-1].fields["gap_id"] == account.last_marker()[2]


def test_a_flood_of_such_events_is_asked_about_once_until_a_picture_confirms_the_answers() -> None:
    account = live_account()
    account.tracker.on_unreadable(account.now_us)
    account.tracker.on_unreadable(account.now_us)
    running = account.begin_reconciliation()
    account.tracker.on_unreadable(account.now_us)
    assert not account.tracker.is_void(running)
    account.finish(running)
    account.commit()
    account.tracker.on_unreadable(account.now_us)
    account.commit()

    states = [marker["state"] for marker in account.markers]
    assert states == ["started", "opened", "filled"]
    assert account.tracker.is_right
    account.reconcile()  # the picture that confirms
    account.tracker.on_unreadable(account.now_us)
    assert not account.tracker.is_right


def test_a_picture_is_made_now_and_then_and_leaves_no_marker() -> None:
    account = live_account()
    marked = len(account.markers)

    assert not account.tracker.wants_reconciliation(account.now_us)
    account.now_us += 6 * HOUR_US
    account.reconcile()
    account.commit()

    assert len(account.markers) == marked
    assert account.tracker.results["picture"] == 1
    assert account.tracker.is_right


def test_a_picture_that_has_what_no_event_told_is_a_break_that_nobody_noticed() -> None:
    account = live_account()
    account.truth.fill(1)
    account.truth.now_ms += 10_000
    account.now_us += 6 * HOUR_US

    account.reconcile()
    account.commit()

    assert states(account)[-2:] == ["opened", "filled"]
    assert account.markers[-1]["reason"] == "unnoticed"
    assert account.reader.view() == true_view(account.truth)


def test_a_picture_confirms_a_closed_break_because_answers_may_have_lagged() -> None:
    account = live_account()
    account.interrupt()
    before = copy.deepcopy(account.truth)
    account.act(account.truth.fill(1))
    account.cover()
    account.truth.now_ms = before.now_ms = before.now_ms + 1

    account.reconcile(before.answer)  # the answers show what was true before
    account.commit()
    assert account.last_marker()[:2] == ("filled", "connection_lost")
    account.truth.now_ms += 10_000
    account.reconcile()  # 10 s later
    account.commit()

    assert account.last_marker()[:2] == ("filled", "unnoticed")
    assert account.reader.view() == true_view(account.truth)
    assert not account.tracker.wants_reconciliation(account.now_us + 60_000_000)


def test_what_an_event_may_be_on_its_way_for_is_no_break() -> None:
    account = live_account()
    account.truth.fill(1)  # its events come a moment later
    account.now_us += 6 * HOUR_US

    account.reconcile()
    account.commit()

    assert states(account) == ["started"]
    assert account.reader.view() == true_view(account.truth)


def test_many_events_make_a_picture_due_once_a_minute() -> None:
    account = live_account()
    keys = account.tracker.stored.progress.keys
    keys |= {str(number): "digest" for number in range(MAX_UNPROVED + 1)}

    assert account.tracker.wants_reconciliation(account.now_us + 60_000_000)
    assert not account.tracker.wants_reconciliation(account.now_us + 1_000_000)


def test_repeats_are_dropped_and_two_events_of_one_key_are_kept() -> None:
    account = live_account()
    order = account.truth.place("ETHUSDT")
    other = json.dumps(json.loads(order[0]) | {"c": "other"}).encode()

    account.deliver([*order, *order, other, other])

    assert account.tracker.counts["repeated"] == 2
    keys = [each.fields["dedupe_key"] for each in account.open]
    assert len(keys) == len(set(keys)) == 2


def test_an_event_without_a_layout_is_kept_and_counted() -> None:
    account = live_account()

    account.deliver([b'{"e":"somethingNew","E":1794000000000,"x":1}'])

    assert account.tracker.counts["unknown"] == 1
    assert [each.fields["event_type"] for each in account.open] == ["somethingNew"]


ACTS = st.sampled_from(
    (
        *("place", "fill", "cancel", "repeat", "commit", "interrupt", "cover", "begin", "end"),
        *("little", "flaky", "fail", "lag", "crash", "overload", "garble"),
    )
)
SYMBOLS = (*PAIRS,)


FAILING = 0.4  # part of the queries


class Interleaving:
    """Whatever may happen to an account, one act after the other.

    Each symbol was seen before: else an order that ends unfilled in a break leaves no trace.
    """

    def __init__(self) -> None:
        self.account = TrackedAccount()
        self.account.cover()
        self.account.reconcile()
        self.running: Any = None
        self.past: list[bytes] = []
        for number in range(len(SYMBOLS)):
            self._place(number)
        self.account.commit()

    def do(self, act: str, number: int) -> None:
        getattr(self, f"_{act}")(number)

    def _deliver(self, events: list[bytes]) -> None:
        self.past += events
        self.account.act(events)

    def _place(self, number: int) -> None:
        self._deliver(self.account.truth.place(SYMBOLS[number % len(SYMBOLS)]))

    def _fill(self, number: int) -> None:
        if self.account.truth.orders:
            order = 1 + number % len(self.account.truth.orders)
            self._deliver(self.account.truth.fill(order))

    def _cancel(self, number: int) -> None:
        if self.account.truth.orders:
            order = 1 + number % len(self.account.truth.orders)
            self._deliver(self.account.truth.cancel(order))

    def _repeat(self, number: int) -> None:
        if self.past and self.account.tracker.is_covered:
            event = self.past[-1 - number % min(3, len(self.past))]
            self.account.deliver([event])

    def _commit(self, _number: int) -> None:
        self.account.commit()

    def _interrupt(self, _number: int) -> None:
        self.account.interrupt()

    def _overload(self, _number: int) -> None:
        """Lose an event, and say so."""
        if self.account.tracker.is_covered and self.account.truth.orders:
            self.past += self.account.truth.fill(1)
            self.account.truth.now_ms += 1  # of one millisecond only the order of arrival tells
            self.account.tracker.on_overload(self.account.now_us)

    def _garble(self, _number: int) -> None:
        """Deliver an event that cannot be read."""
        if self.account.tracker.is_covered and self.account.truth.orders:
            self.past += self.account.truth.fill(1)
            self.account.truth.now_ms += 1
            self.account.tracker.on_unreadable(self.account.now_us)

    def _cover(self, _number: int) -> None:
        if not self.account.tracker.is_covered:
            self.account.cover()

    def _begin(self, _number: int) -> None:
        later_us = self.account.now_us + 10_000_000
        if self.running is None and self.account.tracker.wants_reconciliation(later_us):
            self.running = self.account.begin_reconciliation()

    def _little(self, number: int) -> None:
        """Begin with weight for a part of the symbols."""
        account = self.account
        if self.running is None and account.tracker.wants_reconciliation(
            account.now_us + 10_000_000
        ):
            self.running = account.begin_reconciliation(budget=100 + 25 * number)

    def _end(self, _number: int) -> None:
        if self.running is not None:
            self.account.finish(self.running)
            self.running = None

    def _fail(self, number: int) -> None:
        """Answer all but one kind of query."""
        failing = ("account", "open_orders", "fills", "orders")[number % 4]

        def answer(query: Query) -> QueryAnswer:
            is_failing = query.name == failing
            return no_answer(query) if is_failing else self.account.truth.answer(query)

        if self.running is not None:
            self.account.finish(self.running, answer)
            self.running = None

    def _flaky(self, number: int) -> None:
        """Answer some queries, and others not."""
        chance = random.Random(number)
        fails = defaultdict[tuple[str, Any], bool](lambda: chance.random() < FAILING)

        def answer(query: Query) -> QueryAnswer:
            is_failing = fails[query.name, query.params.get("symbol")]
            return no_answer(query) if is_failing else self.account.truth.answer(query)

        if self.running is not None:
            self.account.finish(self.running, answer)
            self.running = None

    def _lag(self, _number: int) -> None:
        """Answer by what was true before the last fill."""
        truth = self.account.truth

        def answer(query: Query) -> QueryAnswer:
            if query.name != "fills" or not truth.fills:
                return truth.answer(query)
            newest = truth.fills.pop()
            found = truth.answer(query)
            truth.fills.append(newest)
            return found

        if self.running is not None:
            self.account.finish(self.running, answer)
            self.running = None

    def _crash(self, _number: int) -> None:
        self.running = None
        self.account.start_worker()

    def settle(self) -> None:
        """Let the exchange answer, until the account is right."""
        self._end(0)
        self._cover(0)
        for _attempt in range(3):
            self._begin(0)
            self._end(0)
        self.account.commit()


@given(acts=st.lists(st.tuples(ACTS, st.integers(0, 7)), max_size=25))
@settings(max_examples=examples(300))
def test_whatever_happens_a_reader_ends_with_the_truth(acts: list[tuple[str, int]]) -> None:
    world = Interleaving()

    for act, number in acts:
        world.do(act, number)
    world.settle()

    account = world.account
    assert account.tracker.is_right
    assert account.reader.view() == true_view(account.truth)
    assert len(account.reader.keys) == len(set(account.reader.keys))
    assert account.stored().progress[ACCOUNT, "spot"] == account.tracker.stored
    last = {marker["gap_id"]: marker["state"] for marker in account.markers}
    assert {state for gap, state in last.items() if gap} <= {"filled", "partial"}


def test_an_event_before_the_first_picture_waits_for_it() -> None:
    account = TrackedAccount()
    (payload,) = account.truth.place("BTCUSDT")
    account.cover()

    published = account.tracker.on_event(AccountEvent(ACCOUNT, "spot", payload, RECEIVED_US))

    assert published == []
