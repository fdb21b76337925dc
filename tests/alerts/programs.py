"""The programs of Prometheus that tests run."""

import os
from pathlib import Path

import pytest

from tools import get
from tools.unavailable import Unavailable

CURE = "make test-alerts fetches and builds it once (some minutes)"


def promtool() -> Path:
    """Return promtool; skips the test where it was never built, unless FETCH_PROMETHEUS=true."""
    return _program("promtool")


def prometheus() -> Path:
    """Return the server; skips as `promtool` does."""
    return _program("prometheus")


def _program(name: str) -> Path:
    fetch = os.environ.get("FETCH_PROMETHEUS") == "true"
    try:
        return get.get(name) if fetch else get.cached(name)
    except Unavailable as error:
        text = f"{error}; {CURE}"
        if fetch:
            pytest.fail(text)
        pytest.skip(text)
