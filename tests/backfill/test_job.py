"""One gap, call by call: answers, refusals, and what is more urgent."""

import json
from collections.abc import Sequence

import pytest

from connector.backfill.job import BATCH_EVENTS, NEVER_MS
from connector.backfill.pages import Span
from connector.binance.products import Product
from connector.binance.stream_name import Stream, parse
from connector.continuity.gap import Gap
from connector.errors import Refused
from tests.support.backfill import KeptJob, PreparedRest, gap_around, series_of

DAY_MS = 86_400_000
TRADES = parse("spot", "btcusdt@trade")
THREE = Span(100, 102)


def answers_of(*answers: bytes | Refused) -> PreparedRest:
    return PreparedRest(list(answers), clock_ms=float(DAY_MS))


def rows(numbers: Sequence[int]) -> bytes:
    row = {"price": "1", "qty": "1", "time": 1, "isBuyerMaker": True, "isBestMatch": True}
    return json.dumps([row | {"id": number} for number in numbers]).encode()


def job_of(stream: Stream = TRADES, span: Span = THREE, patience_s: float = 0.0) -> KeptJob:
    return KeptJob(series_of(stream), gap_around(stream, span), 0.0, patience_s)


async def steps(job: KeptJob, rest: PreparedRest) -> list[float | None]:
    """Make steps until the job is done; return what each of them returned."""
    waits: list[float | None] = []
    while not waits or waits[-1] is not None:
        waits.append(await job.step(rest))
    return waits


async def test_events_are_delivered_a_few_at_a_time() -> None:
    job, ids = job_of(span=Span(1, 250)), list(range(1, 251))

    assert await steps(job, answers_of(rows(ids))) == [None]
    assert (job.ids, job.batches) == (ids, [BATCH_EVENTS, BATCH_EVENTS, 50])


@pytest.mark.parametrize(
    "body",
    [b'[{"id":100,', b"<html>", b'{"code":-1000,"msg":"x"}', b"", b"[]", b"{}", b'[{"id":"x"}]'],
)
async def test_an_answer_that_is_none_is_asked_for_again(body: bytes) -> None:
    job, rest = job_of(patience_s=600.0), answers_of(body, body, rows([100, 101, 102]))

    assert await steps(job, rest) == [0.25, 0.5, None]
    assert (job.ids, job.outcome, job.detail) == ([100, 101, 102], ("filled", 3, 3), "")


def with_odd_row(*numbers: int) -> bytes:
    """Return rows, the second of them without its id."""
    good = json.loads(rows(numbers))
    good[1]["id"] = None
    return json.dumps(good).encode()


async def test_a_row_that_cannot_be_read_is_asked_for_again() -> None:
    job, rest = (
        job_of(patience_s=600.0),
        answers_of(with_odd_row(100, 101, 102), rows([100, 101, 102])),
    )

    assert await steps(job, rest) == [0.25, None]
    assert (job.ids, job.outcome) == ([100, 101, 102], ("filled", 3, 3))


@pytest.mark.parametrize("stream", [TRADES, parse("usdm", "btcusdt@trade")], ids=str)
async def test_a_row_that_stays_odd_costs_no_other_row(stream: Stream) -> None:
    """And it is not taken for an id that REST never lists."""
    job = job_of(stream)

    await steps(job, answers_of(*[with_odd_row(100, 101, 102)] * 3))

    assert (job.ids, job.outcome) == ([100, 102], ("partial", 3, 2))


async def test_a_call_that_is_refused_ends_the_gap() -> None:
    job = job_of(patience_s=600.0)

    assert await steps(job, answers_of(Refused("-1121 Invalid symbol."))) == [None]
    assert (job.outcome, job.detail) == (("unfillable", 3, 0), "-1121 Invalid symbol.")


async def test_a_gap_that_was_closed_meanwhile_asks_nothing() -> None:
    class Closed(KeptJob):
        wanted = False

    job, rest = Closed(series_of(TRADES), gap_around(TRADES, Span(100, 102))), answers_of()

    assert await steps(job, rest) == [None]
    assert (rest.pages, job.state) == ([], None)


@pytest.mark.parametrize(
    ("product", "name", "old"),
    [("usdm", "btcusdt@trade", True), ("spot", "btcusdt@aggTrade", False)],
)
def test_what_is_older_than_the_look_back_is_known(product: Product, name: str, old: bool) -> None:
    job = job_of(parse(product, name))
    assert job.is_too_old(31 * DAY_MS) == old
    assert not job.is_too_old(29 * DAY_MS)


@pytest.mark.parametrize(
    ("product", "name", "urgency"),
    [
        ("usdm", "btcusdt@aggTrade", (10_000 + DAY_MS, -20_000)),
        ("spot", "btcusdt@trade", (NEVER_MS, -20_000)),
        ("spot", "btcusdt@bookTicker", (0.0, -20_000)),
    ],
)
def test_what_expires_soonest_is_the_most_urgent(
    product: Product, name: str, urgency: tuple[float, float]
) -> None:
    stream = parse(product, name)
    gap = gap_around(stream, Span(1, 2), before_ms=10_000, after_ms=20_000)

    assert KeptJob(series_of(stream), gap).urgency(0.0) == urgency


def test_a_gap_without_times_is_taken_for_one_of_now() -> None:
    stream = parse("usdm", "btcusdt@aggTrade")
    gap = Gap("g", "sequence", 1, None, 5, None)
    job = KeptJob(series_of(stream), gap, now_ms=50_000)

    assert job.urgency(0.0) == (50_000 + DAY_MS, -50_000)
    assert not job.is_too_old(60_000)
