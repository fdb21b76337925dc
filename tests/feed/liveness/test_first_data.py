"""A worker against the lab: a periodic stream that delivers nothing from its subscription on."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from connector.binance.stream_name import parse
from connector.feed.supervisor import Supervisor
from connector.lab.client_session import Session
from connector.lab.faults import NeverSent
from connector.worker.status import status
from tests.support.waiting import until
from tests.support.worker import World, world

pytestmark = pytest.mark.lab

NAME = "!bookTicker"
SUBSCRIPTION = {"product": "usdm", "symbols": ["BTCUSDT"], "streams": ["bookTicker", NAME]}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Miss a deadline after a second, and prove staleness in about another one."""
    monkeypatch.setattr("connector.feed.liveness.activity.first_data_deadline", lambda _period: 1.0)
    monkeypatch.setattr("connector.feed.liveness.monitor.POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr("connector.feed.liveness.activity_monitor.POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr("connector.feed.liveness.probe.POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr("connector.feed.liveness.staleness.CONFIRM_S", 0.6)


@dataclass
class Requests:
    """What the exchange was asked about the stream, by connection in the order of their opening.

    Attributes:
        made: Position of the connection, and the method.
        on_unsubscribe: Called when the stream is unsubscribed.
    """

    made: list[tuple[int, str]] = field(default_factory=list)
    on_unsubscribe: Callable[[], object] = lambda: None
    _sessions: list[Session] = field(default_factory=list)

    def take(self, session: Session, message: str | bytes) -> None:
        request = json.loads(message)
        if NAME not in request["params"]:
            return
        if session not in self._sessions:
            self._sessions.append(session)
        self.made.append((self._sessions.index(session), request["method"]))
        if request["method"] == "UNSUBSCRIBE":
            self.on_unsubscribe()


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    recorded, answer = Requests(), Session.answer

    def record(session: Session, message: str | bytes) -> dict[str, Any]:
        recorded.take(session, message)
        return answer(session, message)

    monkeypatch.setattr(Session, "answer", record)
    return recorded


@contextlib.asynccontextmanager
async def mute(tmp_path: Path) -> AsyncIterator[World]:
    """Run a worker whose periodic stream is withheld from every connection."""
    assert parse("usdm", NAME).row.cadence == "periodic"
    async with world(tmp_path, SUBSCRIPTION) as here:
        here.exchange.muted.add(NAME)
        await until(lambda: here.worker.shard.supervised)
        yield here


def supervisor(here: World) -> Supervisor:
    [supervisor] = here.worker.shard.supervised
    return supervisor


async def test_it_is_subscribed_again_on_its_connection_and_no_probe_is_needed(
    tmp_path: Path, requests: Requests, capsys: pytest.CaptureFixture[str]
) -> None:
    async with mute(tmp_path) as here:
        requests.on_unsubscribe = lambda: here.exchange.muted.discard(NAME)
        await until(lambda: supervisor(here).silent == [NAME])
        await until(lambda: here.published(NAME) > 0)
        await until(lambda: supervisor(here).silent == [])

        assert requests.made == [(0, "SUBSCRIBE"), (0, "UNSUBSCRIBE"), (0, "SUBSCRIBE")]
        assert here.exchange.connects_seen == 1
        await here.stop()
        assert here.worker.pipeline.gap_tracker.gaps == {}
    log = capsys.readouterr().out
    assert log.count("streams_silent") == 1
    assert f"connection=usdm-public-1 count=1 deadline_s=1.0 streams=['{NAME}']" in log
    assert "stale_suspected" not in log


async def test_it_is_probed_only_after_it_was_subscribed_again_in_vain(
    tmp_path: Path, requests: Requests, capsys: pytest.CaptureFixture[str]
) -> None:
    connects: list[int] = []
    async with mute(tmp_path) as here:
        requests.on_unsubscribe = lambda: connects.append(here.exchange.connects_seen)
        await until(lambda: supervisor(here).liveness.suspicions.quiet >= 1)

        assert connects[0] == 1
        assert requests.made[:3] == [(0, "SUBSCRIBE"), (0, "UNSUBSCRIBE"), (0, "SUBSCRIBE")]
        assert requests.made[3] == (1, "SUBSCRIBE")
        assert [method for number, method in requests.made[4:] if number == 0] == []
        assert supervisor(here).silent == [NAME]
        assert (supervisor(here).handovers, supervisor(here).disconnects) == (0, 0)
        await here.stop()
    logged = re.findall("streams_silent|stale_suspected|stream_quiet", capsys.readouterr().out)
    assert logged == [*2 * ["streams_silent"], *2 * ["stale_suspected"], "stream_quiet"]


async def test_it_is_healed_by_the_probe_when_its_connection_was_asked_again_in_vain(
    tmp_path: Path, requests: Requests, capsys: pytest.CaptureFixture[str]
) -> None:
    async with mute(tmp_path) as here:
        await until(lambda: len(here.exchange.delivery.clients("usdm")) == 2)
        first, _probe = here.exchange.delivery.clients("usdm")
        first.muted.add(NAME)  # until it is subscribed there once more
        here.exchange.muted.discard(NAME)
        await until(lambda: supervisor(here).liveness.suspicions.confirmed >= 1)
        await until(lambda: len(here.exchange.delivery.clients("usdm")) == 1)
        before = here.published(NAME)
        await until(lambda: here.published(NAME) > before)

        own = [method for number, method in requests.made if number == 0]
        assert own == ["SUBSCRIBE", "UNSUBSCRIBE", "SUBSCRIBE", "UNSUBSCRIBE", "SUBSCRIBE"]
        assert (supervisor(here).handovers, supervisor(here).silent) == (0, [])
        await here.stop()
    log = capsys.readouterr().out
    order = ["streams_silent", "stale_suspected", "stale_confirmed", "stale_healed"]
    assert sorted(order, key=log.index) == order


async def test_an_active_stream_is_asked_about_and_suspected_at_once_when_rest_has_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("connector.feed.liveness.activity.FIRST_EVENT_S", 600.0)
    monkeypatch.setattr("connector.backfill.latest_id.POLL_INTERVAL_S", 0.05)
    monkeypatch.setattr("connector.backfill.latest_id.DELIVERY_GRACE_S", 0.05)
    monkeypatch.setattr("connector.continuity.quiet_series.MIN_INTERVAL_S", 0.1)
    name = "btcusdt@trade"
    spot = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["trade", "bookTicker"]}
    async with world(tmp_path, spot) as here:
        here.exchange.muted.add(name)
        await until(lambda: here.published("btcusdt@bookTicker") > 0)
        find = supervisor(here).liveness.suspicions.activity.find
        await until(lambda: any(stream.last_count is not None for stream in find([name])))
        [stream] = find([name])
        stream.due_at = 0.0  # its deadline has passed
        await until(lambda: supervisor(here).silent == [name])
        assert status(here.worker)["connections"]["spot-1"]["silent"] == [name]
        await until(lambda: here.worker.gap_filler.latest_ids.confirmed >= 1)
        await until(lambda: supervisor(here).liveness.suspicions.suspected >= 1)
        await here.stop()

    log = capsys.readouterr().out
    order = ["streams_silent", "stale_confirmed_by_rest", "stale_suspected"]
    assert sorted(order, key=log.index) == order


async def test_a_stream_that_falls_quiet_is_complete_until_now_though_no_event_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.feed.liveness.quiet_progress.QUIET_INTERVAL_S", 0.1)
    monkeypatch.setattr("connector.feed.liveness.read_bound.MARGIN_MS", 10)
    spot = {"product": "spot", "symbols": ["BTCUSDT", "ETHUSDT"], "streams": ["trade"]}
    async with world(tmp_path, spot) as here:
        await until(lambda: here.published("btcusdt@trade") > 20)
        here.exchange.begin(NeverSent("btcusdt@trade", made=False))
        [route] = [
            route
            for route in here.worker.shard.router.routes()
            if route.stream.name == "btcusdt@trade"
        ]
        series = route.series["BTCUSDT"]
        await until(lambda: (series.quiet_until or 0) > (series.last_ms or 0) + 200)
        await here.stop()

        assert here.worker.gap_tracker.gaps == {}
