"""Probes and metrics over real HTTP."""

import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from connector.errors import Refused
from connector.telemetry.metrics import MetricRow, MetricsPage
from connector.worker.http_server import HttpServer


class Checks:
    kafka = False

    cause: str | None = None

    def holds(self) -> bool:
        return self.kafka


@pytest.fixture
async def server() -> AsyncIterator[tuple[HttpServer, Checks]]:
    checks = Checks()
    rows = [
        MetricRow[None]("bkc_things_total", "counter", "Things.", ("kind",), lambda _: {("a",): 3})
    ]
    page = MetricsPage(rows, None)
    status, causes = {"version": "1"}, {"kafka": lambda: checks.cause}
    made = HttpServer({"kafka": checks.holds}, page.render, lambda: status, causes)
    await made.start("127.0.0.1", 0)
    yield made, checks
    await made.stop()


async def get(server: HttpServer, path: str) -> tuple[int, str]:
    url = f"http://127.0.0.1:{server.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def test_liveness_asks_nothing_of_kafka(server: tuple[HttpServer, Checks]) -> None:
    assert await get(server[0], "/livez") == (200, "ok\n")


async def test_readiness_names_what_it_waits_for(server: tuple[HttpServer, Checks]) -> None:
    made, checks = server
    waiting = await get(made, "/readyz")
    checks.kafka = True

    assert waiting == (503, "waiting for: kafka\n")
    assert await get(made, "/readyz") == (200, "ok\n")


async def test_readiness_says_why_where_that_is_known(server: tuple[HttpServer, Checks]) -> None:
    made, checks = server
    checks.cause = "no such topic"

    assert await get(made, "/readyz") == (503, "waiting for: kafka (no such topic)\n")


async def test_readiness_lists_every_part_when_asked(server: tuple[HttpServer, Checks]) -> None:
    made, checks = server
    checks.cause = "no such topic"
    waiting = await get(made, "/readyz?verbose")
    checks.kafka = True

    assert waiting[1].splitlines()[1:] == ["[-]kafka (no such topic)"]
    assert await get(made, "/readyz?verbose") == (200, "ok\n[+]kafka\n")


async def test_metrics_are_openmetrics_for_whom_that_asks(
    server: tuple[HttpServer, Checks],
) -> None:
    url = f"http://127.0.0.1:{server[0].port}/metrics"
    accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=accept) as answer:
        text = await answer.text()

    assert answer.content_type == "application/openmetrics-text"
    assert text.splitlines()[-1] == "# EOF"


async def test_once_started_startup_stays_true(server: tuple[HttpServer, Checks]) -> None:
    made, checks = server
    before = await get(made, "/startupz")
    checks.kafka = True
    await get(made, "/readyz")
    checks.kafka = False

    assert before[0] == 503
    assert await get(made, "/startupz") == (200, "ok\n")


async def test_the_metrics_page_is_prometheus_text(server: tuple[HttpServer, Checks]) -> None:
    _, text = await get(server[0], "/metrics")

    families: dict[str, Any] = {
        text_string_to_metric_family.name: text_string_to_metric_family
        for text_string_to_metric_family in text_string_to_metric_families(text)
    }
    [sample] = families["bkc_things"].samples
    assert (sample.name, sample.labels, sample.value) == ("bkc_things_total", {"kind": "a"}, 3)


async def test_a_port_that_is_taken_is_refused_with_the_cure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        made = HttpServer({}, lambda _: (b"", ""), dict)
        with pytest.raises(Refused, match="or 0 for a free one"):
            await made.start("127.0.0.1", taken.getsockname()[1])
