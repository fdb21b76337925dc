"""Probes, metrics and status over HTTP.

Liveness fails for neither Kafka nor Binance: a restart of the worker would not bring them back.
"""

import asyncio
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiohttp import web

from connector.errors import Refused
from connector.telemetry.recent_events import RECENT

PAGE = Path(__file__).parent / "page.html"
# The page's own script and style; nothing from elsewhere, and nobody may frame it.
CONTENT_POLICY = (
    "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline';"
    " style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
)


class HttpServer:
    """Answers /, /livez, /readyz, /startupz, /metrics and /status.

    Args:
        readiness: Name of each part of readiness -> whether it is met.
        metrics: Returns the page of metrics and its content type, for a request's header Accept.
        status: Returns what is shown as JSON.
        causes: Name of a part of readiness -> why it is not met, where that is known.
    """

    def __init__(
        self,
        readiness: Mapping[str, Callable[[], bool]],
        metrics: Callable[[str], tuple[bytes, str]],
        status: Callable[[], dict[str, Any]],
        causes: Mapping[str, Callable[[], str | None]] = MappingProxyType({}),
    ) -> None:
        self._readiness, self._metrics, self._status = readiness, metrics, status
        self._causes = causes
        app = web.Application()
        app.router.add_get("/", self._show_page)
        app.router.add_get("/livez", self._live)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/startupz", self._started)
        app.router.add_get("/metrics", self._show_metrics)
        app.router.add_get("/status", self._show_status)
        self._runner = web.AppRunner(app, access_log=None)
        self._was_ready = False
        self._made_at = time.time()

    async def start(self, host: str, port: int) -> None:
        """Listen on an address of this machine; port 0 takes a free one.

        Raises:
            Refused: the port cannot be listened on.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            await self._runner.cleanup()
            cure = "choose another, or 0 for a free one"
            raise Refused(f"server.port {port}: {error.strerror}; {cure}") from error

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    @property
    def port(self) -> int:
        """The port listened on."""
        return int(self._runner.addresses[0][1])

    def failing(self) -> list[str]:
        """Return the parts of readiness that are not met now."""
        failing = [name for name, is_met in self._readiness.items() if not is_met()]
        self._was_ready = self._was_ready or not failing
        return failing

    async def _live(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _ready(self, request: web.Request) -> web.Response:
        failing = self.failing()
        parts = self._parts(failing) if "verbose" in request.query else ""
        if failing:
            names = ", ".join(map(self._named, failing))
            return web.Response(status=503, text=f"waiting for: {names}\n{parts}")
        return web.Response(text=f"ok\n{parts}")

    def _parts(self, failing: Collection[str]) -> str:
        """Return each part of readiness on a line, as Kubernetes' own /readyz?verbose does."""
        return "".join(
            f"[-]{self._named(part)}\n" if part in failing else f"[+]{part}\n"
            for part in self._readiness
        )

    def _named(self, part: str) -> str:
        """Return the name of a part of readiness, and why it is not met where that is known."""
        cause = self._cause(part, (part,))
        return part if cause is None else f"{part} ({cause})"

    async def _started(self, request: web.Request) -> web.Response:
        self.failing()
        return web.Response(text="ok\n") if self._was_ready else await self._ready(request)

    async def _show_metrics(self, request: web.Request) -> web.Response:
        page, content_type = self._metrics(request.headers.get("Accept", ""))
        return web.Response(body=page, headers={"Content-Type": content_type})

    async def _show_status(self, _request: web.Request) -> web.Response:
        """Show the worker's state, with what every worker has: readiness and recent events."""
        failing = self.failing()
        parts = {
            name: {"met": name not in failing, "cause": self._cause(name, failing)}
            for name in self._readiness
        }
        return web.json_response(
            {
                **self._status(),
                "time": time.time(),
                "uptime_s": round(time.time() - self._made_at, 1),
                "parts": parts,
                "problems": [asdict(each) for each in reversed(RECENT.newest)],
            },
            dumps=partial(json.dumps, default=str),
        )

    def _cause(self, part: str, failing: Collection[str]) -> str | None:
        return self._causes[part]() if part in failing and part in self._causes else None

    async def _show_page(self, _request: web.Request) -> web.Response:
        page = await asyncio.to_thread(PAGE.read_text, "utf-8")
        headers = {"Content-Security-Policy": CONTENT_POLICY, "Cache-Control": "no-cache"}
        return web.Response(text=page, content_type="text/html", headers=headers)
