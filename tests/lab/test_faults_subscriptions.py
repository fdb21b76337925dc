"""Faults of connecting and subscribing, as a client of the lab meets them."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from connector.lab.clock import Clock
from connector.lab.exchange import Exchange
from connector.lab.faults import (
    Drop,
    LargeRequests,
    LateAnswers,
    LateData,
    NeverSent,
    RefuseHandshake,
    ServerShutdown,
    Slow,
)
from connector.lab.market import Market
from connector.lab.session_host import RequestLimits
from tests.support.lab_client import client
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.lab

TRADE, BOOK, OTHER = "btcusdt@trade", "btcusdt@bookTicker", "ethusdt@trade"
SERIES = ("spot", TRADE, "BTCUSDT")


class Lab(Exchange):
    """An exchange whose clock a test moves; events come in real time."""

    def __init__(self, **more: Any) -> None:
        self.now_s = 1_795_000_020.0
        super().__init__(Market(5), rate=400.0, clock=Clock(lambda: self.now_s), **more)

    async def until_made(self, more: int) -> None:
        """Return when so many further trades of SERIES were made."""
        made = self.oracle.made.setdefault(SERIES, [])
        before = len(made)
        await until(lambda: len(made) > before + more)


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    exchange = Lab()
    await exchange.start()
    yield exchange
    await exchange.stop()


async def subscribe(socket: ClientConnection, *names: str) -> Any:
    """Subscribe and return the answer, passing over data."""
    await socket.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
    while "id" not in (answer := json.loads(await in_time(socket.recv()))):
        pass
    return answer


def spot(exchange: Exchange) -> str:
    return exchange.bases["spot"].streams[0] + "/stream"


# Late data


async def test_data_comes_so_long_after_the_acknowledgement(lab: Lab) -> None:
    late = lab.begin(LateData(delay=4.0))
    await until(lambda: lab.delivery.delays)
    async with client(lab, [TRADE]) as here:
        await lab.until_made(20)
        lab.now_s += 3.9
        await lab.until_made(20)
        assert here.data == {}

        lab.now_s += 0.2
        await until(lambda: here.count(TRADE) > 5)
        late.cancel()


async def test_a_share_of_the_streams_never_comes_on_that_connection(lab: Lab) -> None:
    names = [TRADE, BOOK, OTHER, "ethusdt@bookTicker"]
    late = lab.begin(LateData(delay=0.0, never=0.5))
    await until(lambda: lab.delivery.delays)
    async with client(lab, names) as here:
        await until(lambda: here.count(TRADE) > 5 and here.count(OTHER) > 5)
        assert here.data.keys() == {TRADE, OTHER}
    late.cancel()
    await until(lambda: not lab.delivery.delays)
    async with client(lab, names) as well:
        await until(lambda: well.data.keys() == set(names))


async def test_a_stream_that_never_comes_does_not_come_when_subscribed_again(lab: Lab) -> None:
    async with connect(spot(lab), close_timeout=0.1) as socket:
        late = lab.begin(LateData(never=1.0))
        await until(lambda: lab.delivery.delays)
        assert await subscribe(socket, TRADE) == {"result": None, "id": 1}
        late.cancel()
        await until(lambda: not lab.delivery.delays)
        assert await subscribe(socket, TRADE, BOOK) == {"result": None, "id": 1}

        assert json.loads(await in_time(socket.recv()))["stream"] == BOOK
        await lab.until_made(20)
        assert lab.oracle.sent.get(SERIES) is None


async def test_only_new_connections_get_their_data_late(lab: Lab) -> None:
    """serverShutdown: the new connection is acknowledged, the old one ends before there is data."""
    async with client(lab, [TRADE]) as old:
        await until(lambda: old.count(TRADE) > 5)
        lab.begin(LateData(delay=4.0, new=True))
        await until(lambda: lab.delivery.delays)
        await subscribe_again(old.socket)
        shutdown = lab.begin(ServerShutdown(0.1, "spot"))
        await until(lambda: old.notices)
        async with client(lab, [TRADE]) as new:
            seen = old.count(TRADE)
            await until(lambda: old.count(TRADE) > seen or shutdown.done())
            await in_time(old.socket.wait_closed())
            last = old.ids(TRADE)[-1]
            await until(lambda: lab.oracle.made[SERIES][-1][0] > last + 20)
            assert new.data == {}
            lab.now_s += 4.1
            await until(lambda: new.count(TRADE) > 5)
            assert new.ids(TRADE)[0] > last + 20


async def subscribe_again(socket: ClientConnection) -> None:
    await socket.send(json.dumps({"method": "SUBSCRIBE", "params": [TRADE], "id": 1}))


# Never sent


async def test_streams_of_a_pattern_are_acknowledged_and_never_sent(lab: Lab) -> None:
    silent = lab.begin(NeverSent("*@trade"))
    await until(lambda: lab.delivery.filters)
    async with client(lab, [TRADE, BOOK]) as here, client(lab, [TRADE]) as other:
        await lab.until_made(20)
        await until(lambda: here.count(BOOK) > 20)

        assert here.data.keys() == {BOOK}
        assert other.data == {}
        assert len(lab.market.history.known("spot", "trade", "BTCUSDT", 0)) >= 20
        silent.cancel()
        await until(lambda: here.count(TRADE) > 5)


async def test_streams_that_the_market_does_not_make_are_not_in_rest(lab: Lab) -> None:
    lab.begin(NeverSent("btcusdt@*", made=False))
    await until(lambda: lab.delivery.unmade)
    async with client(lab, [TRADE, BOOK, OTHER]) as here:
        await until(lambda: here.count(OTHER) > 50)

        assert here.data.keys() == {OTHER}
        assert lab.market.history.known("spot", "trade", "BTCUSDT", 0) == []
        assert lab.oracle.made.keys() == {("spot", OTHER, "ETHUSDT")}


async def test_every_second_stream_is_never_sent(lab: Lab) -> None:
    names = [TRADE, BOOK, OTHER, "ethusdt@bookTicker"]
    lab.begin(NeverSent(every=2))
    await until(lambda: lab.delivery.filters)
    async with client(lab, names) as here:
        await until(lambda: here.count(TRADE) > 20 and here.count(OTHER) > 20)

        assert here.data.keys() == {TRADE, OTHER}


# Handshakes


@pytest.mark.parametrize(
    ("fault", "retry_after", "begin"),
    [
        (RefuseHandshake(451), None, "<html>"),
        (RefuseHandshake(403), None, "<html>"),
        (RefuseHandshake(202), None, "<html>"),
        (RefuseHandshake(502), None, "<html>"),
        (RefuseHandshake(418, retry_after=60.0), "60", "refused"),
        (RefuseHandshake(429, retry_after=5.0), "5", "refused"),
    ],
)
async def test_a_handshake_is_refused_with_status_and_body(
    lab: Lab, fault: RefuseHandshake, retry_after: str | None, begin: str
) -> None:
    refusal = lab.begin(fault)
    await until(lambda: lab.handshakes.answers)
    with pytest.raises(InvalidStatus) as caught:
        async with connect(spot(lab)):
            pass
    await in_time(refusal)

    response = caught.value.response
    assert response.status_code == fault.status
    assert response.headers.get("Retry-After") == retry_after
    assert bytes(response.body or b"").decode().startswith(begin)
    async with client(lab, [TRADE]) as here:
        await until(lambda: here.count(TRADE))


async def test_handshakes_of_other_products_are_accepted(lab: Lab) -> None:
    lab.begin(RefuseHandshake(451, product="usdm"))
    await until(lambda: lab.handshakes.answers)
    async with client(lab, [TRADE]) as here:
        await until(lambda: here.count(TRADE))
    with pytest.raises(InvalidStatus):
        async with connect(lab.bases["options"].streams[0] + "/public/stream"):
            pass


# Late answers


@pytest.mark.parametrize("delay", [0.2, math.inf])
async def test_data_comes_before_the_answer_to_its_subscription(lab: Lab, delay: float) -> None:
    late = lab.begin(LateAnswers(delay))
    await until(lambda: lab.delivery.answer_delay_s)
    async with connect(spot(lab)) as socket:
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": [TRADE], "id": 1}))
        assert json.loads(await in_time(socket.recv()))["stream"] == TRADE
        if delay < math.inf:
            while "id" not in (answer := json.loads(await in_time(socket.recv()))):
                pass
            assert answer == {"result": None, "id": 1}
        late.cancel()
        await until(lambda: not lab.delivery.answer_delay_s)


# Large requests


def names_of(size: int) -> list[str]:
    """Return names that make a request of about so many bytes."""
    return [f"x{number:06d}usdt@trade" for number in range(size // 21)]


@pytest.mark.parametrize("as_option", [True, False])
async def test_a_large_request_is_stuck_until_more_bytes_come(as_option: bool) -> None:
    lab = Lab(request_limits=RequestLimits() if as_option else None)
    await lab.start()
    try:
        if not as_option:
            lab.begin(LargeRequests())
            await until(lambda: lab.delivery.request_limits)
        async with connect(spot(lab), ping_interval=None) as socket:
            assert await subscribe(socket, *names_of(3_900)) == {"result": None, "id": 1}
            request = json.dumps({"method": "SUBSCRIBE", "params": names_of(5_000), "id": 2})
            assert 4_090 < len(request) < 8_000
            await socket.send(request)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.recv(), 0.2)
            await socket.ping()
            assert json.loads(await in_time(socket.recv())) == {"result": None, "id": 2}
    finally:
        await lab.stop()


async def test_a_request_that_is_larger_still_loses_the_connection() -> None:
    lab = Lab(request_limits=RequestLimits())
    await lab.start()
    try:
        async with connect(spot(lab)) as socket:
            with pytest.raises(ConnectionClosed):
                await subscribe(socket, *names_of(9_000))
    finally:
        await lab.stop()


async def test_a_stuck_request_does_not_keep_the_exchange_from_stopping() -> None:
    lab = Lab(request_limits=RequestLimits())
    await lab.start()
    async with connect(spot(lab), ping_interval=None, close_timeout=0.1) as socket:
        request = {"method": "SUBSCRIBE", "params": names_of(5_000), "id": 2}
        await socket.send(json.dumps(request))
        await in_time(lab.stop())


# One of two connections


async def test_every_second_connection_is_late(lab: Lab) -> None:
    async with client(lab, [TRADE]) as first, client(lab, [TRADE]) as second:
        await until(lambda: first.count(TRADE) > 5 and second.count(TRADE) > 5)
        slow = lab.begin(Slow(delay=600.0, seconds=600.0, every=2))
        await until(lambda: lab.delivery.filters)
        before = lab.oracle.made[SERIES][-1][0]
        await until(lambda: first.ids(TRADE)[-1] > before + 50)
        assert second.ids(TRADE)[-1] <= before
        slow.cancel()
        await until(lambda: not lab.delivery.filters)
        lab.pause()
        last = lab.oracle.sent[SERIES][-1][0]
        await until(lambda: {first.ids(TRADE)[-1], second.ids(TRADE)[-1]} == {last})

    for here in (first, second):
        ids = here.ids(TRADE)
        assert ids == list(range(ids[0], last + 1))


async def test_connections_end_in_turn(lab: Lab) -> None:
    async with client(lab, [TRADE]) as first, client(lab, [TRADE]) as second:
        await until(lambda: first.count(TRADE) and second.count(TRADE))
        await lab.inflict(Drop("spot", n=1))
        await in_time(first.socket.wait_closed())
        seen = second.count(TRADE)
        await until(lambda: second.count(TRADE) > seen + 5)
        async with client(lab, [TRADE]) as third:
            await until(lambda: third.count(TRADE))
            await lab.inflict(Drop("spot", n=1))
            await in_time(second.socket.wait_closed())
            seen = third.count(TRADE)
            await until(lambda: third.count(TRADE) > seen + 5)
