"""The worker's side of the schema registry, against the lab's."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from connector.codec.schema import load
from connector.config.sections import RegistrySettings
from connector.errors import BadMessage, Refused, Retry
from connector.kafka import schema_registry as ours
from connector.lab.registry import FIRST_ID, Registry

pytestmark = pytest.mark.lab
TOPICS = {"t.trade": "trade", "t.kline": "kline", "u.trade": "trade"}


@pytest.fixture
async def lab() -> AsyncIterator[Registry]:
    server = Registry()
    await server.start()
    yield server
    await server.stop()


async def test_each_topic_gets_its_kinds_id_and_the_strictest_compatibility(lab: Registry) -> None:
    ids = await ours.ensure_schemas(RegistrySettings(url=lab.url), TOPICS)

    client = SchemaRegistryClient({"url": lab.url})
    level = await asyncio.to_thread(client.get_compatibility, "t.trade-value")
    assert ids == {"t.trade": FIRST_ID, "t.kline": FIRST_ID + 1, "u.trade": FIRST_ID}
    assert level == "FULL_TRANSITIVE"


async def test_starting_again_gives_the_same_ids(lab: Registry) -> None:
    settings = RegistrySettings(url=lab.url)

    assert await ours.ensure_schemas(settings, TOPICS) == await ours.ensure_schemas(
        settings, TOPICS
    )


async def test_a_registry_that_does_not_let_us_set_the_rule_is_taken_as_it_is(
    lab: Registry,
) -> None:
    lab.writable = False

    ids = await ours.ensure_schemas(RegistrySettings(url=lab.url), TOPICS)

    assert ids["t.trade"] == FIRST_ID


async def test_a_registry_that_is_away_is_a_retry(lab: Registry) -> None:
    lab.available = False
    with pytest.raises(Retry, match="503 the registry is away"):
        await ours.ensure_schemas(RegistrySettings(url=lab.url), TOPICS)

    lab.available = True

    assert (await ours.ensure_schemas(RegistrySettings(url=lab.url), TOPICS))["t.trade"] == FIRST_ID


async def test_without_leave_to_register_a_missing_schema_is_named(lab: Registry) -> None:
    settings = RegistrySettings(url=lab.url, register=False)

    with pytest.raises(Refused, match=r"t\.trade-value.*set register: true"):
        await ours.ensure_schemas(settings, {"t.trade": "trade"})


async def test_without_leave_to_register_what_is_there_is_used(lab: Registry) -> None:
    client = SchemaRegistryClient({"url": lab.url})
    schema = Schema(load("trade").text, "AVRO")
    number = await asyncio.to_thread(client.register_schema, "t.trade-value", schema)

    settings = RegistrySettings(url=lab.url, register=False)

    assert await ours.ensure_schemas(settings, {"t.trade": "trade"}) == {"t.trade": number}


async def test_an_older_schema_that_does_not_fit_is_named_with_the_cure(lab: Registry) -> None:
    client = SchemaRegistryClient({"url": lab.url})
    older = {"type": "record", "name": "Trade", "namespace": "binance"}
    fields = [{"name": "symbol", "type": "long"}]
    text = json.dumps({**older, "fields": fields})
    await asyncio.to_thread(client.register_schema, "t.trade-value", Schema(text, "AVRO"))

    with pytest.raises(Refused, match="does not fit; use another topic or delete it"):
        await ours.ensure_schemas(RegistrySettings(url=lab.url), {"t.trade": "trade"})


async def test_a_password_never_reaches_an_error(lab: Registry, tmp_path: Path) -> None:
    word = tmp_path / "word"
    word.write_text("open-sesame")
    settings = RegistrySettings(url=lab.url, register=False, username="bkc", password_file=word)

    with pytest.raises(Refused) as caught:
        await ours.ensure_schemas(settings, {"t.trade": "trade"})

    assert "open-sesame" not in str(caught.value)


@contextlib.asynccontextmanager
async def answering(status: int, body: str) -> AsyncIterator[str]:
    """Serve the same answer to everything; yield the URL."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("register", [True, False])
@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, "<html>hello</html>", Retry),  # something on the way answers
        (200, "{}", Retry),
        (302, "", Retry),
        (405, "no", Retry),
        (404, "<html>404 Not Found</html>", Refused),  # the path is wrong
        (404, '{"error_code": 404, "message": "HTTP 404 Not Found"}', Refused),
    ],
)
async def test_what_is_no_registry_is_called_so(
    status: int, body: str, kind: type[Exception], *, register: bool
) -> None:
    async with answering(status, body) as url:
        settings = RegistrySettings(url=url, register=register)
        with pytest.raises(kind) as caught:
            await ours.ensure_schemas(settings, {"t.trade": "trade"})

    assert str(caught.value).startswith(f"schema registry {url}: HTTP {status} (what answers there")
    assert "no schema registry" in str(caught.value)


async def test_a_reader_too_tells_no_registry_from_a_missing_schema(lab: Registry) -> None:
    async with answering(404, "<html>404 Not Found</html>") as url:
        with pytest.raises(Refused, match="what answers there is no schema registry"):
            await asyncio.to_thread(ours.SchemaCache(RegistrySettings(url=url)).text, 1)

    with pytest.raises(BadMessage, match="not found"):
        await asyncio.to_thread(ours.SchemaCache(RegistrySettings(url=lab.url)).text, 4711)


@pytest.mark.parametrize(
    ("scheme", "port", "hint"),
    [
        ("https", None, "the port does not speak TLS: write http://, or take its TLS port"),
        ("http", 1, "nobody listens there: check host and port in schema_registry.url"),
    ],
)
async def test_why_a_registry_cannot_be_reached_is_told_with_the_cure(
    lab: Registry, scheme: str, port: int | None, hint: str
) -> None:
    own = lab.url.rpartition(":")[2]
    settings = RegistrySettings(url=f"{scheme}://127.0.0.1:{port or own}")

    with pytest.raises(Retry, match=hint):
        await ours.ensure_schemas(settings, {"t.trade": "trade"})
