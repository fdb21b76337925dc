"""`bkc doctor account` against real brokers: each finding is caused for real."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from typer.testing import CliRunner

from connector.cli import app
from connector.config.sections import KafkaSettings, TopicSettings
from connector.diagnostics.doctor.kafka import ClusterExamination, check_cluster
from connector.diagnostics.doctor.report import CheckResult
from connector.kafka import topic_admin
from connector.kafka.topic_settings import TopicRole
from connector.lab.certificates import Authority
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka
from connector.lab.registry import Registry
from connector.lab.secure_kafka import SecureKafka
from tests.servers.conftest import up
from tests.support.keys import ED25519, ED25519_API_KEY, lab_keys, pem
from tests.support.secured import (
    USERS,
    Right,
    documented_rights,
    give,
    grant,
    let_in,
    password_file,
    revoke,
    security_of,
)

PREFIX = "examined"
NAMES = ("events", "markers", "progress", "dead-letter")
EVENTS, MARKERS, PROGRESS, DEAD = (f"{PREFIX}.account-{name}" for name in NAMES)
ROLES: dict[str, TopicRole] = {
    EVENTS: "data",
    MARKERS: "marker",
    PROGRESS: "progress",
    DEAD: "dead_letter",
}
SHAPE = TopicSettings(partitions=1, replication=1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def examined(secure: SecureKafka, tmp_path_factory: pytest.TempPathFactory) -> SecureKafka:
    """Make the topics with the documented rights of the worker and of a reader."""
    admin = let_in(secure, tmp_path_factory.mktemp("admin"), "admin")
    await topic_admin.ensure(admin, SHAPE, ROLES)
    await give(secure, documented_rights("account.md", "bkc-account", "risk"), PREFIX)
    return secure


async def found(
    kafka: KafkaSettings,
    admin: SecureKafka | None = None,
    roles: dict[str, TopicRole] | None = None,
    readers: Sequence[str] = ("User:risk",),
    topics: TopicSettings = SHAPE,
) -> dict[str, list[CheckResult]]:
    """Return the results by the check's name; `admin`: ask for access as an administrator."""
    roles = ROLES if roles is None else roles
    login = {} if admin is None else {"sasl.username": "admin", "sasl.password": USERS["admin"]}
    wanted = ClusterExamination(
        kafka, topics, roles, tuple(roles), readers, f"{PREFIX}.account.account", login
    )
    results: dict[str, list[CheckResult]] = {}
    for result in await asyncio.to_thread(lambda: list(check_cluster(wanted))):
        assert not any(word in result.text + result.cure for word in USERS.values())
        results.setdefault(result.check, []).append(result)
    return results


def statuses(results: dict[str, list[CheckResult]]) -> dict[str, set[str]]:
    return {name: {result.status for result in each} for name, each in results.items()}


async def test_as_documented_everything_is_well(examined: SecureKafka, tmp_path: Path) -> None:
    results = await found(let_in(examined, tmp_path, "bkc-account"), examined)

    bad = [result for each in results.values() for result in each if result.status != "ok"]
    assert bad == []
    assert results["topic.readers"][0].text.startswith(f"User:risk (by {EVENTS}) may read {EVENTS}")
    assert "topic.own_read" in results
    assert statuses(results)["kafka.transactions"] == {"ok"}


async def test_the_worker_alone_cannot_tell_who_reads(
    examined: SecureKafka, tmp_path: Path
) -> None:
    """The client's list of ACLs is empty for it, and proves nothing."""
    results = await found(let_in(examined, tmp_path, "bkc-account"))

    assert statuses(results)["topic.readers"] == {"cannot tell"}
    assert statuses(results)["kafka.listeners"] == {"cannot tell"}
    assert statuses(results)["kafka.transactions"] == {"cannot tell"}
    assert "--admin-file" in results["topic.readers"][0].cure
    assert statuses(results)["kafka.authorizer"] == {"ok"}  # the worker lacks rights, so some check


@pytest.mark.parametrize("principal", ["User:*", "User:ANONYMOUS"])
async def test_a_topic_that_everybody_may_read_fails(
    examined: SecureKafka, tmp_path: Path, principal: str
) -> None:
    right = Right(principal, "Read", f"{PREFIX}.", pattern="prefixed")
    await grant(examined, right)
    try:
        results = await found(let_in(examined, tmp_path, "bkc-account"), examined)
    finally:
        await revoke(examined, right)

    first = results["topic.readers"][0]
    assert first.status == "fail"
    assert first.text == f"{principal} (by {PREFIX}.*) may read {EVENTS}: no login is needed"
    assert f"--remove --allow-principal {principal} --operation Read" in first.cure


async def test_others_who_may_read_or_write_are_warned_of(
    examined: SecureKafka, tmp_path: Path
) -> None:
    market = documented_rights("kafka.md", "bkc-market")
    await give(examined, market, PREFIX)
    settings = let_in(examined, tmp_path, "bkc-account")
    try:
        results = await found(settings, examined)
        await give(examined, documented_rights("account.md", "bkc-market"), PREFIX)
        denied = await found(settings, examined)
    finally:
        await revoke(examined, *(right.under(PREFIX) for right in market))

    assert "User:bkc-market (by examined.*)" in results["topic.readers"][0].text
    assert statuses(results)["topic.readers"] == {"warn"}
    assert "can be forged" in results["topic.writers"][0].text
    assert statuses(denied)["topic.readers"] == {"ok"}
    assert statuses(denied)["topic.writers"] == {"ok"}


async def test_without_an_acl_nobody_may_read(examined: SecureKafka, tmp_path: Path) -> None:
    await examined.create(["bare.account-events"], 1)
    settings = let_in(examined, tmp_path, "bkc-account")

    results = await found(settings, examined, {"bare.account-events": "data"})

    [readers] = results["topic.readers"]
    assert readers.status == "warn"
    assert "nobody but super users" in readers.text


async def test_a_principal_that_may_write_no_transactions_fails(
    examined: SecureKafka, tmp_path: Path
) -> None:
    results = await found(let_in(examined, tmp_path, "halfway"), examined)

    [transactions] = results["kafka.transactions"]
    assert transactions.status == "fail"
    assert transactions.cure.endswith(f"--transactional-id {PREFIX}.account.account")


async def test_rights_that_nobody_has_are_not_shown(examined: SecureKafka, tmp_path: Path) -> None:
    results = await found(
        let_in(examined, tmp_path, "stranger"), examined, {"bare.account-events": "data"}
    )

    assert statuses(results)["topic.own_read"] == {"cannot tell"}


async def test_a_worker_that_may_read_what_it_writes_is_warned(
    examined: SecureKafka, tmp_path: Path
) -> None:
    right = Right("User:bkc-account", "Read", EVENTS)
    await grant(examined, right)
    try:
        results = await found(
            let_in(examined, tmp_path, "bkc-account"), examined, readers=("User:risk",)
        )
    finally:
        await revoke(examined, right)

    assert statuses(results)["topic.own_read"] == {"warn"}
    assert "User:bkc-account" in results["topic.readers"][0].text
    assert statuses(results)["topic.readers"] == {"ok"}


async def test_missing_topics_rights_and_wrong_settings_are_found(
    examined: SecureKafka, tmp_path: Path
) -> None:
    wrong: dict[str, TopicRole] = {EVENTS: "progress", MARKERS: "data", "absent.topic": "data"}
    settings = let_in(examined, tmp_path, "bkc-account")

    results = await found(settings, examined, wrong, topics=TopicSettings(create=False))
    not_created = await found(settings, examined, wrong)
    created = await found(let_in(examined, tmp_path, "admin"), examined, wrong)

    assert statuses(results)["topics.exist"] == {"fail", "ok"}
    assert statuses(not_created)["topics.exist"] == {"fail", "ok"}
    assert "no CREATE on absent.topic" in not_created["topics.exist"][0].text
    assert statuses(created)["topics.exist"] == {"warn", "ok"}
    [setting] = results["topics.settings"]
    assert (setting.status, setting.cure.endswith("--add-config cleanup.policy=compact")) == (
        "fail",
        True,
    )
    [right] = results["topics.rights"]
    assert (right.status, right.text) == ("fail", f"no READ on {EVENTS}")


async def test_a_wrong_password_authority_or_host_name_names_the_setting(
    examined: SecureKafka, tmp_path: Path
) -> None:
    good = let_in(examined, tmp_path, "bkc-account")
    other = Authority(tmp_path, "other").path
    elsewhere = {"bootstrap_servers": examined.bootstrap_servers.replace("localhost", "127.1")}
    (tmp_path / "second").mkdir()
    wrong = {
        "check kafka.security.username and password_file": let_in(
            examined, tmp_path / "second", "bkc-account", word="no"
        ),
        "its authority is not one of kafka.security.ca_file": let_in(
            examined, tmp_path, "bkc-account", ca_file=other
        ),
        "names do not include the host in kafka.bootstrap_servers": good.model_copy(
            update=elsewhere
        ),
    }
    for cause, settings in wrong.items():
        [connection] = (await found(settings))["kafka.connection"]

        assert (connection.status, connection.unreachable) == ("fail", False), connection
        assert cause in connection.text


async def test_a_broker_that_is_away_cannot_be_told_about() -> None:
    [connection] = (await found(KafkaSettings(bootstrap_servers="127.0.0.1:9")))["kafka.connection"]

    assert (connection.status, connection.unreachable) == ("cannot tell", True)


async def test_a_wrong_login_of_the_administrator_fails(
    examined: SecureKafka, tmp_path: Path
) -> None:
    settings = let_in(examined, tmp_path, "bkc-account")
    wanted = ClusterExamination(
        settings, SHAPE, ROLES, (EVENTS,), (), "", {"sasl.username": "admin", "sasl.password": "no"}
    )

    results = await asyncio.to_thread(lambda: list(check_cluster(wanted)))

    [admin] = [result for result in results if result.check == "kafka.admin"]
    assert admin.status == "fail"
    assert "invalid credentials" in admin.text


async def test_a_broker_without_an_authorizer_fails(kafka: RealKafka) -> None:
    plain = KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)
    await topic_admin.ensure(plain, SHAPE, ROLES)

    results = await found(plain)

    assert statuses(results)["kafka.authorizer"] == {"fail"}
    assert statuses(results)["kafka.listeners"] == {"warn"}
    assert statuses(results)["topic.own_read"] == {"warn"}
    assert "topic.readers" not in results  # its list of ACLs is empty, and means nothing


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def permissive() -> AsyncIterator[SecureKafka]:
    broker = SecureKafka(USERS, extra={"allow.everyone.if.no.acl.found": "true"})
    await up(broker)
    yield broker
    await broker.stop()


async def test_a_broker_that_allows_everyone_fails(permissive: SecureKafka, tmp_path: Path) -> None:
    await permissive.create([EVENTS], 1)
    settings = let_in(permissive, tmp_path, "stranger")

    results = await found(settings, roles={EVENTS: "data"})

    [readers] = results["topic.readers"]
    assert readers.status == "fail"
    assert "allow.everyone.if.no.acl.found" in readers.text


@pytest_asyncio.fixture(loop_scope="session")
async def exchange() -> AsyncIterator[Exchange]:
    running = Exchange(Market(1), rate=0.001)
    running.ws_api.keys = lab_keys()
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def schemas() -> AsyncIterator[Registry]:
    registry = Registry()
    await registry.start()
    yield registry
    await registry.stop()


async def test_the_command_prints_a_line_for_each_and_exits_by_the_worst(
    examined: SecureKafka, exchange: Exchange, schemas: Registry, tmp_path: Path
) -> None:
    path = account_file(examined, exchange, schemas, tmp_path)
    admin = password_file(tmp_path, f"sasl.username=admin\nsasl.password={USERS['admin']}", "admin")
    arguments = ["doctor", "account", str(path), "--reader", "User:risk"]
    asked = [*arguments, "--admin-file", str(admin)]

    well = await asyncio.to_thread(CliRunner().invoke, app, asked)
    as_worker = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--strict"])
    exchange.accounts.restrictions[ED25519_API_KEY] = {"enableWithdrawals": True}
    warned = await asyncio.to_thread(CliRunner().invoke, app, [*asked, "--json"])

    assert well.exit_code == 0, well.stdout
    assert well.stdout.splitlines()[-1].endswith(" ok")
    assert as_worker.exit_code == 1, as_worker.stdout
    assert warned.exit_code == json.loads(warned.stdout)["exit_code"] == 1
    [warning] = [check for check in json.loads(warned.stdout)["checks"] if check["status"] != "ok"]
    assert (warning["check"], warning["text"]) == ("keys.desk-1.rights", "the key may withdraw")
    secrets = (ED25519_API_KEY, *USERS.values())
    assert not any(secret in well.output + warned.output for secret in secrets)


def account_file(broker: SecureKafka, exchange: Exchange, registry: Registry, folder: Path) -> Path:
    """Write an account worker's file with its keys."""
    secrets = folder / "desk-1"
    secrets.mkdir()
    for name, text in (("api-key", ED25519_API_KEY), ("private-key.pem", pem(ED25519))):
        password_file(secrets, text, name)
    bases = exchange.bases
    settings: dict[str, Any] = {
        "exchange": {
            product: {
                "streams": bases[product].streams[0],
                "rest": bases[product].rest,
                **({"ws_api": bases[product].ws_api} if bases[product].ws_api else {}),
            }
            for product in ("spot", "usdm")
        },
        "kafka": {
            "bootstrap_servers": broker.bootstrap_servers,
            "security": security_of(broker, folder, "bkc-account"),
        },
        "schema_registry": {"url": registry.url},
        "topics": {"prefix": PREFIX},
        "accounts": [
            {
                "alias": "desk-1",
                "secrets_dir": str(secrets),
                "streams": {"spot": "session-logon", "usdm": "listen-key"},
            }
        ],
    }
    path = folder / "account.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path
