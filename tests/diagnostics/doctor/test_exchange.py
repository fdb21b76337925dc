"""What a doctor finds of the exchange: each finding is caused for real, over sockets."""

import math
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.binance.products import Product
from connector.config.load import load
from connector.config.plan import plan_of
from connector.diagnostics.doctor.exchange import ConnectionOptions, check_endpoints, check_rest
from connector.diagnostics.doctor.report import CheckResult
from connector.lab.exchange import Exchange
from connector.lab.faults import (
    ClockSkew,
    Mute,
    Refuse,
    RefuseHandshake,
    RefuseStream,
    RestBody,
)
from connector.lab.http_proxy import Proxy
from connector.lab.market import Market
from connector.planning.model import Plan
from connector.transport import tls
from connector.transport.rest import RestClient
from tests.support.waiting import GIVE_UP_S, until

pytestmark = pytest.mark.lab
LONG_ENOUGH_S = 1.0  # for a stream that is known to deliver nothing
SPOT = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["trade"]}


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    running = Exchange(Market(1), rate=500.0)
    await running.start()
    yield running
    await running.stop()


def plan(exchange: Exchange, folder: Path, *subscriptions: dict[str, Any]) -> Plan:
    bases = exchange.bases.items()
    config = {
        "exchange": {p: {"streams": b.streams[0], "rest": b.rest} for p, b in bases},
        "kafka": {"bootstrap_servers": "127.0.0.1:9"},
        "schema_registry": {"url": "http://127.0.0.1:9"},
        "subscriptions": list(subscriptions) or [SPOT],
    }
    path = folder / "connector.yaml"
    path.write_text(yaml.safe_dump(config))
    return plan_of(load(path))


async def rest_results(exchange: Exchange, proxy: str | None = None) -> list[CheckResult]:
    product: Product = "spot"
    rest = RestClient(exchange.bases, proxy=proxy)
    await rest.start()
    try:
        return await check_rest(rest, product, exchange.bases[product])
    finally:
        await rest.close()


async def stream_results(
    wanted: Plan, first_data_s: float = GIVE_UP_S, proxy: str | None = None
) -> list[CheckResult]:
    options = ConnectionOptions(proxy, tls.client_context(None), first_data_s)
    return await check_endpoints(wanted, options)


async def test_an_exchange_that_answers_is_well_and_so_is_its_clock(exchange: Exchange) -> None:
    rest, clock = await rest_results(exchange)

    assert (rest.check, rest.status) == ("exchange.rest.spot", "ok")
    assert (clock.check, clock.status) == ("exchange.clock.spot", "ok")


async def test_a_clock_that_is_off_is_warned_of_with_its_effect(exchange: Exchange) -> None:
    skew = exchange.begin(ClockSkew(30_000))
    await until(lambda: exchange.clock.skew_ms)
    try:
        _, clock = await rest_results(exchange)
    finally:
        skew.cancel()

    assert (clock.status, clock.cure) == ("warn", "keep it by NTP (chrony, systemd-timesyncd)")
    assert "receive times and lags are wrong by so much" in clock.text


REFUSALS = [
    (202, "a firewall in front of the exchange asks for proof", "wait, or run elsewhere"),
    (403, "a firewall in front of the exchange blocks this address", "wait, or run elsewhere"),
    (418, "-1003 ", "send nothing from this address until the ban ends, then lower limits.share"),
    (429, "-1003 ", "wait, and lower limits.share"),
    (451, "the exchange does not serve this location", "run elsewhere, or set a proxy"),
    (502, "the exchange is down or in maintenance", "wait for it"),
]


@pytest.mark.parametrize(("status", "text", "cure"), REFUSALS)
async def test_a_refusal_of_rest_fails_with_its_cure(
    exchange: Exchange, status: int, text: str, cure: str
) -> None:
    await exchange.inflict(Refuse(status))

    [result] = await rest_results(exchange)

    assert (result.status, result.cure) == ("fail", cure)
    assert f"HTTP {status}: {text}" in result.text
    assert cure not in result.text


@pytest.mark.parametrize("status", [status for status, _, _ in REFUSALS])
async def test_a_refused_handshake_fails_with_the_same_cure(
    exchange: Exchange, tmp_path: Path, status: int
) -> None:
    refusing = exchange.begin(RefuseHandshake(status))
    await until(lambda: exchange.handshakes.answers)

    [result] = await stream_results(plan(exchange, tmp_path))
    refusing.cancel()

    cures = {status: cure for status, _, cure in REFUSALS}
    assert (result.check, result.status, result.cure) == (
        "exchange.stream.spot",
        "fail",
        cures[status],
    )
    assert f"HTTP {status}: " in result.text


async def test_a_page_in_place_of_the_exchanges_answer_fails(exchange: Exchange) -> None:
    faulty = exchange.begin(RestBody("html"))
    await until(lambda: exchange.rest.interceptors)

    [result] = await rest_results(exchange)

    faulty.cancel()
    assert (result.check, result.status) == ("exchange.rest.spot", "fail")
    assert "something on the way answers in the exchange's place" in result.text


async def test_an_exchange_that_is_away_proves_nothing(exchange: Exchange, tmp_path: Path) -> None:
    wanted = plan(exchange, tmp_path)
    await exchange.stop()

    [rest], [stream] = await rest_results(exchange), await stream_results(wanted)

    assert (rest.status, rest.unreachable) == ("cannot tell", True)
    assert (stream.status, stream.unreachable) == ("cannot tell", True)


async def test_each_endpoint_of_the_plan_delivers_its_busiest_stream(
    exchange: Exchange, tmp_path: Path
) -> None:
    futures = {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["aggTrade", "bookTicker"]}
    wanted = plan(exchange, tmp_path, SPOT, futures)

    results = await stream_results(wanted)

    assert [result.status for result in results] == ["ok", "ok", "ok"]
    routes = sorted(result.text.partition("/stream:")[0].rpartition("/")[2] for result in results)
    assert routes[1:] == ["market", "public"]
    assert "first data of btcusdt@trade after" in results[0].text


async def test_a_stream_that_is_acknowledged_and_mute_fails(
    exchange: Exchange, tmp_path: Path
) -> None:
    mute = exchange.begin(Mute(math.inf, everybody=True))
    await until(lambda: exchange.delivery.filters)
    [result] = await stream_results(plan(exchange, tmp_path), LONG_ENOUGH_S)
    mute.cancel()

    assert result.status == "fail"
    assert result.text.endswith("btcusdt@trade is subscribed, and sent nothing in 1 s")
    assert result.cure.endswith("else the route or address is wrong")


async def test_a_stream_that_is_rare_may_be_silent(exchange: Exchange, tmp_path: Path) -> None:
    rare = {"product": "usdm", "streams": ["!contractInfo"]}
    mute = exchange.begin(Mute(math.inf, everybody=True))
    await until(lambda: exchange.delivery.filters)
    [result] = await stream_results(plan(exchange, tmp_path, rare), LONG_ENOUGH_S)
    mute.cancel()

    assert (result.status, result.unreachable) == ("cannot tell", False)
    assert "messages a second are expected" in result.text
    assert result.cure == "wait longer: --wait 60"


async def test_a_stream_that_the_exchange_refuses_is_named(
    exchange: Exchange, tmp_path: Path
) -> None:
    refusing = exchange.begin(RefuseStream("btcusdt@trade"))
    await until(lambda: exchange.delivery.refused)
    [result] = await stream_results(plan(exchange, tmp_path))
    refusing.cancel()

    assert (result.status, "(btcusdt@trade)" in result.text) == ("fail", True)
    assert result.cure.startswith("correct the name: `bkc streams` has the names")


async def test_a_connection_that_is_cut_at_once_fails(exchange: Exchange, tmp_path: Path) -> None:
    exchange.accept_then_close = True

    [result] = await stream_results(plan(exchange, tmp_path))

    assert result.status == "fail"
    assert result.cure.startswith("a proxy or firewall that cuts WebSocket connections")


async def test_tls_with_a_server_that_speaks_none_fails(exchange: Exchange, tmp_path: Path) -> None:
    wanted = plan(exchange, tmp_path)
    [connection] = wanted.connections
    encrypted = connection.endpoint.replace("ws:", "wss:")
    plans = replace(wanted, connections=(replace(connection, endpoint=encrypted),))

    [result] = await stream_results(plans)

    assert result.status == "fail"
    assert "the server does not speak TLS, it seems; write ws:// for a lab" in result.text


async def test_a_proxy_that_wants_a_login_fails_with_the_setting(
    exchange: Exchange, tmp_path: Path
) -> None:
    proxy = Proxy(login="me:word")
    await proxy.start()
    try:
        [rest] = await rest_results(exchange, proxy.url)
        [stream] = await stream_results(plan(exchange, tmp_path), proxy=proxy.url)
    finally:
        await proxy.stop()

    assert {rest.status, stream.status} == {"fail"}
    assert "give them in `proxy_login_file`" in rest.text
    assert "give them in `proxy_login_file`" in stream.text
