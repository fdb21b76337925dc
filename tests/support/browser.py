"""A headless Chromium that opens pages as a person sees them: width, dark or light, phone."""

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.support.waiting import in_time, until_true

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
CURE = "no Chromium here: install Debian's package chromium to have the page looked at"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")


@dataclass(frozen=True, slots=True)
class Screen:
    """What the page is shown on; `scale`: pixels of the picture for one of the page."""

    width: int = 1200
    dark: bool = False
    phone: bool = False
    scale: float = 1.0


class NotNow(Exception):
    """The browser refuses a call: while a page is being opened it has none to look at."""


class Page:
    """A page in the browser, spoken to by the DevTools protocol."""

    def __init__(self, tools: ClientConnection, session: str) -> None:
        self._tools, self._session = tools, session
        self._numbers = itertools.count(1)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the result of a call; other messages that come meanwhile are dropped."""
        number = next(self._numbers)
        request = {"id": number, "method": method, "params": params, "sessionId": self._session}
        await self._tools.send(json.dumps(request))
        while (answer := json.loads(await self._tools.recv())).get("id") != number:
            pass
        if "error" in answer:
            raise NotNow(answer["error"]["message"])
        return dict(answer["result"])

    async def look(self, screen: Screen) -> None:
        """Show the page on another screen."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if screen.dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=screen.width, height=800, deviceScaleFactor=screen.scale, mobile=screen.phone,
        )  # fmt: skip

    async def value(self, expression: str) -> Any:
        """Return what an expression of JavaScript is."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    async def html(self) -> str:
        """Return the page as it is now."""
        return str(await self.value("document.documentElement.outerHTML"))

    async def until(self, expression: str) -> None:
        """Wait until an expression is true."""

        async def holds() -> bool:
            with contextlib.suppress(NotNow):
                return bool(await self.value(expression))
            return False

        await until_true(holds, lambda: f"{expression} did not come true")

    async def picture(self, path: Path, screen: Screen) -> None:
        """Write the whole page as PNG."""
        await self.look(screen)
        size = (await self.call("Page.getLayoutMetrics"))["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": screen.width, "height": size["height"], "scale": 1}
        taken = await self.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(taken["data"]))


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Page]:
    """Start a browser and open a page."""
    assert PROGRAM is not None, CURE
    folder = Path(tempfile.mkdtemp(prefix="bkc-browser-"))
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={folder}",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        tools_url = await in_time(_tools_url(process))
        async with connect(tools_url, max_size=None, proxy=None) as tools:
            browser = Page(tools, "")
            target = (await _browser(browser, "Target.createTarget", url="about:blank"))["targetId"]
            attached = await _browser(
                browser, "Target.attachToTarget", targetId=target, flatten=True
            )
            page = Page(tools, attached["sessionId"])
            await page.look(Screen())
            await page.call("Page.navigate", url=url)
            await page.until("location.protocol === 'http:' && document.readyState === 'complete'")
            yield page
    finally:
        process.terminate()
        await process.wait()
        shutil.rmtree(folder, ignore_errors=True)


async def _browser(browser: Page, method: str, **params: Any) -> dict[str, Any]:
    """Make a call that is about no page."""
    await browser._tools.send(json.dumps({"id": 0, "method": method, "params": params}))
    while (answer := json.loads(await browser._tools.recv())).get("id") != 0:
        pass
    return dict(answer["result"])


async def _tools_url(process: asyncio.subprocess.Process) -> str:
    """Return where the browser says that its tools listen."""
    assert process.stderr is not None
    while line := (await process.stderr.readline()).decode():
        if "DevTools listening on " in line:
            return line.partition("DevTools listening on ")[2].strip()
    raise AssertionError("the browser ended before it listened")
