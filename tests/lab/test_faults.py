"""Each fault as a client of the lab meets it, and what the oracle says of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise

import aiohttp
import pytest

from connector.lab.exchange import Exchange
from connector.lab.faults import (
    FAULTS,
    AcceptThenClose,
    BlackHole,
    ClockSkew,
    Drop,
    Duplicate,
    Lifetime,
    Malformed,
    Mute,
    MuteStream,
    Refuse,
    Reorder,
    ServerShutdown,
    Skip,
    Slow,
    Stall,
)
from connector.lab.market import Market
from tests.support.lab_client import Client, client
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.lab

TRADE, BOOK = "btcusdt@trade", "btcusdt@bookTicker"
SERIES = ("spot", TRADE, "BTCUSDT")


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    lab = Exchange(Market(5), rate=400.0)
    await lab.start()
    yield lab
    await lab.stop()


def holes(ids: list[int]) -> list[int]:
    """Return the ids that are missing between the first and the last."""
    return sorted(set(range(min(ids), max(ids) + 1)) - set(ids))


def withheld(exchange: Exchange) -> list[int]:
    return [trade_id for (trade_id,) in exchange.oracle.withheld(SERIES)]


async def settled(exchange: Exchange, here: Client) -> None:
    """Stop the market and wait until everything sent has come."""
    exchange.pause()
    sent = exchange.oracle.sent[SERIES]
    await until(lambda: here.ids(TRADE) and here.ids(TRADE)[-1] >= sent[-1][0])


async def test_the_market_goes_on_while_nobody_is_connected(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as first:
        await until(lambda: first.count(TRADE) > 5)
    sent = len(exchange.oracle.sent[SERIES])
    made = len(exchange.oracle.made[SERIES])
    await until(lambda: len(exchange.oracle.made[SERIES]) > made + 30)
    assert len(exchange.oracle.sent[SERIES]) <= sent + 10

    async with client(exchange, [TRADE]) as second:
        await until(lambda: second.count(TRADE) > 5)
        missed = second.ids(TRADE)[0] - first.ids(TRADE)[-1] - 1

    assert missed >= 20
    assert set(range(first.ids(TRADE)[-1] + 1, second.ids(TRADE)[0])) >= set(
        withheld(exchange)[:20]
    )


async def test_a_stream_that_is_unsubscribed_is_made_no_more(exchange: Exchange) -> None:
    async with client(exchange, [TRADE, BOOK]) as here:
        await until(lambda: here.count(TRADE) and here.count(BOOK))
        await here.socket.send('{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":1}')
        await until(lambda: set(exchange.delivery.wanted) == {("spot", BOOK)})
        # A turn that had begun may still hold it.
        await until(lambda: here.count(BOOK) > 200)
        made = len(exchange.oracle.made[SERIES])
        before = here.count(BOOK)
        await until(lambda: here.count(BOOK) > before + 50)

        assert len(exchange.oracle.made[SERIES]) == made


async def test_unsubscribing_leaves_the_stream_to_the_others(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as first, client(exchange, [TRADE]) as second:
        await until(lambda: first.count(TRADE) and second.count(TRADE))
        await first.socket.send('{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":1}')
        await until(lambda: not exchange.delivery.sessions["spot"][0].delivered)
        before = second.count(TRADE)

        await until(lambda: second.count(TRADE) > before + 20)
        assert holes(second.ids(TRADE)) == []


async def test_a_client_that_does_not_read_is_cut_off_and_stops_nobody(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.lab.client_socket.MAX_UNREAD_BYTES", 4_000_000)
    sent: list[int] = []
    big = b'{"t":0,"x":"' + b"x" * 1_000_000 + b'"}'
    async with client(exchange, [TRADE]) as deaf, client(exchange, [TRADE]) as well:
        await until(lambda: exchange.connections("spot") == 2)
        deaf.socket.transport.pause_reading()
        for _ in range(30):  # more than the kernel buffers
            await exchange.send_frame("spot", TRADE, big)
            sent.append(0)
            await until(lambda: well.ids(TRADE).count(0) == len(sent))

        await until(lambda: exchange.connections("spot") == 1)
        began = well.count(TRADE)
        await until(lambda: well.count(TRADE) > began + 50)


async def test_drop_resets_the_connection(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as here:
        await until(lambda: here.count(TRADE))

        await exchange.inflict(Drop("spot"))

        await in_time(here.socket.wait_closed())
        assert here.socket.close_code == 1006


async def test_drop_leaves_other_products_alone(exchange: Exchange) -> None:
    async with client(exchange, ["btcusdt@bookTicker"], "usdm", "/public") as here:
        await until(lambda: here.count("btcusdt@bookTicker"))

        await exchange.inflict(Drop("spot"))

        before = here.count("btcusdt@bookTicker")
        await until(lambda: here.count("btcusdt@bookTicker") > before + 10)


async def test_a_stall_answers_nothing_and_then_delivers_everything(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as here:
        await until(lambda: here.count(TRADE) > 5)
        stall = exchange.begin(Stall(600.0))
        await until(lambda: exchange.delivery.sessions["spot"][0].socket.frozen)
        made = len(exchange.oracle.made[SERIES])
        pong = asyncio.ensure_future(await here.socket.ping())
        await until(lambda: len(exchange.oracle.made[SERIES]) > made + 60)
        seen = here.count(TRADE)
        assert not pong.done()

        stall.cancel()
        await in_time(pong)
        await settled(exchange, here)

        assert here.count(TRADE) > seen + 50
        assert holes(here.ids(TRADE)) == []
        assert withheld(exchange) == []


async def test_a_black_hole_loses_what_is_sent_and_takes_new_connections(
    exchange: Exchange,
) -> None:
    async with client(exchange, [TRADE]) as here:
        await until(lambda: here.count(TRADE) > 5)
        hole = exchange.begin(BlackHole(600.0))
        await until(lambda: exchange.delivery.sessions["spot"][0].lost)
        pong = asyncio.ensure_future(await here.socket.ping())
        made = len(exchange.oracle.made[SERIES])
        await until(lambda: len(exchange.oracle.made[SERIES]) > made + 50)
        async with client(exchange, [TRADE]) as second:
            await until(lambda: second.count(TRADE) > 10)
            assert holes([here.ids(TRADE)[-1], *second.ids(TRADE)]) == withheld(exchange)
        assert not pong.done()

        hole.cancel()
        await in_time(here.socket.wait_closed())
        pong.cancel()


@pytest.mark.parametrize("everybody", [False, True])
async def test_mute_answers_pings_and_loses_data(exchange: Exchange, everybody: bool) -> None:
    async with client(exchange, [TRADE, BOOK]) as here:
        await until(lambda: here.count(TRADE) > 5)
        mute = exchange.begin(Mute(600.0, everybody=everybody))
        await asyncio.sleep(0)
        made = len(exchange.oracle.made[SERIES])
        await until(lambda: len(exchange.oracle.made[SERIES]) > made + 30)
        await in_time(await here.socket.ping())
        mute.cancel()
        seen = here.count(TRADE)
        await until(lambda: here.count(TRADE) > seen + 20)
        await settled(exchange, here)

        assert len(withheld(exchange)) >= 30
        assert holes(here.ids(TRADE)) == withheld(exchange)


async def test_a_new_connection_is_well_while_the_old_one_is_mute(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as old:
        await until(lambda: old.count(TRADE) > 5)
        exchange.begin(Mute(600.0))
        await asyncio.sleep(0)
        async with client(exchange, [TRADE]) as new:
            await until(lambda: new.count(TRADE) > 5)
            seen = old.ids(TRADE)[-1]

            assert seen < new.ids(TRADE)[0]


async def test_nobody_is_well_while_everybody_is_mute(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as old:
        await until(lambda: old.count(TRADE) > 5)
        exchange.begin(Mute(600.0, everybody=True))
        async with client(exchange, [TRADE]) as new:
            made = len(exchange.oracle.made[SERIES])
            await until(lambda: len(exchange.oracle.made[SERIES]) > made + 30)

            assert new.data == {}


async def test_a_muted_stream_leaves_its_siblings_alone(exchange: Exchange) -> None:
    async with client(exchange, [TRADE, BOOK]) as here:
        await until(lambda: here.count(TRADE) > 5)
        exchange.begin(MuteStream(TRADE, 600.0))
        await asyncio.sleep(0)
        before, books = len(exchange.oracle.sent[SERIES]), here.count(BOOK)
        await until(lambda: here.count(BOOK) > books + 50)

        assert len(exchange.oracle.sent[SERIES]) == before
        assert len(withheld(exchange)) > 10


async def test_a_muted_stream_flows_once_it_is_subscribed_again(exchange: Exchange) -> None:
    async with client(exchange, [TRADE, BOOK]) as here:
        await until(lambda: here.count(TRADE) > 5)
        exchange.begin(MuteStream(TRADE, 600.0))
        await asyncio.sleep(0)
        made, seen = len(exchange.oracle.made[SERIES]), here.count(TRADE)
        await until(lambda: len(exchange.oracle.made[SERIES]) > made + 10)
        for method in ("UNSUBSCRIBE", "SUBSCRIBE"):
            await here.socket.send(json.dumps({"method": method, "params": [TRADE], "id": 1}))
        await until(lambda: here.count(TRADE) > seen + 5)

        assert len(withheld(exchange)) >= 10


async def test_accept_then_close_lets_nobody_stay(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as here:
        closing = exchange.begin(AcceptThenClose(600.0))
        await in_time(here.socket.wait_closed())
        async with client(exchange, [TRADE]) as again:
            await in_time(again.socket.wait_closed())
            assert again.data == {}
        closing.cancel()
        await until(lambda: not exchange.accept_then_close)

    async with client(exchange, [TRADE]) as later:
        await until(lambda: later.count(TRADE) > 5)


async def test_a_server_shutdown_is_announced_then_done(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as here:
        await until(lambda: here.count(TRADE))

        await exchange.inflict(ServerShutdown(0.1, "spot"))

        await in_time(here.socket.wait_closed())
        assert (here.notices, here.socket.close_code) == (1, 1001)


async def test_a_lifetime_ends_each_connection_at_its_age(exchange: Exchange) -> None:
    exchange.begin(Lifetime(age=600.0))
    for _ in range(2):
        async with client(exchange, [TRADE]) as here:
            await until(lambda here=here: here.count(TRADE) > 20)  # type: ignore[misc]
            [session] = exchange.delivery.clients("spot")
            session._born -= 590.0
            await until(lambda here=here: here.count(TRADE) > 40)  # type: ignore[misc]
            session._born -= 10.0
            await in_time(here.socket.wait_closed())


async def test_skipped_events_are_made_and_never_sent(exchange: Exchange) -> None:
    async with client(exchange, [TRADE, BOOK]) as here:
        await until(lambda: here.count(TRADE) > 5)
        await exchange.inflict(Skip(TRADE, 3))
        seen = here.count(TRADE)
        await until(lambda: here.count(TRADE) > seen + 10)
        await settled(exchange, here)

        assert holes(here.ids(TRADE)) == withheld(exchange)
        assert len(withheld(exchange)) == 3


async def test_duplicated_events_come_twice_and_count_once(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as here:
        await until(lambda: here.count(TRADE) > 5)
        await exchange.inflict(Duplicate(TRADE, 4))
        await settled(exchange, here)
        ids = here.ids(TRADE)

        assert len(ids) - len(set(ids)) == 4
        assert [trade_id for (trade_id,) in exchange.oracle.sent[SERIES]] == sorted(set(ids))


async def test_reordered_events_swap_in_pairs(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as here:
        await until(lambda: here.count(TRADE) > 5)
        await exchange.inflict(Reorder(TRADE, 2))
        await settled(exchange, here)
        ids = here.ids(TRADE)

        assert sum(after < before for before, after in pairwise(ids)) == 2
        assert holes(ids) == withheld(exchange) == []


async def test_reordering_that_is_ended_early_loses_nothing(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as here:
        await until(lambda: here.count(TRADE) > 5)
        swapping = exchange.begin(Reorder(TRADE, 10_000))
        seen = here.count(TRADE)
        await until(lambda: here.count(TRADE) > seen + 11)
        swapping.cancel()
        await until(lambda: not exchange.delivery.filters)
        exchange.pause()
        await until(lambda: not withheld(exchange) and not holes(here.ids(TRADE)))


async def test_slow_frames_come_late_and_in_order(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as here:
        await until(lambda: here.count(TRADE) > 5)
        slow = exchange.begin(Slow(delay=0.5, seconds=600.0))
        await until(lambda: exchange.delivery.filters)
        made = exchange.oracle.made[SERIES]
        sent = exchange.oracle.sent[SERIES]
        # 400 a second, half a second late: about 200 are on their way.
        await until(lambda: len(made) - len(sent) > 100)
        await until(lambda: len(sent) > 60)
        slow.cancel()
        await until(lambda: not exchange.delivery.filters)
        await settled(exchange, here)

        ids = here.ids(TRADE)
        assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_malformed_frames_are_no_json_and_count_as_not_sent(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as here:
        await until(lambda: here.count(TRADE) > 5)
        await exchange.inflict(Malformed(3, TRADE))
        seen = here.count(TRADE)
        await until(lambda: here.count(TRADE) > seen + 5)
        await settled(exchange, here)

        assert len(here.broken) == 3
        assert holes(here.ids(TRADE)) == withheld(exchange)


async def test_a_clock_ahead_stamps_events_ahead(exchange: Exchange) -> None:
    async with client(exchange, [TRADE]) as here:
        await until(lambda: here.count(TRADE) > 5)
        skewed = exchange.begin(ClockSkew(3_600_000))
        hour_ahead = here.data[TRADE][0]["E"] + 3_600_000
        await until(lambda: here.data[TRADE][-1]["E"] >= hour_ahead)
        skewed.cancel()
        await until(lambda: here.data[TRADE][-1]["E"] < hour_ahead)


async def test_rest_follows_the_other_clock(exchange: Exchange) -> None:
    async def exchange_time_ms() -> int:
        url = exchange.bases["spot"].rest + "/api/v3/time"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return int((await answer.json())["serverTime"])

    before = await exchange_time_ms()
    exchange.begin(ClockSkew(3_600_000))
    await until(lambda: exchange.clock.skew_ms)

    assert 3_600_000 <= await exchange_time_ms() - before < 3_660_000


async def test_rest_refuses_so_many_calls(exchange: Exchange) -> None:
    url = exchange.bases["spot"].rest + "/api/v3/time"
    await exchange.inflict(Refuse(418, times=2, retry_after=60.0))
    answers = []
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.get(url) as answer:
                answers.append((answer.status, answer.headers.get("Retry-After")))

    assert answers == [(418, "60"), (418, "60"), (200, None)]


async def test_stopping_ends_every_fault() -> None:
    exchange = Exchange(Market(5), rate=400.0)
    await exchange.start()
    async with client(exchange, [TRADE]) as here:
        await until(lambda: here.count(TRADE))
        tasks = [exchange.begin(fault) for fault in (Stall(600), Mute(600), Lifetime())]
        await until(lambda: exchange.delivery.clients()[0].muted_all)

        await in_time(exchange.stop())

        assert all(task.cancelled() for task in tasks)
        await in_time(here.socket.wait_closed())


def test_every_fault_says_what_it_does() -> None:
    assert all(kind.__doc__ for kind in FAULTS.values())
