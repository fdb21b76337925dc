"""`bkc doctor account` as a command: its exit codes, without a broker."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.errors import Refused
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.registry import Registry
from tests.cli.test_cli import run
from tests.support.keys import ED25519, ED25519_API_KEY, RSA, RSA_API_KEY, lab_keys, pem
from tests.support.secured import password_file

pytestmark = pytest.mark.lab
NOBODY = "127.0.0.1:9"


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    running = Exchange(Market(1), rate=0.001)
    running.ws_api.keys = lab_keys()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    running = Registry()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def settings(exchange: Exchange, registry: Registry, tmp_path: Path) -> dict[str, Any]:
    """Return a file with which everything is well, but that nobody is where Kafka should be."""
    spot = exchange.bases["spot"]
    login = {"protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-512", "username": "bkc-account"}
    password = str(password_file(tmp_path, "word"))
    return {
        "exchange": {"spot": {"streams": spot.streams[0], "rest": spot.rest}},
        "kafka": {"bootstrap_servers": NOBODY, "security": {**login, "password_file": password}},
        "schema_registry": {"url": registry.url},
        "accounts": [
            {
                "alias": "desk-1",
                "api_key_file": str(password_file(tmp_path, ED25519_API_KEY, "api-key")),
                "private_key_file": str(password_file(tmp_path, pem(ED25519), "key.pem")),
                "streams": {"spot": "session-logon"},
            }
        ],
    }


async def doctor(settings: dict[str, Any], folder: Path) -> tuple[int, dict[str, str]]:
    """Run the command; return its exit code and the status of each check."""
    path = folder / "account.yaml"
    path.write_text(yaml.safe_dump(settings))
    code, text = await asyncio.to_thread(run, "doctor", "account", str(path), "--json")
    return code, {check["check"]: check["status"] for check in json.loads(text)["checks"]}


def test_a_reader_without_its_kind_is_no_principal() -> None:
    with pytest.raises(Refused, match="--reader 'risk' is no principal: write User:risk"):
        run("doctor", "account", "--reader", "risk")


async def test_a_kafka_that_is_away_is_exit_code_3_and_the_rest_is_looked_at(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    assert await doctor(settings, tmp_path) == (
        3,
        {
            "kafka.encryption": "ok",
            "kafka.login": "ok",
            "files.passwords": "ok",
            "kafka.connection": "cannot tell",
            "registry.schemas": "ok",
            "exchange.clock.spot": "ok",
            "keys.desk-1.files": "ok",
            "keys.desk-1.rights": "ok",
            "keys.desk-1.addresses": "ok",
        },
    )


async def test_a_key_that_cannot_log_on_is_found_before_the_worker_runs(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    password_file(tmp_path, RSA_API_KEY, "api-key")
    password_file(tmp_path, pem(RSA), "key.pem")

    code, statuses = await doctor(settings, tmp_path)

    assert (code, statuses["keys.desk-1.files"]) == (1, "fail")


async def test_an_insecure_kafka_that_the_file_allows_fails(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    settings |= {"kafka": {"bootstrap_servers": NOBODY}, "allow_insecure_kafka": True}

    code, statuses = await doctor(settings, tmp_path)

    assert (code, statuses["kafka.encryption"], statuses["kafka.login"]) == (1, "fail", "fail")


async def test_a_file_that_is_not_good_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    settings["kafka"] = {"bootstrap_servers": NOBODY}

    with pytest.raises(Refused, match="allow_insecure_kafka"):
        await doctor(settings, tmp_path)
