"""What REST's newest id is taken for, and what not."""

from collections.abc import Callable

import msgspec
import pytest

from connector.backfill.latest_id import LatestIdProbe
from connector.backfill.pages import RestPage
from connector.binance.stream_name import Stream
from connector.continuity.series import Series
from tests.feed.test_arbitration import Pair


class Asked:
    """Answers with an id of before the question; something comes while the answer travels."""

    def __init__(self, newest: int, meanwhile: Callable[[], None]) -> None:
        self.newest, self.meanwhile = newest, meanwhile

    async def ask(self, stream: Stream, asked: RestPage) -> bytes:
        del stream, asked
        self.meanwhile()
        row = {"id": self.newest, "price": "1", "qty": "1", "time": 1, "isBuyerMaker": True}
        return msgspec.json.encode([{**row, "isBestMatch": True}])


async def doubted(pair: Pair, newest: int, meanwhile: Callable[[], None]) -> LatestIdProbe:
    """Let one connection deliver a hundred trades, then the other; let REST be asked."""
    witness = LatestIdProbe(Asked(newest, meanwhile), pair.pipeline, enabled=True)  # type: ignore[arg-type]
    pair.opened(1)
    pair.opened(2)
    pair.deliver(1, *range(1, 102))
    pair.deliver(2, *range(1, 102))
    [series] = next(iter(pair.routes.values())).series.values()
    assert isinstance(series, Series)
    assert list(witness._doubted) == [series.name]
    await witness._settle_doubt(series)
    return witness


@pytest.mark.parametrize(("newest", "resets"), [(101, 0), (100, 1)])
async def test_only_an_older_newest_id_says_that_ids_began_anew(newest: int, resets: int) -> None:
    witness = await doubted(Pair(), newest, lambda: None)
    assert witness.resets == resets


async def test_ids_that_went_on_while_rest_was_asked_did_not_begin_anew() -> None:
    pair = Pair()

    witness = await doubted(pair, 100, lambda: pair.deliver(1, 102, 103))

    assert witness.resets == 0
    pair.deliver(2, 102, 103, 104)
    assert pair.published() == list(range(1, 105))
