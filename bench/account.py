"""How many events of accounts a second one core holds: `python -m bench.account`.

Events of the golden samples' shapes go through the worker's own pipeline (record, progress, Avro,
transaction) to a real broker (needs Java: see tests), as fast as they are taken, and at 2,000 a
second. No socket: the feed hands over what it has read, which costs little beside it. CPU is that
of this process, all threads, until everything is committed; the broker is another process.
"""

import argparse
import asyncio
import json
import resource
import time
from dataclasses import dataclass

from connector.account.feed_items import AccountEvent, Covered
from connector.account.outbox import AccountOutbox
from connector.account.reconcile_result import Reconciled
from connector.account.registry import AccountOptions, AccountRegistry
from connector.account.stored_progress import Earlier, StoredAccounts
from connector.binance.private_streams import AccountPlace
from connector.config.sections import KafkaSettings
from connector.kafka import client_config
from connector.kafka.transactional_producer import TransactionalProducer
from connector.lab.real_kafka import RealKafka
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.worker.account_pipeline import AccountPipeline

TOPIC = "bench.account-events"
ALIAS = "desk-1"
START_S = 60.0
BAR = 2_000.0  # events a second on one core
POLL_S = 0.005


def payloads(number: int) -> list[bytes]:
    """Return events of USD-M orders: each is placed and filled, so every third has a fill."""
    now_ms = time.time_ns() // 1_000_000
    found = []
    for count in range(number):
        order, step = divmod(count, 3)
        fill = {"t": order + 1, "l": "0.010", "z": "0.010"} if step == 1 else {"t": 0, "l": "0"}
        execution = ("NEW", "TRADE", "NEW")[step]
        details = {
            "s": "BTCUSDT",
            "c": f"web_{order}",
            "S": "BUY",
            "o": "LIMIT",
            "f": "GTC",
            "q": "0.010",
            "p": "50000.10",
            "ap": "50000.10",
            "sp": "0",
            "x": execution,
            "X": "FILLED" if step == 1 else "NEW",
            "i": order + 10**9,
            "z": "0",
            "L": "50000.1",
            "N": "USDT",
            "n": "0.02",
            "T": now_ms + count,
            "b": "0",
            "a": "0",
            "m": False,
            "R": False,
            "wt": "CONTRACT_PRICE",
            "ot": "LIMIT",
            "ps": "BOTH",
            "cp": False,
            "rp": "0",
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": "EXPIRE_MAKER",
            "pm": "NONE",
            **fill,
        }
        times = {"E": now_ms + count, "T": now_ms + count}
        event: dict[str, object] = {"e": "ORDER_TRADE_UPDATE", **times, "o": details}
        if step == 2:
            balance = {"a": "USDT", "wb": str(100_000 - order), "cw": "1", "bc": "0"}
            position = {"s": "BTCUSDT", "pa": f"{order}.010", "ep": "50000", "ps": "BOTH"}
            changed = {"m": "ORDER", "B": [balance], "P": [position]}
            event = {"e": "ACCOUNT_UPDATE", **times, "a": changed}
        found.append(json.dumps(event, separators=(",", ":")).encode())
    return found


@dataclass(frozen=True, slots=True)
class Figure:
    """What a run gave."""

    events: int
    seconds: float
    cpu_s: float
    commits: int

    @property
    def held(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def microseconds(self) -> float:
        """CPU an event."""
        return self.cpu_s / self.events * 1e6


async def measure(kafka: RealKafka, events: list[bytes], rate: float | None) -> Figure:
    """Send events through a pipeline; return when all are committed."""
    outbox, ledger = AccountOutbox("bench", "account", "run"), Ledger()
    options = AccountOptions((AccountPlace("usdm"),), TOPIC, 2**30, writes_snapshot=False)
    registry = AccountRegistry("bench", {ALIAS: options}, outbox, {})
    registry.begin({"account-marker": 1, "account-progress": 2}, StoredAccounts(), 1)
    conf = client_config.transactional(
        KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), "bench.account"
    )
    producer = TransactionalProducer(conf, ledger, "bench.dead", Lag(), registry)
    await asyncio.to_thread(producer.start, time.monotonic() + START_S)
    pipeline = AccountPipeline(producer, registry, ledger)
    pipeline.schema_ids = {TOPIC: 7}
    tracker = registry.trackers[ALIAS, "usdm"]
    pipeline.receive(Covered(ALIAS, "usdm"))
    pipeline.tick()
    tracker.start(time.time_ns() // 1000, None)
    progress = tracker.stored.progress
    progress.as_of_ms = 1
    tracker.complete(Reconciled([], progress, "filled", "", Earlier(), {}), 1, 0.0)
    tracker._schedule.retry_us = 0
    used, began = _cpu_s(), time.monotonic()
    sent = 0
    while sent < len(events) or ledger.records.in_flight:
        due = len(events) if rate is None else int((time.monotonic() - began) * rate)
        now_us = time.time_ns() // 1000
        for payload in events[sent : min(due, sent + 2_000)]:
            pipeline.receive(AccountEvent(ALIAS, "usdm", payload, now_us))
        sent = min(due, sent + 2_000, len(events))
        producer.poll()
        pipeline.tick()
        await asyncio.sleep(POLL_S)
    figure = Figure(
        ledger.records.acknowledged, time.monotonic() - began, _cpu_s() - used, producer.commits
    )
    producer.close()
    return figure


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _run(seconds: float) -> int:
    kafka = RealKafka()
    await kafka.start()
    try:
        await kafka.create([TOPIC, "bench.account-markers", "bench.account-progress"], 1)
        steady = await measure(kafka, payloads(int(seconds * BAR)), BAR)
        fast = await measure(kafka, payloads(int(10 * seconds * BAR)), None)
    finally:
        await kafka.stop()
    for name, figure in (("2,000 a second", steady), ("as fast as taken", fast)):
        share = figure.cpu_s / figure.seconds
        print(
            f"{name}: {figure.held:,.0f} events/s, {figure.microseconds:.0f} us CPU an event,"
            f" {share:.0%} of a core, {figure.commits} transactions"
        )
    return 0 if fast.events / fast.cpu_s >= BAR and steady.cpu_s / steady.seconds < 1.0 else 1


def main() -> int:
    """Run both; 1 when one core does not hold the bar."""
    parser = argparse.ArgumentParser(prog="python -m bench.account", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    return asyncio.run(_run(parser.parse_args().seconds))


if __name__ == "__main__":
    raise SystemExit(main())
