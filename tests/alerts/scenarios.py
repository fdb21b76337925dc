"""What causes each alert: a fault of the exchange, Kafka, the registry, the host or an operator."""

import asyncio
import contextlib
import os
import resource
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from connector.lab.faults import (
    AcceptThenClose,
    ClockSkew,
    Malformed,
    Mute,
    Refuse,
    RefuseStream,
    Skip,
    Slow,
)
from tests.alerts.scenario import LONG_S, AlertScenario
from tests.alerts.stage import AlertStage


async def _slow_exchange(stage: AlertStage) -> None:
    stage.begin(Slow(1.5, LONG_S))
    await stage.fires("BkcLagBudgetBurnFast")


async def _kafka_frozen(stage: AlertStage) -> None:
    stage.kafka.freeze()
    await stage.fires(
        "BkcBacklogOld", "BkcQueueFilling", "BkcEventsDiscarded", "BkcStreamStalled", "BkcNotReady"
    )
    stage.kafka.thaw()
    await stage.worker.until_ready()


async def _exchange_mute(stage: AlertStage) -> None:
    stage.begin(Mute(LONG_S, everybody=True))
    await stage.fires("BkcStreamStalled")


async def _exchange_closes(stage: AlertStage) -> None:
    fault = stage.begin(AcceptThenClose(LONG_S))
    await stage.fires("BkcConnectionsMissing", "BkcReconnectStorm")
    fault.cancel()
    await stage.worker.until_ready()


async def _clock_off(stage: AlertStage) -> None:
    stage.begin(ClockSkew(2_000))
    await stage.fires("BkcClockOffset", within_s=90.0)  # the offset is measured once a minute


async def _address_banned(stage: AlertStage) -> None:
    """Ban the address for longer than the alert of open gaps waits."""
    stage.begin(Refuse(418, 1, 30.0, "/api/v3/historicalTrades"))  # the next call for trades
    await stage.strike(Skip("btcusdt@trade", 3))
    await stage.fires("BkcRestBanned", "BkcGapsOpenLong")
    await stage.gone("BkcRestBanned")  # the next scenarios want REST


async def _weight_used(stage: AlertStage) -> None:
    """Let another program of the address use the weight; the next answer says so."""
    # The count is of a clock minute: the alert needs the same one to last for some seconds.
    while time.time() % 60.0 > 40.0:
        await asyncio.sleep(0.5)
    stage.exchange.rest.meters["spot"].count(5_300, stage.exchange.clock.seconds())
    await stage.strike(Skip("btcusdt@trade", 1))
    await stage.fires("BkcRestWeightHigh")


async def _unfillable_gap(stage: AlertStage) -> None:
    await stage.strike(Skip("btcusdt@trade", 3, product="usdm"))  # the worker has no key
    await stage.fires("BkcEventsLost")


async def _broken_payloads(stage: AlertStage) -> None:
    await stage.strike(Malformed(3))
    await stage.fires("BkcDeadLetters")


async def _unknown_key(stage: AlertStage) -> None:
    await stage.with_unknown_key("btcusdt@trade")
    await stage.fires("BkcUnknownKeys")


async def _topic_too_small(stage: AlertStage) -> None:
    async with _limited(stage, "usdm.mark-price"):
        await stage.fires("BkcDeliveryFailed")


async def _markers_refused(stage: AlertStage) -> None:
    async with _limited(stage, "markers"):
        await stage.strike(Skip("btcusdt@trade", 1))
        await stage.fires("BkcCheckpointsLost")


@contextlib.asynccontextmanager
async def _limited(stage: AlertStage, topic: str) -> AsyncIterator[None]:
    """Let a topic take no record of usual size for a while."""
    await _set_max_bytes(stage, topic, 100)
    try:
        yield
    finally:
        await _set_max_bytes(stage, topic, 1_000_000)


async def _set_max_bytes(stage: AlertStage, topic: str, number: int) -> None:
    entry = ConfigEntry(
        "max.message.bytes", str(number), incremental_operation=AlterConfigOpType.SET
    )
    name = f"{stage.prefix}.{topic}"
    changed = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
    admin = AdminClient(stage.kafka.client())
    for future in admin.incremental_alter_configs([changed]).values():
        await asyncio.to_thread(future.result)


async def _garbage_config(stage: AlertStage) -> None:
    path = stage.config_path
    good = path.read_text()
    _replace(path, "subscriptions: 7\n")
    await stage.fires("BkcConfigRefused")
    _replace(path, good)


async def _stream_refused(stage: AlertStage) -> None:
    fault = stage.begin(RefuseStream("bnbusdt@trade", LONG_S))
    path = stage.config_path
    good = path.read_text()
    _replace(path, good.replace("- ETHUSDT", "- ETHUSDT\n  - BNBUSDT"))
    await stage.fires("BkcStreamsRefused")
    fault.cancel()
    _replace(path, good)


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


async def _event_loop_starved(stage: AlertStage) -> None:
    """Take the CPU from the worker for most of the time."""
    process, fired = stage.worker.process, asyncio.ensure_future(stage.fires("BkcEventLoopBlocked"))
    while not fired.done():
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.6)
        process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.3)
    await fired


async def _few_files(stage: AlertStage) -> None:
    """Let the worker have hardly more file descriptors than are open, whatever it closes."""
    pid = stage.worker.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    fired = asyncio.ensure_future(stage.fires("BkcFilesRunOut"))
    while not fired.done():
        few = int(len(os.listdir(f"/proc/{pid}/fd")) * 1.1) + 1  # noqa: PTH208 - not a tree
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, before[1]))
        await asyncio.sleep(0.5)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    await fired


async def _registry_away(stage: AlertStage) -> None:
    """Start a second worker without a registry."""
    stage.registry.available = False
    await stage.start_second(instance="other")
    await stage.fires("BkcRegistryErrors")
    stage.registry.available = True
    await stage.end_second()


async def _second_writer(stage: AlertStage) -> None:
    second = await stage.start_second()
    await second.until_ready()
    await stage.fires("BkcFenced")
    await stage.restart()
    await stage.end_second()


async def _worker_killed(stage: AlertStage) -> None:
    stage.worker.process.kill()
    await stage.fires("BkcTargetDown")
    await stage.restart()


async def _no_worker(stage: AlertStage) -> None:
    stage.prometheus.scrape([])
    await stage.fires("BkcAbsent")
    stage.scrape_all()


SCENARIOS = (
    AlertScenario("unknown key", _unknown_key, ("BkcUnknownKeys",)),
    AlertScenario("clock off", _clock_off, ("BkcClockOffset",)),
    AlertScenario("slow exchange", _slow_exchange, ("BkcLagBudgetBurnFast",)),
    AlertScenario("exchange mute", _exchange_mute, ("BkcStreamStalled",)),
    AlertScenario(
        "exchange closes connections",
        _exchange_closes,
        ("BkcConnectionsMissing", "BkcReconnectStorm"),
    ),
    AlertScenario("broken payloads", _broken_payloads, ("BkcDeadLetters",)),
    AlertScenario("gap that cannot be filled", _unfillable_gap, ("BkcEventsLost",)),
    AlertScenario("address banned", _address_banned, ("BkcRestBanned", "BkcGapsOpenLong")),
    AlertScenario("weight used by others", _weight_used, ("BkcRestWeightHigh",)),
    AlertScenario("topic takes small records only", _topic_too_small, ("BkcDeliveryFailed",)),
    AlertScenario("markers refused", _markers_refused, ("BkcCheckpointsLost",)),
    AlertScenario("garbage config", _garbage_config, ("BkcConfigRefused",)),
    AlertScenario("stream refused", _stream_refused, ("BkcStreamsRefused",)),
    AlertScenario("event loop starved", _event_loop_starved, ("BkcEventLoopBlocked",)),
    AlertScenario("few file descriptors", _few_files, ("BkcFilesRunOut",)),
    AlertScenario(
        "Kafka frozen",
        _kafka_frozen,
        (
            "BkcBacklogOld",
            "BkcQueueFilling",
            "BkcEventsDiscarded",
            "BkcStreamStalled",
            "BkcNotReady",
        ),
    ),
    AlertScenario("registry away", _registry_away, ("BkcRegistryErrors",)),
    AlertScenario("second writer", _second_writer, ("BkcFenced",)),
    AlertScenario("worker killed", _worker_killed, ("BkcTargetDown",)),
    AlertScenario("no worker", _no_worker, ("BkcAbsent",)),
)
# Fired by promtool's cases alone: they need days, connections and keys of some age, or kminion.
NOT_CAUSED = {
    "BkcLagBudgetBurnSlow",
    "BkcConnectionNotRotated",
    "BkcStreamsStale",
    "BkcAccountKeyEnding",
    "BkcConsumerBehind",
}
