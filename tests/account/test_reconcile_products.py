"""For every product: a consumer sees the lab's truth, whatever was lost, late or not answered."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.account.progress import AccountProgress
from connector.account.reconcile import Reconciliation
from connector.account.reconcile_queries import Query
from connector.account.reconcile_result import Reconciled, as_distinct
from connector.account.reconcile_rows import QueryAnswer
from connector.account.records import AccountRecord, AccountRecorder
from connector.binance.account_events.layout import AccountProduct
from connector.lab.account.account import Event, LabAccount
from connector.lab.account.ledger import Ledger
from connector.lab.account.queries import Asked
from connector.lab.account.query_table import QUERIES
from connector.lab.account.risk_account import RiskAccount
from connector.lab.account.script import SYMBOLS, AccountScript, scripted_accounts
from connector.lab.clock import Clock
from connector.lab.message import encode
from connector.lab.rest.query import Complaint
from tests.support.account import ACCOUNT, RECEIVED_US
from tests.support.account_truth import reconcile
from tests.support.account_view import AccountView
from tests.support.thorough import examples

START_S = 1_795_000_020
PAIRS = {"BTCUSDT": ("BTC", "USDT"), "ETHUSDT": ("ETH", "USDT")}
NO_ORDER = -2013
BY_PATH = {query.path: query for query in QUERIES}


class Time:
    """The exchange's time: each look at it is a millisecond later, or the test holds it."""

    def __init__(self) -> None:
        self.ms = START_S * 1000

    def __call__(self) -> float:
        return self.ms / 1000


@dataclass
class Exchange:
    """A lab's account of one product, its queries, a worker's progress, and a consumer.

    Attributes:
        since: Ledgers at the first picture, by market.
        behind: How many of the next answers show an older state.
    """

    product: AccountProduct
    isolated: str | None = None
    seed: int = 1
    time: Time = field(default_factory=Time)
    scripts: list[AccountScript] = field(default_factory=list)
    view: AccountView = field(default_factory=AccountView)
    is_connected: bool = True
    pending: Reconciliation | None = None
    since: dict[str | None, Ledger] = field(default_factory=dict)
    past: list[bytes] = field(default_factory=list)
    behind: int = 0

    def __post_init__(self) -> None:
        found = scripted_accounts("main", self.seed, Clock(self.time))
        self.scripts = [each for each in found if self._is_ours(each.account)]
        self.recorder = AccountRecorder(ACCOUNT, self.product, self.isolated)
        self.progress = AccountProgress(ACCOUNT, self.product, isolated_symbol=self.isolated)
        self.old = self.ledgers()

    def _is_ours(self, account: LabAccount) -> bool:
        isolated = account.market if account.product == "margin" else None
        return account.product == self.product and isolated == self.isolated

    def ledgers(self) -> dict[str | None, Ledger]:
        return {each.account.market: each.account.ledger.copy() for each in self.scripts}

    def act(self, number: int, *, is_lost: bool = False) -> None:
        """Let one of the account's parts take a step; its events come, wait or are lost."""
        events = self.scripts[number % len(self.scripts)].step()
        self.send(events, is_lost=is_lost)
        self.time.ms += 1 + number % 2

    def send(self, events: list[Event], *, is_lost: bool = False) -> None:
        for event in events:
            self.past.append(encode(event))
            if not is_lost:
                self.deliver(self.past[-1])

    def deliver(self, event: bytes) -> None:
        record = self.recorder.record(event, RECEIVED_US)
        if self.pending is not None:
            self.pending.buffer(record)
            return
        admission = self.progress.admit(record)
        if self.is_connected and admission in ("new", "distinct"):
            kept = as_distinct(record) if admission == "distinct" else record
            self.progress.remember(kept)
            self.take([kept])

    def take(self, records: list[AccountRecord]) -> None:
        for record in records:
            self.view.take(record.fields)

    def answer(self, query: Query) -> QueryAnswer:
        """Answer by the lab's queries, from the ledgers of now or of before."""
        asked = BY_PATH[query.kind.path]
        params = {name: str(value) for name, value in query.params.items()}
        shown = self.old if self.behind > 0 else self.ledgers()
        self.behind -= 1
        market = asked.market_of(params)
        now_ms = self.time.ms
        request = Asked(
            asked.product,
            shown[market],
            params,
            now_ms,
            asked.window_ms,
            market,
            shown,
            most_rows=asked.most_rows,
        )
        try:
            body = json.dumps(asked.answer(request)).encode()
        except Complaint as complaint:
            if complaint.code != NO_ORDER:
                raise
            return QueryAnswer(now_ms, RECEIVED_US, is_unknown=True)
        return QueryAnswer(now_ms, RECEIVED_US, body)

    def reconcile(self, answer: "Answering | None" = None) -> Reconciled:
        self.time.ms += 1
        self.is_connected = True
        if not self.since:
            self.since = self.ledgers()
        gap_id = None if self.progress.as_of_ms is None else "gap-1"
        self.pending = Reconciliation(self.recorder, self.progress, gap_id, PAIRS)
        result, _made = reconcile(self.pending, answer or self.answer)
        self.pending, self.progress = None, result.progress
        self.take(result.records)
        return result

    def differences(self) -> list[str]:
        found: list[str] = []
        for script in self.scripts:
            account = script.account
            found += self.view.differences(ACCOUNT, account, self.since[account.market])
        return found


@dataclass
class Answering:
    """Answers queries: some fail, some lag, and meanwhile the account acts."""

    exchange: Exchange
    failures: Iterator[bool]
    acts: Iterator[int]

    def __call__(self, query: Query) -> QueryAnswer:
        if next(self.failures, False):
            return QueryAnswer(0, 0, failure="HTTP 503")
        found = self.exchange.answer(query)
        number = next(self.acts, 0)
        if number:
            self.exchange.act(number)
        return found


PLACES: list[tuple[AccountProduct, str | None]] = [
    ("spot", None),
    ("margin", None),
    ("margin", "BTCUSDT"),
    ("usdm", None),
    ("coinm", None),
    ("options", None),
    ("portfolio_margin", None),
]
every_product = pytest.mark.parametrize(
    ("product", "isolated"), PLACES, ids=lambda value: value or "-"
)


def started(product: AccountProduct, isolated: str | None, seed: int = 1) -> Exchange:
    """Return an exchange after the first picture; every symbol has been seen."""
    exchange = Exchange(product, isolated, seed)
    for script in exchange.scripts:
        symbols = (isolated,) if isolated else SYMBOLS[script.account.shape]
        for symbol in symbols:
            exchange.send(script.account.place(symbol, "BUY", script.quantity(), script.price()))
            exchange.time.ms += 1
    exchange.reconcile()
    return exchange


@every_product
def test_what_a_break_hid_is_found_again(product: AccountProduct, isolated: str | None) -> None:
    exchange = started(product, isolated)
    for number in range(30):
        exchange.act(number, is_lost=True)

    result = exchange.reconcile()

    assert exchange.differences() == []
    assert exchange.view.repeats() == []
    assert result.counts["fills"] > 0
    assert {record.fields["origin"] for record in result.records} == {"reconcile"}
    assert [record.unknown for record in result.records if record.unknown] == []


@every_product
def test_the_same_break_asked_again_brings_no_fill_twice(
    product: AccountProduct, isolated: str | None
) -> None:
    exchange = started(product, isolated)
    for number in range(20):
        exchange.act(number, is_lost=True)
    exchange.reconcile()

    result = exchange.reconcile()

    assert result.counts.get("fills", 0) == 0
    assert exchange.view.repeats() == []
    assert exchange.differences() == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["act", "act", "act", "lose", "repeat", "reconcile", "lag"]),
        st.integers(0, 5),
    ),
    max_size=25,
)


@every_product
@settings(max_examples=examples(40), deadline=None)
@given(
    seed=st.integers(0, 3),
    steps=STEPS,
    failures=st.lists(st.booleans(), max_size=6),
    meanwhile=st.lists(st.integers(0, 4), max_size=12),
)
def test_a_consumer_has_the_truth_whatever_happened(
    product: AccountProduct,
    isolated: str | None,
    seed: int,
    steps: list[tuple[str, int]],
    failures: list[bool],
    meanwhile: list[int],
) -> None:
    exchange = started(product, isolated, seed)
    answering = Answering(exchange, iter(failures), iter(meanwhile))
    for name, number in steps:
        if name == "act":
            exchange.act(number)
        elif name == "lose":
            exchange.is_connected = False
            exchange.act(number, is_lost=True)
        elif name == "repeat":
            for event in exchange.past[-number - 1 :]:
                exchange.deliver(event)
        elif name == "lag":
            exchange.behind, exchange.old = number, exchange.ledgers()
        else:
            is_behind = exchange.behind > 0
            result = exchange.reconcile(answering)
            is_whole = result.state == "filled" and not is_behind
            assert not is_whole or exchange.differences() == []
    exchange.behind = 0
    exchange.reconcile()
    exchange.reconcile()

    assert exchange.differences() == []
    assert exchange.view.repeats() == []


@pytest.mark.parametrize("product", ["portfolio_margin_pro", "margin_risk", "margin_uta"])
def test_a_break_of_a_stream_of_risk_is_partial_with_its_cause(product: AccountProduct) -> None:
    exchange = Exchange(product)
    account = exchange.scripts[0].account
    assert isinstance(account, RiskAccount)
    assert exchange.reconcile().state == "filled"  # nothing was missed before the first picture
    exchange.send(account.change_level("MARGIN_CALL"), is_lost=True)
    exchange.time.ms += 1

    result = exchange.reconcile()

    assert result.state == "partial"
    assert (
        " is in no query" in result.detail
        or "are in no query" in result.detail
        or ("is known" in result.detail)
    )
    assert result.left == ()
    assert exchange.view.repeats() == []


@every_product
@pytest.mark.parametrize("lagging", [2, 3, 4, 5])
def test_a_fill_that_lagging_answers_hid_is_found_by_the_next(
    product: AccountProduct, isolated: str | None, lagging: int
) -> None:
    exchange = started(product, isolated, seed=0)
    exchange.behind, exchange.old = lagging, exchange.ledgers()
    for number in range(12):
        exchange.act(number, is_lost=True)
    exchange.reconcile()
    exchange.behind = 0

    exchange.reconcile()

    assert exchange.differences() == []
    assert exchange.view.repeats() == []
