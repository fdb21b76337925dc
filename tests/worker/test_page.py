"""The page for people, opened in a real browser against a worker with a fault."""

import asyncio
import re
import shutil
from pathlib import Path

import aiohttp
import pytest

from connector.telemetry.recent_events import RECENT
from connector.worker.http_server import PAGE
from tests.support.waiting import until
from tests.support.worker import World, world

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
CURE = "no Chromium here: install Debian's package chromium to have the page looked at"
FAULT = '<img src=x onerror="document.title=1">'  # a text of the log that is no HTML


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
    if BROWSER is None:
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
        text = await _dom(here, tmp_path)

    assert "Not ready: kafka" in text
    assert "delivery_failed" in text
    assert "&lt;img src=x" in text  # shown as text, not run
    assert "spot.trade" in text
    assert "<title>binance-kafka-connector</title>" in text


async def _dom(here: World, folder: Path) -> str:
    """Return the page as the browser has it once the script has shown the status."""
    assert BROWSER is not None
    process = await asyncio.create_subprocess_exec(
        BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000",
        f"--user-data-dir={folder / 'browser'}", "--dump-dom",
        f"http://127.0.0.1:{here.worker.server.port}/",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, _ = await process.communicate()
    return out.decode()
