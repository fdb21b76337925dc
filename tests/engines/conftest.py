"""Real engines beside a real broker and registry: run by `make test-engines` alone."""

from pathlib import Path

import pytest
import pytest_asyncio

from connector.lab.real_kafka import RealKafka, RealRegistry
from tests.engines.truth import Truth, written
from tests.servers.conftest import (  # noqa: F401 - fixtures
    _patience,
    kafka,
    registry,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/engines" in str(item.path):
            item.add_marker(pytest.mark.engines)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def truth(
    tmp_path_factory: pytest.TempPathFactory,
    kafka: RealKafka,  # noqa: F811 - the fixture
    registry: RealRegistry,  # noqa: F811
) -> Truth:
    return await written(Path(tmp_path_factory.mktemp("worker")), kafka, registry)
