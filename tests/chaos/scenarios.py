"""Every fault of the list, one run each: what happens, and what must hold afterwards."""

import asyncio
import copy
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.lab.faults import (
    AcceptThenClose,
    BlackHole,
    Drop,
    Duplicate,
    Lifetime,
    Malformed,
    Mute,
    MuteStream,
    Refuse,
    Reorder,
    ServerShutdown,
    Skip,
    Slow,
)
from tests.chaos.stage import SUBSCRIPTIONS, Stage
from tests.support.servers import Running

KAFKA_AWAY_S = 20.0
WARM_S = 2.0  # healthy traffic before the fault
LEARN_S = 40.0  # the same where the usual pauses must have been learned (feed/liveness/activity.py)
Act = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One fault.

    Attributes:
        name: For `--only` and topic names.
        says: What happens, for the table.
        act: Starts the connector, lets it happen, and returns when it is over.
        allowed_s: After that: until data flows and what REST has is filled.
        planned: A break that was announced: nothing may be missing, and no backfill used.
        blind_under_s: Bound of the time blind.
        notice_under_s: Bound of the time to notice.
        more: Settings of the connector.
        alone: Kafka suffers: no other scenario may run meanwhile.
        misaligned: Two connections of the exchange cut books differently.
        dead_letters: The fault breaks messages: some must be put aside.
    """

    name: str
    says: str
    act: Act
    allowed_s: float = 20.0
    planned: bool = False
    blind_under_s: float | None = None
    notice_under_s: float | None = None
    more: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    alone: bool = False
    misaligned: bool = False
    dead_letters: bool = False


async def _warm(stage: Stage, seconds: float = WARM_S) -> Running:
    worker = await stage.ready()
    await asyncio.sleep(seconds)
    stage.mark()
    return worker


async def _reset(stage: Stage) -> None:
    await _warm(stage)
    await stage.strike(Drop())


async def _black_hole(stage: Stage) -> None:
    await _warm(stage, LEARN_S)
    await stage.strike(BlackHole(12.0))


async def _mute(stage: Stage) -> None:
    await _warm(stage, LEARN_S)
    await stage.strike(Mute(12.0))


async def _mute_stream(stage: Stage) -> None:
    await _warm(stage, LEARN_S)
    async with asyncio.TaskGroup() as group:
        for name in ("btcusdt@trade", "ethusdt@bookTicker"):
            group.create_task(stage.strike(MuteStream(name, 15.0, "spot")))


async def _accept_then_close(stage: Stage) -> None:
    await _warm(stage)
    await stage.strike(AcceptThenClose(15.0))


async def _server_shutdown(stage: Stage) -> None:
    await _warm(stage)
    await stage.strike(ServerShutdown(6.0))


async def _lifetime(stage: Stage) -> None:
    cutting = stage.exchange.begin(Lifetime(10.0))
    await _warm(stage)
    await asyncio.sleep(22.0)
    cutting.cancel()


SERIES = (
    ("spot", "btcusdt@trade"),
    ("spot", "ethusdt@aggTrade"),
    ("spot", "btcusdt@depth@100ms"),
    ("spot", "ethusdt@kline_1s"),
    ("usdm", "btcusdt@aggTrade"),
    ("usdm", "btcusdt@depth@100ms"),
    ("usdm", "btcusdt@trade"),
    ("coinm", "btcusd_perp@trade"),
    ("coinm", "btcusd_perp@depth@100ms"),
    ("options", "btc-261225-100000-c@optionTrade"),
)


async def _skip(stage: Stage) -> None:
    await _warm(stage)
    for messages in (3, 1):
        async with asyncio.TaskGroup() as group:
            for product, name in SERIES:
                skip = Skip(name, messages, product)  # type: ignore[arg-type]
                group.create_task(stage.strike(skip))
        await asyncio.sleep(WARM_S)  # each series goes on between the two


async def _duplicate(stage: Stage) -> None:
    await _warm(stage)
    async with asyncio.TaskGroup() as group:
        for product, name in SERIES:
            group.create_task(stage.strike(Duplicate(name, 3, product)))  # type: ignore[arg-type]


async def _reorder(stage: Stage) -> None:
    await _warm(stage)
    async with asyncio.TaskGroup() as group:
        for product, name in SERIES:
            group.create_task(stage.strike(Reorder(name, 2, product)))  # type: ignore[arg-type]


async def _slow(stage: Stage) -> None:
    await _warm(stage)
    await stage.strike(Slow(1.5, 5.0))


async def _malformed(stage: Stage) -> None:
    await _warm(stage)
    await stage.strike(Malformed(40))


async def _refused(stage: Stage) -> None:
    await _warm(stage)
    await stage.strike(Refuse(429, 2, 1.0))
    await stage.strike(Drop())
    await asyncio.sleep(3.0)
    await stage.strike(Refuse(418, 1, 3.0))
    await stage.strike(Drop())


async def _registry_away(stage: Stage) -> None:
    stage.registry.available = False
    worker = await stage.start()
    stage.mark()
    await asyncio.sleep(6.0)
    stage.registry.available = True
    await worker.until_ready()


async def _kafka_stopped(stage: Stage) -> None:
    await _warm(stage)
    await stage.kafka.pause()
    await asyncio.sleep(KAFKA_AWAY_S)
    await stage.kafka.start()


async def _kafka_killed(stage: Stage) -> None:
    await _warm(stage)
    await stage.kafka.kill()
    await asyncio.sleep(5.0)
    await stage.kafka.start()


async def _kafka_frozen(stage: Stage) -> None:
    await _warm(stage)
    stage.kafka.freeze()
    try:
        await asyncio.sleep(KAFKA_AWAY_S)
    finally:
        stage.kafka.thaw()


async def _killed(stage: Stage) -> None:
    for _ in range(2):
        worker = await _warm(stage)
        worker.process.kill()
        await worker.process.wait()
        await asyncio.sleep(1.0)
    await stage.ready()


async def _second_writer(stage: Stage) -> None:
    first = await _warm(stage)
    first.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(1.0)
    await stage.ready()
    await asyncio.sleep(WARM_S)
    first.process.send_signal(signal.SIGCONT)
    await asyncio.sleep(WARM_S)


async def _config_changed(stage: Stage) -> None:
    settings = stage.settings(copy.deepcopy(SUBSCRIPTIONS))
    worker = await stage.ready(settings)
    await asyncio.sleep(WARM_S)
    stage.mark()
    spot, usdm, *_ = settings["subscriptions"]
    spot["symbols"].append("SOLUSDT")
    usdm["symbols"].append("ETHUSDT")
    usdm["streams"].remove("kline_1m")
    stage.rewrite(worker, settings)
    await asyncio.sleep(6.0)
    spot["symbols"].remove("ETHUSDT")
    stage.rewrite(worker, settings)
    await asyncio.sleep(6.0)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("reset", "TCP reset of every connection", _reset, blind_under_s=1.0),
    Scenario("black-hole", "half open: nothing either way", _black_hole, notice_under_s=5.0),
    Scenario("mute", "no data, pings answered", _mute, notice_under_s=5.0),
    Scenario("mute-stream", "two streams of a connection silent", _mute_stream, notice_under_s=7.0),
    Scenario(
        "accept-then-close", "15 s of accepting and closing", _accept_then_close, allowed_s=45.0
    ),
    Scenario("server-shutdown", "serverShutdown, then cut", _server_shutdown, planned=True),
    Scenario(
        "lifetime",
        "24 h cut, compressed to 10 s, twice",
        _lifetime,
        planned=True,
        misaligned=True,
        more={"limits": {"connection_life": "10s"}},
    ),
    Scenario("skip", "3 messages of ten series lost, then 1", _skip, notice_under_s=5.0),
    Scenario("duplicate", "3 messages of ten series twice", _duplicate),
    Scenario("reorder", "2 pairs of ten series swapped", _reorder),
    Scenario("slow", "frames 1.5 s late for 5 s", _slow),
    Scenario("malformed", "40 broken frames", _malformed, dead_letters=True),
    Scenario(
        "refused",
        "resets, and REST answers 429, then 418",
        _refused,
        allowed_s=40.0,
        # USD-M and COIN-M trades weigh 200 a call: half of the minute's weight would be used up.
        more={"backfill": {"weight_share": 1.0}},
    ),
    Scenario("registry-away", "no registry for 6 s at the start", _registry_away),
    Scenario("kafka-stopped", "Kafka stopped for 20 s", _kafka_stopped, allowed_s=30.0, alone=True),
    Scenario("kafka-killed", "Kafka SIGKILL, back after 5 s", _kafka_killed, alone=True),
    Scenario("kafka-frozen", "Kafka SIGSTOP for 20 s", _kafka_frozen, allowed_s=30.0, alone=True),
    Scenario(
        "kafka-frozen-long",
        "the same, longer than the transaction time-out",
        _kafka_frozen,
        allowed_s=30.0,
        alone=True,
        more={"kafka": {"librdkafka": {"transaction.timeout.ms": 8000}}},
    ),
    Scenario("killed", "connector SIGKILL and restart, twice", _killed),
    Scenario("second-writer", "connector SIGSTOP, a second writer, SIGCONT", _second_writer),
    Scenario("config-changed", "config changed twice under load", _config_changed, planned=True),
)
