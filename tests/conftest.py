"""What holds for every test."""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from connector.feed.pipeline import Pipeline
from tests.support.native import CODECS, native_reader
from tests.support.thorough import examples
from tests.support.waiting import GIVE_UP_S

# The same examples on every run, however slow the machine is.
settings.register_profile(
    "repeatable",
    max_examples=examples(100),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

# How long the product waits for others before it gives up: tests of it set it themselves.
DEADLINES = (
    "connector.transport.websocket.OPEN_TIMEOUT_S",
    "connector.transport.websocket.ANSWER_TIMEOUT_S",
    "connector.transport.websocket.PING_AFTER_S",
    "connector.transport.websocket.PONG_WITHIN_S",
    "connector.transport.frame_reader.PONG_WITHIN_S",
    "connector.transport.ws_handshake.OPEN_TIMEOUT_S",
    "connector.kafka.topic_admin.REQUEST_TIMEOUT_S",
    "connector.feed.session.MAX_HANDOVER_S",
    "connector.feed.shard.MAX_HANDOVER_S",
    "connector.feed.liveness.probe.MAX_HANDOVER_S",
    "connector.feed.liveness.monitor.MAX_PROOF_S",
)


@pytest.fixture(autouse=True)
def _patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slow machine miss no deadline."""
    if any(map(request.node.get_closest_marker, ("lab", "servers"))):
        for name in DEADLINES:
            monkeypatch.setattr(name, GIVE_UP_S)


@pytest.fixture(autouse=True)
def _no_root_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read none: each client of a registry or of the lab would, 50 ms of work, without TLS."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """A command sends logs to the standard error of its runner, which ends with it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(params=CODECS)
def both_codecs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test twice: pipelines transcode in Python, then by `bkc_native` where that is built."""
    if request.param == "native":
        made = functools.partialmethod(Pipeline.__init__, native=native_reader())
        monkeypatch.setattr(Pipeline, "__init__", made)
