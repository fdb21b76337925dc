"""Feeds of accounts against the lab: hand-overs, and an exchange that cannot be reached."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from connector.lab.exchange import Exchange
from connector.lab.faults import RefuseHandshake, ServerShutdown, Stall
from tests.support.account_exchange import MovedTime, add_account
from tests.support.account_feed import (
    ALL,
    STILL,
    connections,
    feeding,
    happen,
    paths,
    source,
)
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("product", ALL)
async def test_a_connection_that_grows_old_is_replaced_without_a_break(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    account = add_account(exchange, product)
    timings = replace(STILL, life_s=0.3)
    async with feeding(exchange, time, [source(product)], timings) as (_, reported):
        await reported.covered()
        first = connections(exchange)
        await until(lambda: connections(exchange) and not first & connections(exchange))
        sent = happen(exchange, account)
        await until(lambda: sent[-1] in reported.events())

        assert "connection_lost" not in reported.kinds()
        assert reported.kinds().count("Covered") == 1


@pytest.mark.parametrize("product", ALL)
async def test_an_announced_end_is_forestalled(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    account = add_account(exchange, product)
    async with feeding(exchange, time, [source(product)]) as (_, reported):
        await reported.covered()
        first = connections(exchange)
        ending = [
            asyncio.create_task(exchange.ws_api.shut_down(3_600.0)),
            asyncio.create_task(ServerShutdown(3_600.0).strike(exchange)),
        ]
        await until(lambda: connections(exchange) and not first & connections(exchange))
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)
        for task in ending:
            task.cancel()

        assert set(reported.kinds()) == {"Covered", "AccountEvent"}


@pytest.mark.parametrize("product", ALL)
async def test_an_announced_end_that_comes_at_once_is_named(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    add_account(exchange, product)
    async with feeding(exchange, time, [source(product)]) as (_, reported):
        await reported.covered()
        refusing = asyncio.create_task(RefuseHandshake(502, 1).strike(exchange))
        await asyncio.sleep(0)
        await exchange.ws_api.shut_down(0.0)
        await ServerShutdown(0.0).strike(exchange)
        await reported.covered(2)
        await in_time(refusing)

        assert reported.kinds() == ["Covered", "server_shutdown", "Covered"]


@pytest.mark.parametrize("product", ALL)
async def test_a_refused_handshake_is_tried_again(
    exchange: Exchange, time: MovedTime, product: Any
) -> None:
    refusing = asyncio.create_task(RefuseHandshake(502, 2).strike(exchange))
    await asyncio.sleep(0)
    async with feeding(exchange, time, [source(product)]) as (_, reported):
        await reported.covered()
        await in_time(refusing)

        assert reported.kinds() == ["Covered"]


async def test_a_ban_is_waited_for_and_nothing_is_asked_meanwhile(
    exchange: Exchange, time: MovedTime
) -> None:
    exchange.ws_api.refusals = [(418, 30.0)]
    exchange.rest.refuse(418, 30.0, path="/fapi/")
    async with feeding(exchange, time, [source("spot"), source("usdm")]) as (_, reported):
        await until(lambda: not exchange.ws_api.refusals and paths(exchange, "/fapi/"))

        assert reported.items == []
        assert len(paths(exchange, "/fapi/")) == 1


async def test_a_short_ban_costs_no_more_than_its_time(exchange: Exchange, time: MovedTime) -> None:
    exchange.ws_api.refusals = [(418, 1.0)]
    exchange.rest.refuse(418, 1.0, path="/fapi/")
    async with feeding(exchange, time, [source("spot"), source("usdm")]) as (feed, reported):
        pools = feed._context.rest.pools
        await until(lambda: pools["spot"].banned_until and pools["futures"].banned_until)
        time.seconds += 2  # the pools count by it
        await reported.covered(2)


async def test_a_half_open_connection_is_replaced(
    exchange: Exchange, time: MovedTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = add_account(exchange, "usdm")
    monkeypatch.setattr("connector.transport.frame_reader.PING_INTERVAL_S", 0.01)
    async with feeding(exchange, time, [source("usdm")]) as (_, reported):
        await reported.covered()
        stalled = asyncio.create_task(Stall(3_600.0, "usdm").strike(exchange))
        monkeypatch.setattr("connector.transport.frame_reader.PONG_WITHIN_S", 0.2)
        await reported.covered(2)
        sent = happen(exchange, account)
        await until(lambda: reported.events() == sent)
        stalled.cancel()

        assert reported.kinds()[:3] == ["Covered", "connection_lost", "Covered"]
        assert "no pong" in reported.interruptions[0].detail
