"""What happens to the connector itself, to Kafka and to the registry, step by step."""

import asyncio
import copy
import signal

from connector.continuity.candidacy import RECOVERY_S
from connector.lab.faults import (
    AcceptThenClose,
    ClockSkew,
    Drop,
    Lifetime,
    NeverSent,
    Refuse,
    RegistryEmpty,
    RestBody,
    Slow,
    SymbolStatus,
)
from tests.chaos.scenario import WARM_S, Act, warm
from tests.chaos.stage import SUBSCRIPTIONS, Stage
from tests.support.lab_client import client
from tests.support.servers import Running

GAVE_UP = 4  # exit code
# The streams of a symbol that leaves; somebody else reads them, so that the lab goes on with them.
LEAVING = [f"ethusdt@{stream}" for stream in SUBSCRIPTIONS[0]["streams"]]


async def lifetime(stage: Stage) -> None:
    """Let every connection reach an age of 10 s, twice.

    It is replaced before; of the 2.4 hours that are left in the real world, 5 s are left here.
    """
    cutting = stage.exchange.begin(Lifetime(15.0))
    await warm(stage)
    await asyncio.sleep(22.0)
    cutting.cancel()


async def clock_steps(stage: Stage) -> None:
    """Let the exchange's clock step while connections are away, back and then ahead.

    Without candles: whether one is final goes by the clock that was measured, once a minute.
    """
    subscriptions = copy.deepcopy(SUBSCRIPTIONS)
    for subscription in subscriptions:
        streams = subscription["streams"]
        subscription["streams"] = [name for name in streams if "line_" not in name.lower()]
    await stage.ready(stage.settings([each for each in subscriptions if each["streams"]]))
    await asyncio.sleep(WARM_S)
    stage.mark()
    for step_ms in (-120_000, 180_000):
        away = stage.exchange.begin(AcceptThenClose(3.0))
        await asyncio.sleep(1.5)
        stage.exchange.begin(ClockSkew(step_ms))  # it lasts: the next one adds to it
        await away
        await stage.workers[-1].until_ready()
        await asyncio.sleep(3 * WARM_S)


def never_sent(fault: NeverSent) -> Act:
    """Return what withholds streams from before the start, until the fault is over."""

    async def act(stage: Stage) -> None:
        withholding = stage.exchange.begin(fault)
        await stage.start()
        stage.mark()
        await withholding

    return act


async def two_connections(stage: Stage) -> None:
    """Let one of two connections be late, and reset each in turn."""
    subscriptions = copy.deepcopy(SUBSCRIPTIONS)
    for subscription in subscriptions:
        subscription["connections"] = 2
    late = stage.exchange.begin(Slow(0.35, every=2))
    await stage.ready(stage.settings(subscriptions))
    await asyncio.sleep(WARM_S)
    stage.mark()
    for _ in range(4):
        await stage.strike(Drop(n=1))
        await asyncio.sleep(WARM_S)
    late.cancel()


async def refused(stage: Stage) -> None:
    """Reset the connections, and let REST refuse the calls that follow."""
    await warm(stage)
    await stage.strike(Refuse(429, 2, 1.0))
    await stage.strike(Drop())
    await asyncio.sleep(3.0)
    await stage.strike(Refuse(418, 1, 3.0))
    await stage.strike(Drop())


async def registry_away(stage: Stage) -> None:
    """Start without a registry."""
    stage.registry.available = False
    worker = await stage.start()
    stage.mark()
    await asyncio.sleep(6.0)
    stage.registry.available = True
    await worker.until_ready()


async def pages_in_the_way(stage: Stage) -> None:
    """Start while pages answer in the place of the registry and of exchangeInfo."""
    stage.registry.is_html = True
    stage.exchange.begin(RestBody("html", 2, "/api/v3/exchangeInfo"))
    by_filter = {"product": "spot", "symbols": {"quote": "USDT"}, "streams": ["trade"]}
    worker = await stage.start(stage.settings([by_filter]))
    stage.mark()
    await asyncio.sleep(6.0)
    stage.registry.is_html = False
    await worker.until_ready()


async def registry_renumbered(stage: Stage) -> None:
    """Empty the registry, kill the connector, and start it again."""
    worker = await warm(stage)
    await RegistryEmpty().strike(stage.registry)
    await _restart_after_kill(stage, worker)


async def progress_grown(stage: Stage) -> None:
    """Give the progress topic more partitions, kill the connector, and start it again."""
    worker = await warm(stage)
    await stage.grow("progress", 5)
    await asyncio.sleep(3 * WARM_S)
    await _restart_after_kill(stage, worker)


async def small_messages(stage: Stage) -> None:
    """Let a topic refuse what is large, from the start."""
    await stage.create("spot.depth-diff", {"max.message.bytes": "8000"})
    await warm(stage)
    await stage.strike(Drop("spot"))


def kafka_stopped(seconds: float) -> Act:
    """Return what stops Kafka in order and starts it again."""

    async def act(stage: Stage) -> None:
        await warm(stage)
        await stage.kafka.pause()
        await asyncio.sleep(seconds)
        await stage.kafka.start()

    return act


async def kafka_killed(stage: Stage) -> None:
    """Kill Kafka and start it again."""
    await warm(stage)
    await stage.kafka.kill()
    await asyncio.sleep(5.0)
    await stage.kafka.start()


def kafka_frozen(seconds: float) -> Act:
    """Return what freezes Kafka's process."""

    async def act(stage: Stage) -> None:
        await warm(stage)
        stage.kafka.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            stage.kafka.thaw()

    return act


async def killed(stage: Stage) -> None:
    """Kill the connector and start it again, twice."""
    for _ in range(2):
        worker = await warm(stage)
        worker.process.kill()
        await worker.process.wait()
        await asyncio.sleep(1.0)
    await stage.ready()


async def second_writer(stage: Stage) -> None:
    """Freeze the connector, start a second one, and let the first go on."""
    first = await warm(stage)
    first.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(1.0)
    await stage.ready()
    await asyncio.sleep(WARM_S)
    first.process.send_signal(signal.SIGCONT)
    await asyncio.sleep(WARM_S)


def upgraded(end: signal.Signals) -> Act:
    """Return what a Deployment does: a new pod until it is ready, then the end of the old one."""

    async def act(stage: Stage) -> None:
        old = await warm(stage)
        await stage.ready()
        await asyncio.sleep(WARM_S)
        old.process.send_signal(end)
        await old.process.wait()
        await asyncio.sleep(WARM_S)

    return act


async def _pair(stage: Stage) -> tuple[Running, Running]:
    """Start a writer and its standby; the fault begins now."""
    writer = await stage.start()
    await writer.until_role("writer")
    standby = await stage.ready()
    await standby.until_role("standby")
    await asyncio.sleep(WARM_S)
    stage.mark()
    return writer, standby


def writer_struck(blow: signal.Signals) -> Act:
    """Return what kills or freezes a writer beside its standby; a frozen one wakes up again."""

    async def act(stage: Stage) -> None:
        writer, standby = await _pair(stage)
        writer.process.send_signal(blow)
        await standby.until_role("writer")
        await asyncio.sleep(WARM_S)
        if blow is signal.SIGSTOP:
            writer.process.send_signal(signal.SIGCONT)
            if await writer.process.wait() != GAVE_UP:
                stage.ended.append(f"a fenced writer ended with {writer.process.returncode}")

    return act


async def kafka_away_beside_a_standby(stage: Stage) -> None:
    """Freeze Kafka for 12 s: the standby does not take over."""
    writer, standby = await _pair(stage)
    stage.kafka.freeze()
    try:
        await asyncio.sleep(12.0)
    finally:
        stage.kafka.thaw()
    await writer.until_ready()
    await asyncio.sleep(RECOVERY_S + WARM_S)
    roles = [(await each.status())["role"] for each in (writer, standby)]
    if roles != ["writer", "standby"]:
        stage.ended.append(f"Kafka was away, and the roles are {roles}")
    await standby.stop()
    stage.workers.remove(standby)


async def config_changed(stage: Stage) -> None:
    """Change the config of a running connector twice."""
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


async def symbol_paused(stage: Stage) -> None:
    """Let a symbol that a filter has chosen stop trading, and trade again."""
    subscriptions = copy.deepcopy(SUBSCRIPTIONS)
    subscriptions[0]["symbols"] = {"match": ["BTCUSDT", "ETHUSDT"]}
    await stage.ready(stage.settings(subscriptions))
    async with client(stage.exchange, LEAVING):
        await asyncio.sleep(WARM_S)
        stage.mark()
        await stage.strike(SymbolStatus("spot", "ETHUSDT", "BREAK", 5.0))
        await asyncio.sleep(WARM_S)


async def symbol_left(stage: Stage) -> None:
    """Take a symbol out of the file and put it back, while the exchange goes on with it."""
    settings = stage.settings(copy.deepcopy(SUBSCRIPTIONS))
    without = copy.deepcopy(settings)
    without["subscriptions"][0]["symbols"].remove("ETHUSDT")
    worker = await stage.ready(settings)
    async with client(stage.exchange, LEAVING):
        await asyncio.sleep(WARM_S)
        stage.mark()
        stage.rewrite(worker, without)
        await asyncio.sleep(6.0)
        stage.rewrite(worker, settings)
        await asyncio.sleep(3 * WARM_S)


async def symbol_left_over_restarts(stage: Stage) -> None:
    """Start without a symbol, then with it again, while the exchange goes on with it."""
    settings = stage.settings(copy.deepcopy(SUBSCRIPTIONS))
    without = copy.deepcopy(settings)
    without["subscriptions"][0]["symbols"].remove("ETHUSDT")
    worker = await stage.ready(settings)
    async with client(stage.exchange, LEAVING):
        await asyncio.sleep(WARM_S)
        stage.mark()
        await worker.stop()
        worker = await stage.ready(without)
        await asyncio.sleep(WARM_S)
        await worker.stop()
        await stage.ready(settings)


async def _restart_after_kill(stage: Stage, worker: Running) -> None:
    worker.process.kill()
    await worker.process.wait()
    await stage.ready()
    await asyncio.sleep(WARM_S)
