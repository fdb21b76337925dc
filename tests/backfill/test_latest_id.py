"""What REST's newest id proves, and what not."""

from collections.abc import Callable

import msgspec
import pytest

from connector.backfill.latest_id import RESET_PROOF_S, LatestIdProbe
from connector.backfill.pages import RestPage
from connector.binance.stream_name import Stream
from connector.continuity.rest_requests import ConfirmReset, FillPolicy
from tests.feed.test_arbitration import Pair


class Calls:
    """Answers with an id; something is delivered before the answer arrives."""

    def __init__(self, newest: int, meanwhile: Callable[[], None]) -> None:
        self.newest, self.meanwhile = newest, meanwhile

    async def ask(self, stream: Stream, page: RestPage) -> bytes:
        del stream, page
        self.meanwhile()
        row = {"id": self.newest, "price": "1", "qty": "1", "time": 1, "isBuyerMaker": True}
        return msgspec.json.encode([{**row, "isBestMatch": True}])


async def probed(
    newest: int, meanwhile: tuple[int, ...] = (), later: tuple[int, ...] = ()
) -> tuple[Pair, LatestIdProbe]:
    """Let one connection deliver 101 trades, then the other; let REST be asked twice.

    Args:
        newest: Id of REST's answer.
        meanwhile: Ids that the first connection delivers while REST is asked.
        later: Ids that the second connection delivers between the two answers.
    """
    pair = Pair(FillPolicy(enabled=True))
    calls = Calls(newest, lambda: pair.deliver(1, *meanwhile))
    probe = LatestIdProbe(
        calls,  # type: ignore[arg-type]
        pair.pipeline,
        enabled=True,
        clock=lambda: pair.clock,
    )
    pair.opened(1)
    pair.opened(2)
    pair.deliver(1, *range(1, 102))
    pair.deliver(2, *range(1, 102))
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
