"""The exchange of tests of feeds, and its time."""

from collections.abc import AsyncIterator

import pytest

from connector.lab.exchange import Exchange
from tests.support.account_exchange import MovedTime, account_exchange


@pytest.fixture
def time() -> MovedTime:
    return MovedTime()


@pytest.fixture
async def exchange(time: MovedTime) -> AsyncIterator[Exchange]:
    async with account_exchange(time) as running:
        yield running
