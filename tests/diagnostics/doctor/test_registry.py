"""What a doctor finds of a schema registry."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connector.config.sections import RegistrySettings
from connector.diagnostics.doctor.registry import check_registering, check_registry
from connector.diagnostics.doctor.report import CheckResult
from connector.kafka.schema_registry import ensure_schemas
from connector.lab.registry import Registry

pytestmark = pytest.mark.lab
TOPICS = {"t.account-events": "account-event"}


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    server = Registry()
    await server.start()
    yield server
    await server.stop()


async def results(registry: Registry, **more: Any) -> list[CheckResult]:
    settings = RegistrySettings.model_validate({"url": registry.url, **more})
    return await asyncio.to_thread(lambda: list(check_registry(settings, TOPICS)))


async def test_registered_schemas_are_well(registry: Registry) -> None:
    await ensure_schemas(RegistrySettings(url=registry.url), TOPICS)

    [result] = await results(registry)

    assert (result.status, result.text.endswith("ours of t.account-events-value")) == ("ok", True)


async def test_a_missing_schema_is_registered_by_the_worker_or_fails(registry: Registry) -> None:
    [by_worker] = await results(registry)
    [by_hand] = await results(registry, register=False)

    assert (by_worker.status, by_hand.status) == ("ok", "fail")
    assert by_hand.text == (
        "ours of t.account-events-value is missing, and schema_registry.register is false"
    )
    async with aiohttp.ClientSession() as session, session.get(f"{registry.url}/subjects") as got:
        assert await got.json() == []  # it registers nothing


async def test_an_older_schema_that_does_not_fit_fails(registry: Registry) -> None:
    other = {"type": "record", "name": "X", "fields": [{"name": "other", "type": "int"}]}
    url = f"{registry.url}/subjects/t.account-events-value/versions"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={"schema": json.dumps(other)}) as answer,
    ):
        assert answer.status == 200

    [result] = await results(registry)

    assert (result.status, "does not fit" in result.text) == ("fail", True)


async def test_a_registry_that_is_away_proves_nothing(registry: Registry) -> None:
    registry.available = False

    [result] = await results(registry)

    assert (result.status, result.unreachable) == ("cannot tell", True)


async def test_a_password_in_plain_text_is_warned_of(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("word")
    login = {"username": "me", "password_file": str(tmp_path / "password")}

    first, _ = await results(registry, **login)

    assert (first.check, first.status) == ("registry.encryption", "warn")
    assert "word\n" not in first.text


async def test_what_is_no_registry_fails(registry: Registry) -> None:
    settings = RegistrySettings(url=f"{registry.url}/elsewhere")

    [result] = await asyncio.to_thread(lambda: list(check_registry(settings, TOPICS)))

    assert result.status == "fail"
    assert "no schema registry" in result.text


async def test_a_registry_that_takes_nothing_new_fails_where_a_schema_is_missing(
    registry: Registry,
) -> None:
    registry.mode = "READONLY"

    _, missing = await results(registry)
    registry.mode = "READWRITE"
    await ensure_schemas(RegistrySettings(url=registry.url), TOPICS)
    registry.mode = "READONLY"
    _, registered = await results(registry)
    by_hand = await results(registry, register=False)

    assert (missing.check, missing.status) == ("registry.mode", "fail")
    assert missing.text.endswith("its mode is READONLY: the start cannot register ours")
    assert missing.cure.startswith(f"set its mode: curl -X PUT {registry.url}/mode")
    assert (registered.status, "a new stream could not start" in registered.text) == ("warn", True)
    assert [result.status for result in by_hand] == ["ok"]


async def test_a_level_that_lets_schemas_break_readers_is_warned_of(registry: Registry) -> None:
    settings = RegistrySettings(url=registry.url)
    await ensure_schemas(settings, TOPICS)
    subject = registry._subjects["t.account-events-value"]

    levels = {None: ("warn", "BACKWARD"), "FULL": ("ok", ""), "NONE": ("warn", "NONE")}
    for level, (status, shown) in levels.items():
        subject.level = level
        *_, last = await results(registry, register=False)

        assert (last.status, f"t.account-events-value is {shown}:" in last.text) == (
            status,
            status == "warn",
        )


async def registering(registry: Registry, **more: Any) -> CheckResult:
    settings = RegistrySettings.model_validate({"url": registry.url, **more})
    return await asyncio.to_thread(check_registering, settings, TOPICS)


async def test_registering_is_tried_and_what_is_there_stays(registry: Registry) -> None:
    first, second = await registering(registry), await registering(registry)

    assert (first.status, first.text) == ("ok", "1 schemas registered, as a start does")
    assert second == first
    assert (await registering(registry, register=False)).text == "1 schemas found, as a start does"


async def test_a_user_who_may_not_register_fails_though_he_may_read(registry: Registry) -> None:
    await ensure_schemas(RegistrySettings(url=registry.url), TOPICS)
    registry.registering = False

    [reading] = await results(registry)
    writing = await registering(registry)

    assert reading.status == "ok"
    assert (writing.check, writing.status) == ("registry.writing", "fail")
    assert "the user may not write the subject; set register: false" in writing.text


async def test_registering_with_a_registry_that_is_away_proves_nothing(registry: Registry) -> None:
    registry.available = False

    result = await registering(registry)

    assert (result.status, result.unreachable) == ("cannot tell", True)
