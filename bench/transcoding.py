"""CPU of a frame from the socket's reader to the producer, in Python and by the compiled codec.

`python -m bench.transcoding`: no sockets, no Kafka, reads of 16 frames of a connection each. Caches
are warm, so the differences in a running process are larger (bench.run, `--subjects ours-python`).
"""

import random
import statistics
import time
from collections.abc import Sequence

from bench.frames import Stream, load_messages
from connector.binance.stream_name import parse_any
from connector.codec.native.loader import NativeReader, choose
from connector.errors import BadMessage
from connector.feed.pipeline import Pipeline
from connector.feed.route import Codecs, Routes, route_to
from connector.telemetry import logs
from connector.telemetry.ledger import Ledger

FRAMES, READ, ROUNDS = 24_000, 16, 5
WARM = FRAMES // READ // 4  # reads before the clock starts
Message = tuple[Stream, bytes]


class Sink:
    """A publisher that drops what it gets."""

    def room(self) -> int:
        """Return that there is room."""
        return 1 << 40

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        """Take a record."""

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> bool:
        """Refuse to go on: no load has one."""
        del received
        raise AssertionError(f"{source}: {error}: {raw!r}")


def reads_of(made: Sequence[Message]) -> list[tuple[Routes, list[bytes]]]:
    """Return reads of READ frames, each of one connection, with routes that nothing came on yet."""
    codecs: Codecs = {}
    tables: dict[str, Routes] = {}
    batches: dict[str, list[bytes]] = {}
    reads = []
    for stream, frame in made:
        routes, name = tables.setdefault(stream.path, {}), stream.name.encode()
        if name not in routes:
            parsed = parse_any(stream.product, stream.name)  # type: ignore[arg-type]
            routes[name] = route_to(stream.topic, 7, parsed, codecs)
        batch = batches.setdefault(stream.path, [])
        batch.append(frame)
        if len(batch) == READ:
            reads.append((routes, batches.pop(stream.path)))
    return reads


def measure(
    made: Sequence[Message], now_ms: int, native: NativeReader | None
) -> tuple[float, float]:
    """Return CPU microseconds a record, and the share of frames that was left to Python."""
    ledger, reads = Ledger(), reads_of(made)
    pipeline = Pipeline(Sink(), ledger, 1 << 40, native=native)
    began, produced = 0.0, 0
    for number, (routes, frames) in enumerate(reads):
        if number == WARM:
            began, produced = time.process_time(), ledger.records.produced
        pipeline.receive(routes, frames, (now_ms + number) * 1000, 1)
    spent = time.process_time() - began
    left = ledger.frames.left_to_python / ledger.frames.received
    return spent / (ledger.records.produced - produced) * 1e6, left


def main() -> None:
    """Print a row a load: medians of rounds in which both take turns."""
    logs.configure(json=True, level="CRITICAL")
    native, now_ms = choose("require").reader, time.time_ns() // 1_000_000
    print("| load | Python, us a record | compiled | ratio | frames left to Python |")
    print("|---|---|---|---|---|")
    for load in ("a1", "a1k", "a3"):
        made = load_messages(random.Random(load), load, now_ms, FRAMES)  # noqa: S311 - must repeat
        rounds = [
            (measure(made, now_ms, None)[0], *measure(made, now_ms, native)) for _ in range(ROUNDS)
        ]
        python, compiled, left = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratio = statistics.median(each[1] / each[0] for each in rounds)
        print(f"| {load} | {python:.1f} | {compiled:.1f} | {ratio:.2f} | {left:.2%} |")


if __name__ == "__main__":
    main()
