"""The client of the exchange's REST side, against the lab's over real sockets."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp
import pytest
import structlog

from connector.binance.exchange_info import ExchangeInfo, read_exchange_info
from connector.binance.products import PRODUCTS, Bases, Product
from connector.errors import Refused, Retry, Unserved
from connector.lab.http_proxy import Proxy
from connector.lab.market import Market
from connector.lab.rest import Rest as LabRest
from connector.transport.rest import RestClient
from tests.support.waiting import in_time

pytestmark = pytest.mark.lab
TIME, DEPTH = "/api/v3/time", "/api/v3/ticker/24hr"
BEGIN = 1_795_000_020.0 + 30  # in the middle of a minute


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is set."""

    now: float = BEGIN

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class World:
    """The lab's REST side, a client of it, and the clock of both."""

    market: Market
    lab: LabRest
    clock: Clock
    rest: RestClient

    def bases(self) -> Mapping[Product, Bases]:
        return bases(self.lab.url)


def bases(url: str) -> Mapping[Product, Bases]:
    return {product: Bases(("ws://unused",), url) for product in PRODUCTS}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    market, clock = Market(5), Clock()
    lab = LabRest(market)
    lab.clock = clock
    await lab.start()
    rest = RestClient(bases(lab.url), clock=clock)
    await rest.start()
    yield World(market, lab, clock, rest)
    await rest.close()
    await lab.stop()


async def ask(rest: RestClient, weight: int = 1) -> bytes:
    return await rest.get("spot", TIME, {}, weight)


# What is listed


async def test_the_universe_is_what_the_exchange_lists_and_trades(world: World) -> None:
    world.market.set_volume("coinm", "BTCUSD_PERP", 7_000_000.0)

    universe = await world.rest.universe(PRODUCTS, ("spot", "coinm"))

    listed = {
        product: [listing.symbol for listing in universe.listings[product]] for product in PRODUCTS
    }
    assert listed == {product: list(world.market.symbols[product]) for product in PRODUCTS}
    assert set(universe.volumes) == {"spot", "coinm"}
    assert set(universe.volumes["spot"]) == set(world.market.symbols["spot"])
    assert universe.volumes["coinm"]["BTCUSD_PERP"] == pytest.approx(7_000_000.0)


@pytest.mark.parametrize("product", PRODUCTS)
async def test_volumes_rank_symbols_as_they_were_traded(world: World, product: Product) -> None:
    for number, symbol in enumerate(world.market.symbols[product]):
        world.market.set_volume(product, symbol, 1_000_000.0 * (number + 1))

    volumes = (await world.rest.universe((), (product,))).volumes[product]

    assert sorted(volumes, key=lambda name: volumes[name]) == list(world.market.symbols[product])


async def test_only_the_products_asked_for_are_asked_about(world: World) -> None:
    universe = await world.rest.universe(["usdm"], ())

    assert list(universe.listings) == ["usdm"]
    assert [call.path for call in world.lab.asked] == ["/fapi/v1/exchangeInfo"]


async def test_listings_follow_the_market(world: World) -> None:
    world.market.list_symbol("spot", "NEWUSDT")
    world.market.delist("spot", "XRPUSDT")
    world.market.set_status("spot", "BNBUSDT", "BREAK")

    listings = (await world.rest.universe(["spot"], ())).listings["spot"]

    assert [listing.symbol for listing in listings] == [
        "BTCUSDT",
        "ETHUSDT",
        "BNBUSDT",
        "SOLUSDT",
        "NEWUSDT",
    ]
    assert [listing.symbol for listing in listings if not listing.is_trading] == ["BNBUSDT"]


async def test_an_answer_that_is_no_exchange_info_is_trouble_on_the_way(world: World) -> None:
    wrong = {"spot": Bases((), f"{world.lab.url}/api/v3/time?")}
    rest = RestClient(wrong)  # type: ignore[arg-type] # one product is enough here
    await rest.start()
    try:
        with pytest.raises(
            Retry,
            match=r"exchangeInfo: HTTP 200, and no exchangeInfo of spot: .*serverTime.*on the way",
        ):
            await rest.universe(["spot"], ())
    finally:
        await rest.close()


async def test_the_call_that_failed_is_named(world: World) -> None:
    world.lab.refuse(202, path="/api/v3/ticker")

    with pytest.raises(Retry, match=r"^127\.0\.0\.1/api/v3/ticker/24hr: HTTP 202: a firewall"):
        await world.rest.universe(["spot"], ["spot"])


# Weight


async def test_the_exchanges_limits_become_ours(world: World) -> None:
    world.lab.meters["spot"].limit = 1200
    world.lab.meters["options"].limit = 3000

    await world.rest.universe(PRODUCTS, ())

    limits = {name: pool.limit for name, pool in world.rest.pools.items()}
    assert limits == {"spot": 1200, "futures": 2400, "options": 3000}


async def test_a_share_is_of_the_limit_in_exchange_info(world: World) -> None:
    rest = RestClient(world.bases(), share=0.25, clock=world.clock)
    await rest.start()
    before = rest.pools["spot"].limit
    world.lab.meters["spot"].limit = 1200
    await rest.universe(["spot"], ())
    await rest.close()

    assert (before, rest.pools["spot"].limit) == (1500, 300)


async def test_usdm_and_coinm_share_one_pool(world: World) -> None:
    await world.rest.universe(PRODUCTS, PRODUCTS)

    used = {name: pool.used for name, pool in world.rest.pools.items()}
    assert used == {"spot": 100, "futures": 82, "options": 41}
    assert used == {name: meter.used for name, meter in world.lab.meters.items()}


async def test_what_another_program_used_is_counted(world: World) -> None:
    world.lab.meters["spot"].count(500, world.clock())

    await ask(world.rest)

    assert world.rest.pools["spot"].used == 501


async def test_what_another_program_used_is_not_taken_from_our_share(world: World) -> None:
    rest = RestClient(world.bases(), share=0.5, clock=world.clock)
    await rest.start()
    world.lab.meters["spot"].count(3_500, world.clock())
    await ask(rest)

    await in_time(ask(rest, 2_400))  # 5,901 of 6,000; 2,401 of our 3,000
    await rest.close()

    assert len(world.lab.asked) == 2


async def test_calls_wait_in_order_until_there_is_weight_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.transport.weight_pool.POLL_INTERVAL_S", 0.01)
    await ask(world.rest, 5_900)
    world.rest.pools["spot"].on_headers({"X-MBX-USED-WEIGHT": "5990"}, 0)
    waiting = [asyncio.create_task(ask(world.rest, weight)) for weight in (80, 1)]
    done, _ = await asyncio.wait(waiting, timeout=0.2)
    asked_before = len(world.lab.asked)

    world.clock.now += 60
    await in_time(asyncio.gather(*waiting))

    # The light call would have had room: it waits behind the heavy one all the same.
    assert (done, asked_before, len(world.lab.asked)) == (set(), 1, 3)


# Refusals


async def test_429_keeps_the_whole_pool_away_and_no_other(world: World) -> None:
    world.lab.refuse(429, retry_after_s=7)

    with pytest.raises(Retry, match=r"^127\.0\.0\.1/api/v3/time: HTTP 429: -1003") as first:
        await ask(world.rest)
    with pytest.raises(Retry, match=r"refuses calls \(spot\) for 7\.0 s more") as second:
        await ask(world.rest)
    await world.rest.get("usdm", "/fapi/v1/time", {}, 1)
    until_ = world.rest.pools["spot"].banned_until
    world.clock.now += 7

    assert (first.value.after_s, second.value.after_s) == (7.0, 7.0)
    assert until_ == BEGIN + 7
    assert json.loads(await ask(world.rest))["serverTime"] > 0
    assert world.rest.pools["spot"].banned_until == 0.0
    assert [call.path for call in world.lab.asked] == [TIME, "/fapi/v1/time", TIME]


async def test_429_of_the_meter_lasts_until_the_minutes_end(world: World) -> None:
    world.lab.meters["spot"].limit = 1
    await ask(world.rest)

    with pytest.raises(Retry, match="current limit is 1 request weight per 1 MINUTE") as caught:
        await ask(world.rest)

    assert caught.value.after_s == 30.0


async def test_a_ban_lasts_as_long_as_the_exchange_says(world: World) -> None:
    world.lab.refuse(418, retry_after_s=600)

    with structlog.testing.capture_logs() as lines, pytest.raises(Retry, match="HTTP 418"):
        await ask(world.rest)

    assert world.rest.pools["spot"].banned_until == BEGIN + 600
    assert [(line["event"], line["status"], line["seconds"]) for line in lines] == [
        ("rest_refused", 418, 600.0)
    ]


async def test_a_server_error_is_a_retry_without_a_ban(world: World) -> None:
    world.lab.refuse(502)

    with pytest.raises(Retry, match="HTTP 502: the exchange is down or in maintenance"):
        await ask(world.rest)

    assert json.loads(await ask(world.rest))["serverTime"] > 0


async def test_the_exchanges_code_and_text_are_shown(world: World) -> None:
    with pytest.raises(Refused) as caught:
        await world.rest.get("spot", DEPTH, {"symbol": "NOSUCH"}, 2)

    place = "127.0.0.1/api/v3/ticker/24hr (NOSUCH)"
    assert str(caught.value) == f"{place}: HTTP 400: -1121 Invalid symbol."


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [(403, Retry, "a firewall"), (410, Refused, "no longer offered"), (451, Unserved, "location")],
)
async def test_html_error_pages_become_a_sentence(
    world: World, status: int, kind: type[Exception], words: str
) -> None:
    world.lab.refuse(status)

    with pytest.raises(kind, match=f"HTTP {status}: .*{words}"):
        await ask(world.rest)


async def test_names_that_are_not_ascii_are_asked_for_as_they_are(world: World) -> None:
    world.market.list_symbol("spot", "币安人生USDT")

    raw = await world.rest.get("spot", DEPTH, {"symbol": "币安人生USDT"}, 2)

    assert json.loads(raw)["symbol"] == "币安人生USDT"


# Connections


async def test_a_refused_connection_is_a_retry() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        rest = RestClient(bases(url))
        await rest.start()
        try:
            with pytest.raises(Retry, match=r"^127\.0\.0\.1/api/v3/time: cannot connect: "):
                await ask(rest)
        finally:
            await rest.close()


async def test_an_answer_that_does_not_come_is_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "connector.transport.rest_session.TIMEOUT", aiohttp.ClientTimeout(total=0.2)
    )
    left = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # to the client's end
        writer.close()
        await writer.wait_closed()
        left.set()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    rest = RestClient(bases(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    await rest.start()
    try:
        with pytest.raises(Retry, match="no answer in time"):
            await ask(rest)
        await in_time(left.wait())
    finally:
        await rest.close()
        server.close()


async def test_a_connection_cut_within_an_answer_is_a_retry() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")  # what is not read becomes a reset
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    rest = RestClient(bases(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    await rest.start()
    try:
        with pytest.raises(Retry, match="ClientPayloadError while it answered"):
            await ask(rest)
    finally:
        await rest.close()
        server.close()


# Keys and proxies


async def test_the_key_goes_only_with_calls_that_need_it(world: World) -> None:
    rest = RestClient(world.bases(), api_key="k3y")
    await rest.start()
    await ask(rest)
    await rest.get("spot", TIME, {}, 1, keyed=True)
    await rest.close()

    assert [call.keyed for call in world.lab.asked] == [False, True]
    assert all("k3y" not in str(call) for call in world.lab.asked)


async def test_without_a_key_a_call_that_needs_one_is_refused_with_the_cure(world: World) -> None:
    with pytest.raises(Refused, match=r"needs an API key; set backfill\.api_key_file"):
        await world.rest.get("spot", TIME, {}, 1, keyed=True)

    assert list(world.lab.asked) == []


def test_a_key_that_cannot_be_one_is_refused_and_not_shown() -> None:
    with pytest.raises(Refused, match="characters that no key has") as caught:
        RestClient({}, api_key="k3y\nX-Other: 1")

    assert "k3y" not in str(caught.value)


async def test_a_product_without_an_address_is_refused_with_the_cure() -> None:
    with pytest.raises(Refused, match=r"set exchange\.spot\.rest"):
        await ask(RestClient({}))


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    server = Proxy(login="bkc:open-sesame")
    await server.start()
    yield server
    await server.stop()


def with_login(proxy: Proxy, login: str) -> str:
    return proxy.url.replace("//", f"//{login}@")


async def test_calls_go_through_the_proxy(world: World, proxy: Proxy) -> None:
    rest = RestClient(world.bases(), proxy=with_login(proxy, "bkc:open-sesame"))
    await rest.start()
    universe = await rest.universe(["spot"], ["spot"])
    await rest.close()

    assert len(universe.listings["spot"]) == len(world.market.symbols["spot"])
    assert set(proxy.seen) == {world.lab.url.removeprefix("http://")}


async def test_a_wrong_proxy_password_is_refused_and_never_shown(
    world: World, proxy: Proxy
) -> None:
    rest = RestClient(world.bases(), proxy=with_login(proxy, "bkc:swordfish"))
    await rest.start()
    with pytest.raises(Refused, match="the proxy wants a user name and password") as caught:
        await ask(rest)
    await rest.close()

    assert "swordfish" not in repr(caught.value) + str(caught.value.__cause__)
    assert list(world.lab.asked) == []


@pytest.mark.parametrize(
    ("broken", "kind", "words"),
    [
        (False, Refused, "the proxy wants a user name and password"),
        (True, Retry, "the proxy answered 502 and made no connection"),
    ],
)
async def test_a_refused_tunnel_is_reported_without_the_password(
    proxy: Proxy, broken: bool, kind: type[Exception], words: str
) -> None:
    proxy.broken = broken
    login = "bkc:open-sesame" if broken else "bkc:swordfish"
    rest = RestClient(bases("https://127.0.0.1:9"), proxy=with_login(proxy, login))
    await rest.start()
    with pytest.raises(kind, match=words) as caught:
        await ask(rest)
    await rest.close()

    assert login.partition(":")[2] not in str(caught.value)


async def test_an_unreachable_proxy_is_a_retry_without_its_password(world: World) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
        rest = RestClient(world.bases(), proxy=f"http://bkc:swordfish@{place}")
        await rest.start()
        with pytest.raises(Retry, match="the proxy cannot be reached: ") as caught:
            await ask(rest)
        await rest.close()

    assert "swordfish" not in str(caught.value)


async def test_used_and_banned_are_of_now(world: World) -> None:
    await ask(world.rest)
    world.lab.refuse(429, retry_after_s=5)
    with pytest.raises(Retry):
        await ask(world.rest)

    world.clock.now += 60

    pool = world.rest.pools["spot"]
    assert (pool.used, pool.banned_until) == (0, 0.0)


async def test_answers_are_read_off_the_event_loop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def noting(product: Product, raw: bytes) -> ExchangeInfo:
        threads.append(threading.current_thread())
        return read_exchange_info(product, raw)

    monkeypatch.setattr("connector.transport.rest.read_exchange_info", noting)
    await world.rest.universe(["spot"], ())

    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()
