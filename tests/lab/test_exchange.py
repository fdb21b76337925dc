"""The exchange in a box, spoken to by a plain websockets client."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from connector.binance.exchange_info import read_exchange_info
from connector.binance.products import Product
from connector.binance.stream_name import parse
from connector.lab.exchange import Exchange
from connector.lab.faults import RefuseStream, Skip
from connector.lab.market import Market
from connector.lab.real_kafka import free_port
from tests.support.clock import StoppedTime
from tests.support.lab_client import client
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.lab


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    lab = Exchange(Market(3), rate=500.0)
    await lab.start()
    yield lab
    await lab.stop()


def url(exchange: Exchange, product: Product, path: str = "/stream") -> str:
    return exchange.bases[product].streams[0] + path


async def ask(socket: ClientConnection, request: Any) -> Any:
    """Send a request and return its answer, passing over data."""
    await socket.send(request if isinstance(request, str) else json.dumps(request))
    while True:
        answer = json.loads(await in_time(socket.recv()))
        if "stream" not in answer and "e" not in answer:
            return answer


async def arrived(socket: ClientConnection) -> list[Any]:
    """Return what was sent before a ping and has not been read yet."""
    frames: list[Any] = []
    pong = asyncio.ensure_future(await socket.ping())
    while True:
        reading = asyncio.ensure_future(socket.recv())
        await asyncio.wait((reading, pong), return_when=asyncio.FIRST_COMPLETED)
        if not reading.done():
            reading.cancel()
            return frames
        frames.append(json.loads(reading.result()))


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"method": "SUBSCRIBE", "params": ["x@trade"], "id": 1}, {"result": None, "id": 1}),
        ({"method": "UNSUBSCRIBE", "params": ["x@trade"], "id": 2}, {"result": None, "id": 2}),
        ({"method": "LIST_SUBSCRIPTIONS", "id": 3}, {"result": [], "id": 3}),
        ({"method": "GET_PROPERTY", "params": ["combined"], "id": 2}, {"result": True, "id": 2}),
        (
            {"method": "SET_PROPERTY", "params": ["other", True], "id": 5},
            {"code": 0, "msg": "Unknown property", "id": 5},
        ),
        (
            {"method": "SET_PROPERTY", "params": ["combined", 1], "id": 5},
            {"code": 1, "msg": "Invalid value type: expected Boolean", "id": 5},
        ),
        ("nonsense", {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}),
    ],
)
async def test_requests_get_the_exchanges_own_answers(
    exchange: Exchange, request_: Any, answer: Any
) -> None:
    async with connect(url(exchange, "spot")) as socket:
        assert await ask(socket, request_) == answer


async def test_an_unknown_method_is_refused_without_an_error_wrapper(exchange: Exchange) -> None:
    async with connect(url(exchange, "spot")) as socket:
        answer = await ask(socket, {"method": "SUBSCRIB", "id": 1})

    assert answer["code"] == 2
    assert "unknown variant `SUBSCRIB`" in answer["msg"]


@pytest.mark.parametrize(
    ("product", "path", "name"),
    [
        ("usdm", "/public/stream", "btcusdt@aggTrade"),
        ("usdm", "/market/stream", "btcusdt@bookTicker"),
        ("usdm", "/stream", "btcusdt@aggTrade"),  # unrouted is /public
        ("options", "/market/stream", "btc-261225-100000-c@bookTicker"),
        ("spot", "/stream", "BTCUSDT@trade"),
        ("spot", "/stream", "btcusdt@trades"),
        ("spot", "/stream", "nosuchcoin@trade"),
    ],
)
async def test_a_wrong_route_or_name_is_acknowledged_and_silent(
    exchange: Exchange, product: Product, path: str, name: str
) -> None:
    async with connect(url(exchange, product, path)) as socket:
        answer = await ask(socket, {"method": "SUBSCRIBE", "params": [name], "id": 1})

        assert answer == {"result": None, "id": 1}
        async with client(exchange, ["btcusdt@trade"]) as other:
            await until(lambda: other.count("btcusdt@trade") > 20)
        assert await arrived(socket) == []


@pytest.mark.parametrize(
    ("product", "path", "name"),
    [
        ("usdm", "/public/stream", "btcusdt@bookTicker"),
        ("usdm", "/stream", "btcusdt@bookTicker"),
        ("usdm", "/market/stream", "btcusdt@aggTrade"),
        ("coinm", "/stream", "btcusd_perp@aggTrade"),
        ("options", "/public/stream", "btcusdt@optionTrade"),
        ("options", "/market/stream", "btc-261225-100000-c@kline_1m"),
        ("spot", "/stream?streams=btcusdt@trade", "btcusdt@trade"),
    ],
)
async def test_the_right_route_delivers(
    exchange: Exchange, product: Product, path: str, name: str
) -> None:
    async with connect(url(exchange, product, path)) as socket:
        if "streams=" not in path:
            await ask(socket, {"method": "SUBSCRIBE", "params": [name], "id": 1})

        assert json.loads(await in_time(socket.recv()))["stream"] == name


async def test_a_raw_connection_gets_payloads_without_wrapper(exchange: Exchange) -> None:
    async with connect(url(exchange, "spot", "/ws/btcusdt@trade")) as socket:
        assert json.loads(await in_time(socket.recv()))["e"] == "trade"


@pytest.mark.parametrize(("product", "digits"), [("spot", 16), ("coinm", 13)])
async def test_spot_tells_microseconds_to_those_who_ask(
    exchange: Exchange, product: Product, digits: int
) -> None:
    symbol = {"spot": "btcusdt", "coinm": "btcusd_perp"}[product]
    path = f"/stream?streams={symbol}@kline_1m/{symbol}@trade&timeUnit=MICROSECOND"
    seen: dict[str, Any] = {}
    async with connect(url(exchange, product, path)) as socket:
        while len(seen) < 2:
            frame = json.loads(await in_time(socket.recv()))
            seen[frame["data"]["e"]] = frame["data"]

    times = [seen["trade"]["E"], seen["trade"]["T"], seen["kline"]["k"]["t"]]
    assert [len(str(at)) for at in times] == [digits] * 3
    assert len(str(seen["trade"]["t"])) <= 11  # an id, not a time


async def test_the_oracle_knows_exactly_what_a_client_received(exchange: Exchange) -> None:
    names = ["btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@bookTicker", "ethusdt@kline_1m"]
    received: dict[str, list[Any]] = {name: [] for name in names}
    async with connect(url(exchange, "spot")) as socket:
        await ask(socket, {"method": "SUBSCRIBE", "params": names, "id": 1})
        while sum(map(len, received.values())) < 300:
            frame = json.loads(await in_time(socket.recv()))
            received[frame["stream"]].append(frame["data"])
        exchange.pause()
        for frame in await arrived(socket):
            received[frame["stream"]].append(frame["data"])
    trades = [data["t"] for data in received["btcusdt@trade"]]
    depth = [(data["U"], data["u"]) for data in received["btcusdt@depth@100ms"]]
    books = [data["u"] for data in received["btcusdt@bookTicker"]]

    sent = {name: identities for (_, name, _), identities in exchange.oracle.sent.items()}
    assert [trade_id for (trade_id,) in sent["btcusdt@trade"]] == trades
    assert sent["btcusdt@depth@100ms"] == depth
    assert trades == list(range(trades[0], trades[0] + len(trades)))
    assert all(after[0] == before[1] + 1 for before, after in pairwise(depth))
    assert books == sorted(set(books))


async def test_a_request_with_a_refused_name_is_refused_as_a_whole(exchange: Exchange) -> None:
    both = {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "ethusdt@trade"], "id": 1}
    async with connect(url(exchange, "spot")) as socket:
        refusal = exchange.begin(RefuseStream("ethusdt@trade"))
        while "ethusdt@trade" not in exchange.delivery.refused:
            await asyncio.sleep(0)
        refused = await ask(socket, both)
        held = await ask(socket, {"method": "LIST_SUBSCRIPTIONS", "id": 2})
        refusal.cancel()
        taken = await ask(socket, both)

    assert refused == {"code": 2, "msg": "Invalid request: invalid stream name", "id": 1}
    assert held == {"result": [], "id": 2}
    assert taken == {"result": None, "id": 1}


async def test_too_many_messages_a_second_end_the_connection(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.lab.client_session.time", StoppedTime())
    async with connect(url(exchange, "spot")) as socket:
        for number in range(8):
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        await in_time(socket.wait_closed())

    assert (socket.close_code, socket.close_reason) == (1008, "Too many requests")


async def test_too_many_streams_end_the_connection(exchange: Exchange) -> None:
    names = [f"btc-261225-{strike}-c@bookTicker" for strike in range(201)]
    async with connect(url(exchange, "options", "/public/stream")) as socket:
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
        await in_time(socket.wait_closed())

    assert socket.close_code == 1008


async def test_too_many_connections_are_refused_with_429() -> None:
    exchange = Exchange(Market(3), connects=2)
    await exchange.start()
    try:
        for _ in range(2):
            async with connect(url(exchange, "spot")):
                pass
        with pytest.raises(InvalidStatus) as caught:
            async with connect(url(exchange, "spot")):
                pass
    finally:
        await exchange.stop()

    assert caught.value.response.status_code == 429


@pytest.mark.parametrize(
    ("product", "path"),
    [
        ("spot", "/api/v3/exchangeInfo"),
        ("usdm", "/fapi/v1/exchangeInfo"),
        ("coinm", "/dapi/v1/exchangeInfo"),
        ("options", "/eapi/v1/exchangeInfo"),
    ],
)
async def test_exchange_info_lists_the_markets_symbols(
    exchange: Exchange, product: Product, path: str
) -> None:
    url = exchange.bases[product].rest + path
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        raw = await answer.read()

    listings = read_exchange_info(product, raw).listings
    assert [listing.symbol for listing in listings] == list(Market(3).symbols[product])
    assert all(listing.is_trading for listing in listings)


async def depth_of(
    exchange: Exchange, product: Product, name: str, route: str = ""
) -> tuple[list[Any], list[Any]]:
    """Return what two connections to one depth stream got: as it is made, and cut differently."""
    async with (
        client(exchange, [name], product, route) as first,
        client(exchange, [name], product, route) as second,
    ):
        await until(lambda: second.count(name) > 10)
        last = second.data[name][-1]["u"]
        await until(lambda: first.count(name) and first.data[name][-1]["u"] >= last)
        return first.data[name], second.data[name]


@pytest.fixture
async def misaligned() -> AsyncIterator[Exchange]:
    lab = Exchange(Market(3), rate=300.0, misaligned=True)
    await lab.start()
    yield lab
    await lab.stop()


async def test_a_misaligned_connection_of_spot_covers_the_same_ids_cut_differently(
    misaligned: Exchange,
) -> None:
    first, second = await depth_of(misaligned, "spot", "btcusdt@depth@100ms")

    assert all(after["U"] == before["u"] + 1 for before, after in pairwise(second))
    ends = {data["u"]: data for data in first}
    begins = {data["U"]: data for data in first}
    cut = [data for data in second if data["u"] in ends and data["U"] in begins]
    assert len(cut) >= 8
    for data in cut:
        first, last = begins[data["U"]], ends[data["u"]]
        assert (first["u"] + 1, data["E"]) == (last["U"], last["E"] + 1)
        for side in ("b", "a"):
            assert dict(data[side]) == dict(first[side]) | dict(last[side])


async def test_a_misaligned_connection_of_futures_keeps_the_chain(misaligned: Exchange) -> None:
    _, other = await depth_of(misaligned, "usdm", "btcusdt@depth@100ms", "/public")

    assert all(after["pu"] == before["u"] for before, after in pairwise(other))


async def test_what_both_connections_got_counts_once(misaligned: Exchange) -> None:
    await depth_of(misaligned, "spot", "btcusdt@depth@100ms")
    sent = misaligned.oracle.sent["spot", "btcusdt@depth@100ms", "BTCUSDT"]

    assert len(sent) == len(set(sent))


async def test_a_misaligned_connection_alone_sends_what_it_was_made_of(
    misaligned: Exchange,
) -> None:
    name = "btcusdt@depth@100ms"
    async with client(misaligned, []), client(misaligned, [name]) as here:
        await until(lambda: here.count(name) > 10)
        misaligned.pause()
        sent = misaligned.oracle.sent["spot", name, "BTCUSDT"]
        await until(lambda: here.data[name][-1]["u"] == sent[-1][1])

        assert len(sent) == 2 * here.count(name)
        assert (sent[0][0], sent[1][1]) == (here.data[name][0]["U"], here.data[name][0]["u"])


async def test_a_skipped_change_is_a_hole_on_a_misaligned_connection_too(
    misaligned: Exchange,
) -> None:
    name = "btcusdt@depth@100ms"
    async with client(misaligned, [name]) as first, client(misaligned, [name]) as second:
        await until(lambda: second.count(name) > 3)
        await misaligned.inflict(Skip(name))
        seen = first.count(name), second.count(name)
        await until(lambda: first.count(name) > seen[0] + 5)
        await until(lambda: second.count(name) > seen[1] + 5)
        [lost] = misaligned.oracle.withheld(("spot", name, "BTCUSDT"))[:1]

    for here in (first, second):
        spans = [(data["U"], data["u"]) for data in here.data[name]]
        jumps = [(a[1] + 1, b[0] - 1) for a, b in pairwise(spans) if b[0] != a[1] + 1]
        assert jumps == [lost]


async def test_an_options_trade_is_told_on_its_own_and_on_its_underlyings_stream(
    exchange: Exchange,
) -> None:
    own, all_of_them = "btc-261225-100000-c@optionTrade", "btcusdt@optionTrade"
    async with client(exchange, [own, all_of_them], "options", "/public") as here:
        await until(lambda: here.count(own) > 40)

    ids = here.ids(own)
    array_ids = [data["t"] for data in here.data[all_of_them] if data["s"] == "BTC-261225-100000-C"]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert set(ids[1:-2]) <= set(array_ids)
    assert array_ids == list(range(array_ids[0], array_ids[0] + len(array_ids)))


@pytest.mark.parametrize(
    ("product", "route", "name", "symbol"),
    [
        ("usdm", "/market", "!contractInfo", "NEWUSDT"),
        ("options", "/market", "!optionSymbol", "BTC-270101-90000-P"),
    ],
)
async def test_listings_are_announced(product: Product, route: str, name: str, symbol: str) -> None:
    market = Market(3)
    exchange = Exchange(market, rate=200.0)
    await exchange.start()
    try:
        async with client(exchange, [name], product, route) as here:
            await until(lambda: here.count(name))
            market.list_symbol(product, symbol)
            await until(lambda: any(data["s"] == symbol for data in here.data[name]))
            market.delist(product, symbol)
            # Only an announcement can say so: the stream's usual events are about what is listed.
            await until(lambda: any(data["cs"] == "CLOSE" for data in here.data[name]))
            closed = [data["s"] for data in here.data[name] if data["cs"] == "CLOSE"]
    finally:
        await exchange.stop()

    assert closed == [symbol]


def test_an_announcement_is_told_by_the_streams_of_listings_alone() -> None:
    market = Market(3)
    market.list_symbol("coinm", "NEWUSD_PERP")
    names: tuple[tuple[Product, str], ...] = (
        ("usdm", "!contractInfo"),  # one stream tells of both futures products
        ("coinm", "!contractInfo"),
        ("options", "!optionSymbol"),
        ("coinm", "btcusd_perp@aggTrade"),
    )

    states = [
        market.announcement(parse(product, name), "coinm", "NEWUSD_PERP", 1_795_000_000_000)
        for product, name in names
    ]

    assert [event and (event.symbol, event.data["cs"]) for event in states] == [
        ("NEWUSD_PERP", "TRADING"),
        ("NEWUSD_PERP", "TRADING"),
        None,
        None,
    ]


async def test_ports_can_be_chosen_and_a_taken_one_is_an_error() -> None:
    taken = free_port()
    first = Exchange(Market(1), ports={"spot": taken})
    await first.start()
    second = Exchange(Market(1), ports={"fstream": taken})
    try:
        with pytest.raises(OSError, match="address already in use"):
            await second.start()
    finally:
        await second.stop()
        await first.stop()
    third = Exchange(Market(1), ports={"spot": taken})
    await third.start()
    assert third.bases["spot"].streams == (f"ws://127.0.0.1:{taken}",)
    await third.stop()
