"""The machine's own BKC_ variables stay out of these tests."""

import os

import pytest


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("BKC_"):
            monkeypatch.delenv(name)
