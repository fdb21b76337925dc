"""`bkc doctor market` as a command, against the lab and the embedded broker."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.errors import Refused
from connector.lab.embedded_broker import EmbeddedBroker
from connector.lab.exchange import Exchange
from connector.lab.faults import Refuse
from connector.lab.http_proxy import Proxy
from connector.lab.market import Market
from connector.lab.registry import Registry
from tests.cli.test_cli import run
from tests.support.secured import password_file
from tests.support.waiting import GIVE_UP_S

pytestmark = pytest.mark.lab
NOBODY = "127.0.0.1:9"
SPOT = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["trade"]}
TOP = {"product": "spot", "symbols": {"quote": "USDT", "top": 2}, "streams": ["trade"]}


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    running = Exchange(Market(1), rate=200.0)
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
async def broker() -> AsyncIterator[EmbeddedBroker]:
    running = EmbeddedBroker()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def settings(exchange: Exchange, registry: Registry, broker: EmbeddedBroker) -> dict[str, Any]:
    """Return a file with which everything is well, but that Kafka wants no login."""
    spot = exchange.bases["spot"]
    return {
        "exchange": {"spot": {"streams": spot.streams[0], "rest": spot.rest}},
        "kafka": {"bootstrap_servers": broker.bootstrap_servers},
        "schema_registry": {"url": registry.url},
        "hold": "1MiB",
        "subscriptions": [SPOT],
    }


async def doctor(
    settings: dict[str, Any], folder: Path, *options: str
) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    """Run the command; return its exit code, and the results by check."""
    path = folder / "connector.yaml"
    path.write_text(yaml.safe_dump(settings))
    words = ("doctor", "market", str(path), "--json", "--wait", str(GIVE_UP_S), *options)
    code, text = await asyncio.to_thread(run, *words)
    found: dict[str, list[dict[str, Any]]] = {}
    for check in json.loads(text[text.index("{") :])["checks"]:
        found.setdefault(check["check"], []).append(check)
    return code, found


def statuses(found: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    return {name: each[0]["status"] for name, each in found.items()}


async def test_every_check_has_a_line_in_the_order_of_a_start(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    code, found = await doctor(settings, tmp_path, "--probe")

    assert (code, list(statuses(found).items())) == (
        1,  # for the warning
        [
            ("config.file", "ok"),
            ("machine.memory", "ok"),
            ("machine.files", "ok"),
            ("exchange.rest.spot", "ok"),
            ("exchange.clock.spot", "ok"),
            ("plan.streams", "ok"),
            ("exchange.stream.spot", "ok"),
            ("kafka.encryption", "warn"),
            ("kafka.connection", "ok"),
            ("kafka.brokers", "ok"),
            ("topics.exist", "ok"),
            ("kafka.writing", "ok"),
            ("registry.schemas", "ok"),
            ("registry.writing", "ok"),
        ],
    )


async def test_without_probe_nothing_is_written(
    settings: dict[str, Any], registry: Registry, tmp_path: Path
) -> None:
    _, found = await doctor(settings, tmp_path)

    assert {"kafka.writing", "registry.writing"} & found.keys() == set()
    assert registry._subjects == {}


async def test_servers_that_are_away_are_exit_code_3_only_where_nothing_is_wrong(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    login = {"protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-512", "username": "me"}
    password = password_file(tmp_path, "word")
    security = login | {"password_file": str(password)}
    settings["kafka"] = {"bootstrap_servers": NOBODY, "security": security}

    code, found = await doctor(settings, tmp_path, "--probe")
    password.chmod(0o644)
    worse, wrong = await doctor(settings, tmp_path)

    assert (code, statuses(found)["kafka.connection"]) == (3, "cannot tell")
    assert (worse, statuses(wrong)["files.passwords"]) == (1, "warn")
    assert "kafka.writing" not in found
    assert found["files.passwords"][0]["text"] == "kafka.security.password_file: closed to others"


async def test_a_probe_without_transactions_would_stay_and_is_not_written(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    settings |= {"delivery": "idempotent"}
    _, found = await doctor(settings, tmp_path, "--probe")

    assert found["kafka.writing"][0]["status"] == "cannot tell"
    assert "no transaction that would take a record back" in found["kafka.writing"][0]["text"]


async def test_a_plan_that_depends_on_listings_cannot_be_told_without_them(
    settings: dict[str, Any], exchange: Exchange, tmp_path: Path
) -> None:
    settings["subscriptions"] = [TOP]

    _, listed = await doctor(settings, tmp_path)
    await exchange.inflict(Refuse(451))
    _, refused = await doctor(settings, tmp_path)
    await exchange.inflict(Refuse(502, path="/api/v3/exchangeInfo"))
    _, later = await doctor(settings, tmp_path)

    assert listed["plan.streams"][0]["text"].startswith("streams: 2, connections: 1, topics: 1;")
    assert statuses(refused)["exchange.rest.spot"] == "fail"
    assert refused["plan.streams"][0]["text"] == (
        "the symbols of spot depend on exchangeInfo, which was not asked: see above"
    )
    assert "HTTP 502" in later["plan.streams"][0]["text"]
    assert "exchange.stream.spot" not in later


async def test_what_a_subscription_does_not_find_is_warned_of_with_its_line(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    named = {**SPOT, "symbols": ["BTCUSDT", "NOSUCHUSDT"]}
    settings["subscriptions"] = [named, {**TOP, "symbols": {"quote": "NOSUCH"}}]

    _, found = await doctor(settings, tmp_path)

    texts = [check["text"].removeprefix(f"{tmp_path}/") for check in found["plan.warning"]]
    assert [re.sub(r"yaml:\d+", "yaml:N", text) for text in texts] == [
        "connector.yaml:N: subscriptions[0].symbols: NOSUCHUSDT is not listed: its streams would be"
        " acknowledged and send nothing",
        "connector.yaml:N: subscriptions[1].symbols: no symbol of spot passes these filters:"
        " nothing is read until one does",
        "connector.yaml:N: subscriptions[1].symbols.quote: 'NOSUCH' is listed nowhere",
    ]
    assert {check["status"] for check in found["plan.warning"]} == {"warn"}


async def test_streams_that_two_filters_choose_make_no_plan(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    settings["subscriptions"] = [SPOT, {**TOP, "symbols": {"quote": "USDT"}}]

    _, found = await doctor(settings, tmp_path)

    assert statuses(found)["plan.streams"] == "fail"
    assert "btcusdt@trade is planned twice" in found["plan.streams"][0]["text"]
    assert statuses(found)["exchange.stream.spot"] == "ok"  # of what is planned without listings


async def test_backfill_without_its_key_is_warned_of(
    settings: dict[str, Any], exchange: Exchange, tmp_path: Path
) -> None:
    bases = exchange.bases["usdm"]
    settings["exchange"] = {"usdm": {"streams": bases.streams[0], "rest": bases.rest}}
    settings["subscriptions"] = [{**SPOT, "product": "usdm"}]

    _, found = await doctor(settings, tmp_path)

    assert found["plan.backfill"][0]["status"] == "warn"
    assert "name its file in backfill.api_key_file" in found["plan.backfill"][0]["text"]


async def test_a_proxy_is_looked_at_in_place_of_the_hosts_behind_it(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    proxy = Proxy()
    await proxy.start()
    settings["proxy"] = proxy.url.replace("127.0.0.1", "localhost")
    try:
        _, found = await doctor(settings, tmp_path)
    finally:
        await proxy.stop()

    assert [check["text"].partition(" is ")[0] for check in found["exchange.dns"]] == ["localhost"]
    assert statuses(found)["exchange.stream.spot"] == "ok"
    assert len(proxy.seen) > 0


async def test_a_ca_file_that_holds_no_certificate_fails(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    settings["ca_file"] = str(password_file(tmp_path, "no certificate", "ca.pem"))

    _, found = await doctor(settings, tmp_path)

    assert statuses(found)["exchange.connection"] == "fail"
    assert "holds no certificate" in found["exchange.connection"][0]["text"]


async def test_a_file_that_is_not_good_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    settings["subscriptions"] = [{**SPOT, "streams": ["trades"]}]

    with pytest.raises(Refused, match="trade"):
        await doctor(settings, tmp_path)
