"""The start of a worker when something answers in the place of what it waits for."""

import asyncio
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from connector.errors import Unserved
from connector.lab.faults import RegistryHtml, RegistrySlow, RestBody
from connector.lab.faults.rest import BodyForm
from connector.telemetry.start_steps import RetryPolicy
from tests.support.waiting import in_time, until
from tests.support.worker import SPOT, World, world

pytestmark = pytest.mark.lab
ALL = {"product": "spot", "symbols": "all", "streams": ["trade"]}
TRADES = ("binance.spot.trade",)
INFO = "/api/v3/exchangeInfo"


async def readiness(here: World) -> str:
    """Return what /readyz says."""
    url = f"http://127.0.0.1:{here.worker.server.port}/readyz"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()


def waits(logs: list[Any], step: str) -> list[str]:
    """Return the causes for which a step was logged to wait."""
    return [log["cause"] for log in logs if log.get("step") == step]


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the exchange be asked again at once."""
    monkeypatch.setattr("connector.worker.market.EXCHANGE", RetryPolicy(0.05, 0.05))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("form", ["html", "unlisted"])
async def test_a_page_in_place_of_exchange_info_is_waited_for_and_named(
    form: BodyForm, tmp_path: Path
) -> None:
    with capture_logs() as logs:
        async with world(tmp_path, ALL, topics=TRADES) as here:
            page = here.exchange.begin(RestBody(form, 1_000_000, INFO))
            await until(lambda: waits(logs, "exchange_info"))
            text = await readiness(here)
            page.cancel()
            await here.until_flowing()
            await here.stop()

    [cause] = waits(logs, "exchange_info")
    assert "/api/v3/exchangeInfo: HTTP 200, and no exchangeInfo of spot" in cause
    assert "exchange_info (" in text
    assert "something on the way answers in the exchange's place" in text


@pytest.mark.usefixtures("at_once")
async def test_a_firewalls_challenge_is_waited_for(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with world(tmp_path, ALL, topics=TRADES) as here:
            here.exchange.rest.refuse(202, times=3, path=INFO)
            await here.until_flowing()
            await here.stop()

    assert ["HTTP 202: a firewall" in cause for cause in waits(logs, "exchange_info")] == [True]


async def test_an_exchange_that_does_not_serve_this_place_ends_the_start(tmp_path: Path) -> None:
    async with world(tmp_path, ALL, topics=TRADES) as here:
        here.exchange.rest.refuse(451, times=1, path=INFO)
        with pytest.raises(Unserved, match="HTTP 451: the exchange does not serve this location"):
            await in_time(here.running)


@pytest.mark.usefixtures("at_once")
async def test_one_odd_listing_costs_no_other_symbol(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with world(tmp_path, ALL, topics=TRADES) as here:
            here.market.odd_keys["spot", "ETHUSDT"] = {"quoteAsset": None}
            await here.until_flowing()
            names = here.worker.shard.supervised[0].wanted()
            await here.stop()

    assert "btcusdt@trade" in names
    assert "ethusdt@trade" not in names
    [text] = [log["text"] for log in logs if log["event"] == "row_left_out"]
    assert text.startswith("spot exchangeInfo: ETHUSDT is left out: ")
    assert "quoteAsset" in text


async def test_a_page_in_place_of_the_registry_is_waited_for(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with world(tmp_path, SPOT) as here:
            page = here.registry.begin(RegistryHtml(3_600.0))
            await until(lambda: waits(logs, "schema_registry"))
            assert here.exchange.connects_seen == 0
            page.cancel()
            await here.until_flowing()
            await here.stop()

    assert "what answers there is no schema registry" in waits(logs, "schema_registry")[0]


async def test_a_slow_registry_is_logged_and_named_while_it_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.telemetry.start_steps.REPORT_AFTER_S", 0.1)
    with capture_logs() as logs:
        async with world(tmp_path, SPOT) as here:
            slow = here.registry.begin(RegistrySlow(0.3, 3_600.0))
            await until(lambda: waits(logs, "schema_registry"))
            text = await readiness(here)
            slow.cancel()
            await asyncio.gather(slow, return_exceptions=True)
            await here.until_flowing()
            await here.stop()

    assert set(waits(logs, "schema_registry")) == {f"no answer yet from {here.registry.url}"}
    assert re.search(r"schema_registry \(\d+ s: no answer yet from http://127", text)
