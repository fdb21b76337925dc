"""What holds for every test."""

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

# The same examples on every run, however slow the machine is.
settings.register_profile(
    "repeatable",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """A command sends logs to the standard error of its runner, which ends with it."""
    yield
    structlog.reset_defaults()
