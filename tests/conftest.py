"""What holds for every test."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """A command sends logs to the standard error of its runner, which ends with it."""
    yield
    structlog.reset_defaults()
