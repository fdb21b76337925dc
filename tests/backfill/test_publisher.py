"""Fetched events wait for room, and are published only if they are wanted then."""

import pytest

from connector.backfill.publisher import RestEventPublisher
from connector.binance.stream_name import parse
from connector.codec.rest_rows import recover
from connector.feed.pipeline import ROOM_RESERVE
from tests.support.continuity import Line

ROW = b'[{"id":7,"price":"1","qty":"1","time":9,"isBuyerMaker":true,"isBestMatch":true}]'


@pytest.mark.parametrize(("wanted", "ids"), [(True, [6, 7]), (False, [6])])
async def test_an_event_that_is_not_wanted_after_a_wait_is_not_published(
    wanted: bool, ids: list[int]
) -> None:
    line = Line("btcusdt@trade")
    line.trades(6)
    [series] = line.series()
    line.recorder.most = ROOM_RESERVE  # one record less is left
    waits: list[None] = []

    async def wait_for_room() -> None:
        waits.append(None)
        line.recorder.most += 1

    publisher = RestEventPublisher(line.pipeline, {}, wait_for_room)
    [event] = recover(parse("spot", "btcusdt@trade"), ROW, "BTCUSDT")
    target = series, event, "gap", "backfill", lambda: wanted or not waits

    assert await publisher.publish(*target) is wanted
    assert [record["trade_id"] for record in line.records()] == ids
