"""Asking a running worker for its plan, over real HTTP."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from connector.diagnostics.status_client import fetch_status, running_plan
from connector.errors import Refused, Retry
from connector.worker.http_server import HttpServer


@contextlib.asynccontextmanager
async def worker(status: dict[str, Any]) -> AsyncIterator[str]:
    server = HttpServer({}, lambda _: (b"", ""), lambda: status)
    await server.start("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def other_server(response: web.Response) -> AsyncIterator[str]:
    async def answer(_request: web.Request) -> web.Response:
        return response

    app = web.Application()
    app.router.add_get("/status", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_the_plan_of_a_worker_is_read_whatever_proxy_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with worker({"plan": {"spot-1": ["btcusdt@trade"]}}) as url:
        assert (await running_plan(f"{url}/")).names == {"spot-1": ["btcusdt@trade"]}


@pytest.mark.parametrize("plan", [None, ["spot-1"], {"spot-1": "x"}])
async def test_a_status_without_a_plan_is_refused(plan: Any) -> None:
    async with worker({"plan": plan}) as url:
        with pytest.raises(Refused, match="/status has no plan: is it a worker of this version"):
            await running_plan(url)


@pytest.mark.parametrize("text", ["no JSON", "[1]"])
async def test_an_answer_that_is_no_object_has_no_status(text: str) -> None:
    async with other_server(web.Response(text=text)) as url:
        assert await fetch_status(url) == {}


async def test_a_server_that_answers_an_error_is_no_worker() -> None:
    async with other_server(web.Response(status=404)) as url:
        with pytest.raises(Refused, match=r"/status answers 404: is it a worker\?"):
            await fetch_status(url)


@pytest.mark.parametrize("url", ["x:1", "", "http://", "ftp://host"])
async def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="give the URL of a worker"):
        await fetch_status(url)


async def test_nobody_there_is_a_matter_of_time() -> None:
    async with worker({}) as url:
        pass
    with pytest.raises(Retry, match="/status: "):
        await fetch_status(url)
