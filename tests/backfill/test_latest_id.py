"""What REST's newest id proves, and what not."""

import itertools
from collections.abc import Callable
from functools import partial

import msgspec
import pytest

from connector.backfill.latest_id import RESET_PROOF_S, LatestIdProbe
from connector.backfill.pages import RestPage
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.continuity.quiet_series import QuietListener
from connector.continuity.rest_requests import ConfirmReset, FillPolicy
from tests.feed.test_arbitration import Pair
from tests.support.continuity import EVERYTHING, Line, depth

LAST = 101  # newest id that was read


class Calls:
    """Answers with an id; something is delivered before the answer arrives.

    `late_ms`: how much later than the newest event that was read REST's is.
    """

    def __init__(self, newest: int, meanwhile: Callable[[], None], late_ms: int) -> None:
        self.newest, self.meanwhile = newest, meanwhile
        self.time = 1_789_967_000_000 + LAST + late_ms

    async def ask(self, stream: Stream, page: RestPage) -> bytes:
        del stream, page
        self.meanwhile()
        row = {"id": self.newest, "price": "1", "qty": "1", "time": self.time}
        return msgspec.json.encode([{**row, "isBuyerMaker": True, "isBestMatch": True}])


async def probed(
    newest: int, meanwhile: tuple[int, ...] = (), later: tuple[int, ...] = (), late_ms: int = 1
) -> tuple[Pair, LatestIdProbe]:
    """Let one connection deliver 101 trades, then the other; let REST be asked twice.

    Args:
        newest: Id of REST's answer.
        meanwhile: Ids that the first connection delivers while REST is asked.
        later: Ids that the second connection delivers between the two answers.
        late_ms: As of `Calls`.
    """
    pair = Pair(FillPolicy(enabled=True))
    calls = Calls(newest, lambda: pair.deliver(1, *meanwhile), late_ms)
    probe = LatestIdProbe(
        calls,  # type: ignore[arg-type]
        pair.pipeline,
        enabled=True,
        clock=lambda: pair.clock,
    )
    pair.opened(1)
    pair.opened(2)
    pair.deliver(1, *range(1, LAST + 1))
    pair.deliver(2, *range(1, LAST + 1))
    [series] = next(iter(pair.routes.values())).series.values()
    requests = pair.gap_tracker.requests
    assert list(requests) == [ConfirmReset(series)] * 2
    for request in requests:
        probe.confirm_reset(request.series)
    await probe.probe()
    assert probe.resets == 0
    pair.deliver(2, *later)
    pair.clock += RESET_PROOF_S
    await probe.probe()
    return pair, probe


@pytest.mark.parametrize(("newest", "resets"), [(101, 0), (100, 1)])
async def test_only_an_older_newest_id_confirms_that_ids_began_anew(
    newest: int, resets: int
) -> None:
    _, probe = await probed(newest)

    assert probe.resets == resets


async def test_a_late_connection_that_catches_up_is_no_reset_though_rest_is_behind() -> None:
    pair, probe = await probed(100, later=(102,))

    assert probe.resets == 0
    assert pair.published() == list(range(1, 103))


async def test_ids_that_went_on_while_rest_was_asked_did_not_begin_anew() -> None:
    pair, probe = await probed(100, (102, 103))

    assert probe.resets == 0
    pair.deliver(2, 102, 103, 104)
    assert pair.published() == list(range(1, 105))


async def test_rest_behind_the_stream_confirms_nothing() -> None:
    _, probe = await probed(100, late_ms=0)

    assert probe.resets == 0


class Books:
    """Answers with books of spot, which have no time."""

    def __init__(self, *newest: int) -> None:
        self.newest = list(newest)

    async def ask(self, stream: Stream, page: RestPage) -> bytes:
        del stream, page
        book = {"lastUpdateId": self.newest.pop(0), "bids": [], "asks": []}
        return msgspec.json.encode(book)


@pytest.mark.parametrize(
    ("answers", "resets"),
    [
        ((30, 40), 1),  # it grows, among the ids that the stream delivers now
        ((30,), 0),
        ((30, 30), 0),
        ((30, 900), 0),
        ((2, 3), 0),  # older than those
    ],
)
async def test_a_book_without_a_time_must_be_seen_to_grow(
    answers: tuple[int, ...], resets: int
) -> None:
    now = itertools.count(0.0, RESET_PROOF_S)
    line = Line("btcusdt@depth", policy=EVERYTHING)
    line.send("btcusdt@depth", depth(800, 900), *(depth(n, n) for n in range(5, 56)))
    [series] = line.series("btcusdt@depth")
    books = Books(*answers)
    probe = LatestIdProbe(books, line.pipeline, enabled=True, clock=lambda: next(now))  # type: ignore[arg-type]
    probe.confirm_reset(series)
    for _ in answers:
        await probe.probe()

    assert probe.resets == resets


# Series that are not delivered


class Newest(Calls):
    """REST, whose newest id is the given one."""

    def now_ms(self, product: Product) -> float:
        del product
        return self.time


async def test_both_connections_of_a_silent_series_learn_what_rest_proves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connector.backfill.latest_id.DELIVERY_GRACE_S", 0.0)
    pair, called = Pair(FillPolicy(enabled=True)), list[str]()
    rest = Newest(LAST + 1, lambda: None, 1)
    probe = LatestIdProbe(
        rest,  # type: ignore[arg-type]
        pair.pipeline,
        enabled=True,
        clock=lambda: pair.clock,
    )
    pair.opened(1)
    pair.deliver(1, LAST)
    [series] = next(iter(pair.routes.values())).series.values()
    for name in ("first", "second", "second"):
        newer, quiet = (
            partial(called.append, f"{name} newer"),
            partial(called.append, f"{name} quiet"),
        )
        probe.watch(series, QuietListener(name, newer, quiet))
    await probe.probe()

    assert called == ["first newer", "second newer"]
    assert probe.confirmed == 1
