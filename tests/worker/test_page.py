"""The page for people, opened in a real browser against a worker with a fault.

With TEST_PICTURES=FOLDER the pictures of docs/operate.md are taken, too: `make pictures`.
"""

import asyncio
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest
from rich.console import Console

from connector.cli.top_view import view
from connector.diagnostics.status_client import fetch_status
from connector.lab.faults import Refuse, Skip
from connector.telemetry import logs
from connector.telemetry.recent_events import RECENT
from connector.worker.http_server import PAGE
from connector.worker.status import status
from tests.support.browser import CURE, PROGRAM, Page, Screen, opened
from tests.support.waiting import until
from tests.support.worker import World, world

PICTURES = os.environ.get("TEST_PICTURES", "")
FAULT = '<img src=x onerror="document.title=1">'  # a text of the log that is no HTML
SHOWN = "document.querySelector('#problems tr') !== null"
SCREENS = {"light": Screen(), "dark": Screen(dark=True), "phone": Screen(390, phone=True)}
MARKET = (
    {
        "product": "spot",
        "symbols": ["BTCUSDT", "ETHUSDT", "BNBUSDT"],
        "streams": ["trade", "bookTicker", "kline_1m", "depth@100ms"],
    },
    {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["aggTrade", "bookTicker"]},
    {"product": "usdm", "symbols": ["ETHUSDT"], "streams": ["markPrice@1s"]},
)


def test_the_page_loads_nothing_from_elsewhere() -> None:
    text = PAGE.read_text()

    assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text.replace("http://www.w3.org", "")) == []
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text


@pytest.mark.lab
async def test_the_status_has_what_the_page_shows(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        url = f"http://127.0.0.1:{here.worker.server.port}"
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{url}/") as answer:
                page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
            async with session.get(f"{url}/status") as answer:
                status = await answer.json()

    assert page == PAGE.read_text()
    assert "default-src 'none'" in policy
    for name in set(re.findall(r"\bs\.([a-z_]+)\b", page)) - {"accounts"}:
        assert name in status, name
    [connection] = status["connections"].values()
    for name in set(re.findall(r"\bc\.([a-z_]+)\b", page)) - {"length"}:
        assert name in connection, name


@pytest.mark.lab
async def test_a_browser_shows_a_fault_and_its_cause(tmp_path: Path) -> None:
    if PROGRAM is None:
        pytest.skip(CURE)
    async with world(tmp_path) as here:
        await here.until_flowing()
        await until(lambda: here.published("btcusdt@trade") > 0)
        here.worker.history.look()
        RECENT(
            None,
            "error",
            {
                "event": "delivery_failed",
                "level": "error",
                "timestamp": "2026-12-01T10:11:12Z",
                "cause": FAULT,
            },
        )
        await here.broker.stop()
        await until(lambda: here.worker.producer.trouble is not None)
        async with opened(url_of(here)) as page:
            await page.until(SHOWN)
            text, title = await page.html(), await page.value("document.title")
            await page.look(SCREENS["phone"])
            wider = await page.value("document.documentElement.scrollWidth > innerWidth")

    assert "Not ready: kafka" in text
    assert "hold is 0 % full" in text
    assert "delivery_failed" in text
    assert "&lt;img src=x" in text  # shown as text, not run
    assert "spot.trade" in text
    assert title == "binance-kafka-connector"
    assert wider is False  # a phone need not scroll sideways


def url_of(here: World) -> str:
    return f"http://127.0.0.1:{here.worker.server.port}/"


@pytest.mark.lab
@pytest.mark.skipif(not PICTURES, reason="takes pictures where TEST_PICTURES names a folder")
async def test_pictures_of_a_worker_that_is_well_and_of_one_with_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(PICTURES)
    monkeypatch.chdir(tmp_path)  # the pictures show where the config file is
    RECENT.newest.clear()
    logs.configure(json=False)
    async with world(Path(), *MARKET, rate=400.0) as here:
        await here.until_flowing()
        await watched(here, 40)
        async with opened(url_of(here)) as page:
            await take(page, folder, "page", ("light", "dark"))
            await draw(here, folder / "top.svg")
            await here.exchange.inflict(Refuse(503, times=1_000))
            await here.exchange.inflict(Skip("btcusdt@trade", 3))
            await until(lambda: status(here.worker)["open_gaps"])
            await here.broker.stop()
            await until(lambda: here.worker.producer.trouble is not None)
            await watched(here, 20)
            await page.until("document.querySelector('#verdict.isbad') !== null")
            await take(page, folder, "fault", ("light", "phone"))
            await draw(here, folder / "top-fault.svg")


async def take(page: Page, folder: Path, name: str, kinds: Sequence[str]) -> None:
    """Write the pictures of a page on screens, once it shows something."""
    await page.until(SHOWN)
    for kind in kinds:
        await page.picture(folder / f"{name}-{kind}.png", SCREENS[kind])


async def draw(here: World, path: Path) -> None:
    """Write what `bkc top` shows of a worker, as SVG that loads nothing from elsewhere."""
    console = Console(record=True, width=130, file=io.StringIO())
    shown = await fetch_status(url_of(here))
    console.print(view({"http://127.0.0.1:8080": shown or "no status"}, "name"))
    text = console.export_svg(title="bkc top")
    text = re.sub(r"@font-face \{.*?\}", "", text, flags=re.DOTALL)
    await asyncio.to_thread(path.write_text, text)


async def watched(here: World, looks: int) -> None:
    """Let the worker look at its counters so often; in a picture time may be short."""
    for _ in range(looks):
        here.worker.history.look()
        await asyncio.sleep(0.25)
