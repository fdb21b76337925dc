"""Answers whose rows have odd values: a reconciliation ends, whatever they are."""

import json
import random
from typing import Any

import pytest

from connector.account.reconcile import Reconciliation
from connector.account.reconcile_queries import Query
from connector.account.reconcile_rows import QueryAnswer
from tests.account.test_reconcile_products import PAIRS, Exchange, every_product, started
from tests.support.account import RECEIVED_US
from tests.support.account_truth import reconcile
from tests.support.thorough import examples

ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**70, 1.5, "", "x", "1e999", "NaN", "-0", "9" * 60, "\u0000"),
    *([], {}, [[]], [None], {"a": 1}),
)
PART_ODD = 0.05  # of the values


class OddAnswers:
    """Answers of an exchange, some of whose values are replaced, or keys left out."""

    def __init__(self, exchange: Exchange, seed: int) -> None:
        self._exchange, self._random = exchange, random.Random(seed)
        self._known = {None, *(name for each in exchange.scripts for name in each.symbols)}
        self.odd = 0

    def __call__(self, query: Query) -> QueryAnswer:
        if query.params.get("symbol") not in self._known:
            return QueryAnswer(self._exchange.time.ms, RECEIVED_US, is_unknown=True, is_gone=True)
        found = self._exchange.answer(query)
        if found.is_unknown:
            return found
        body = json.dumps(self._changed(json.loads(found.body))).encode()
        return QueryAnswer(found.as_of_ms, RECEIVED_US, body)

    def _changed(self, value: Any) -> Any:
        if self._random.random() < PART_ODD:
            self.odd += 1
            return self._random.choice(ODD)
        if isinstance(value, dict):
            kept = {k: v for k, v in value.items() if self._random.random() >= PART_ODD / 2}
            return {key: self._changed(each) for key, each in kept.items()}
        return [self._changed(each) for each in value] if isinstance(value, list) else value


@every_product
@pytest.mark.parametrize("seed", range(examples(40)))
def test_odd_answers_end_no_reconciliation(product: Any, isolated: str | None, seed: int) -> None:
    exchange = started(product, isolated, seed)
    for number in range(10):
        exchange.act(number, is_lost=True)
    answers = OddAnswers(exchange, seed)

    steps = Reconciliation(exchange.recorder, exchange.progress, "gap-1", PAIRS)
    result, _made = reconcile(steps, answers)

    assert answers.odd > 0
    for record in result.records:
        assert record.encode(1)
