"""Real servers for a whole run: one broker, one registry, started once and stopped at the end."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from connector.errors import Retry
from connector.lab.java_packages import available
from connector.lab.real_kafka import RealKafka, RealRegistry
from connector.lab.secure_kafka import SecureKafka
from tests.support.secured import USERS, Right, grant
from tests.support.waiting import GIVE_UP_S

ON_CI = bool(os.environ.get("CI"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip with reason and cure where real servers cannot be had; in CI that is a failure."""
    reason = available()
    for item in items:
        if "tests/servers" in str(item.path):
            item.add_marker(pytest.mark.servers)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            if reason and not ON_CI:
                item.add_marker(pytest.mark.skip(reason=reason))


async def up(server: RealKafka | RealRegistry) -> None:
    """Start a server; skip where its parts cannot be fetched, except in CI."""
    try:
        await server.start()
    except Retry as error:
        if ON_CI or "cannot fetch" not in str(error):
            raise
        pytest.skip(f"{error}; connect this machine to a Maven repository once, then run again")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka() -> AsyncIterator[RealKafka]:
    broker = RealKafka()
    await up(broker)
    yield broker
    await broker.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def registry() -> AsyncIterator[RealRegistry]:
    server = RealRegistry()
    await up(server)
    yield server
    await server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def spare() -> AsyncIterator[RealKafka]:
    """A broker that a test may freeze or stop, and lets go on at its end."""
    broker = RealKafka()
    await up(broker)
    yield broker
    await broker.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def secure() -> AsyncIterator[SecureKafka]:
    """A broker with SASL_SSL, SCRAM and ACLs; see tests/support/secured.py for its users."""
    broker = SecureKafka(USERS)
    await up(broker)
    await broker.create(["guarded", "guarded.dead"], 1)
    rights = (("writer", "Write"), ("reader", "Read"), ("halfway", "Read"), ("halfway", "Write"))
    names = ("guarded", "readonly.", "first.", "watched")
    await grant(
        broker,
        *(
            Right(f"User:{user}", operation, name, pattern="prefixed")
            for user, operation in rights
            for name in names
        ),
    )
    yield broker
    await broker.stop()


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """Let a slow machine take its time to start a server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connector.lab.real_kafka.START_S", 5 * GIVE_UP_S)
        yield
