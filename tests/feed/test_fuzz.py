"""Random and mutated frames of every stream: no crash, each one accounted for.

20,000 of them; the slow suite (`make fuzz`) sends a million.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path

from connector.binance.stream_name import parse_any
from connector.feed.pipeline import Pipeline
from connector.feed.route import Codecs, Routes, route_to
from connector.telemetry.ledger import Ledger
from tests.support.pipeline import FEED, Recorder
from tests.support.thorough import IS_THOROUGH

FRAMES = 1_000_000 if IS_THOROUGH else 20_000
SAMPLES = Path(__file__).parent.parent / "golden" / "samples"
NOW_US = 1_789_967_129_123_456
SPECIAL = (b"null", b"-1", b"1e400", b"9223372036854775808", b'"', b"{", b"}", b"[", b"]", b"\xff")
TEXTS = (b"", b"NaN", b"-0", b"1" * 39, b"0." + b"1" * 19, b"\\ud800", b"\\u0000", b"9" * 5000)


class Fuzzer:
    """Makes frames: real ones, and real ones with something broken."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.routes: Routes = {}
        self.frames: list[bytes] = []
        codecs: Codecs = {}
        for path in sorted(SAMPLES.glob("*/*.json")):
            sample = json.loads(path.read_text())
            stream = parse_any(path.parent.name, sample["stream"])  # type: ignore[arg-type]
            name = stream.name.encode()
            self.routes[name] = route_to(f"t.{stream.row.kind}", 1, stream, codecs)
            data = json.dumps(sample["data"], separators=(",", ":"), ensure_ascii=False).encode()
            self.frames.append(b'{"stream":"' + name + b'","data":' + data + b"}")

    def next_frame(self) -> bytes:
        frame = self.random.choice(self.frames)
        return self.random.choice(self.mutations)(self, frame)

    def same(self, frame: bytes) -> bytes:
        return frame

    def cut(self, frame: bytes) -> bytes:
        return frame[: self.random.randrange(len(frame))]

    def flip(self, frame: bytes) -> bytes:
        changed = bytearray(frame)
        for _ in range(self.random.randint(1, 4)):
            changed[self.random.randrange(len(changed))] = self.random.randrange(256)
        return bytes(changed)

    def splice(self, frame: bytes) -> bytes:
        at = self.random.randrange(len(frame))
        piece = self.random.choice((*SPECIAL, b'"key%d":1,' % self.random.randrange(500)))
        return frame[:at] + piece + frame[at:]

    def text(self, frame: bytes) -> bytes:
        """Replace one quoted text by something that is no number."""
        parts = frame.split(b'"')
        parts[self.random.randrange(len(parts))] = self.random.choice(TEXTS)
        return b'"'.join(parts)

    def new_key(self, frame: bytes) -> bytes:
        key = b"k%d" % self.random.randrange(200)
        return frame.replace(b'"data":{', b'"data":{"' + key + b'":[1,{"a":null}],', 1)

    def noise(self, frame: bytes) -> bytes:
        del frame
        return self.random.randbytes(self.random.randrange(80))

    mutations: tuple[Callable[..., bytes], ...] = (same, cut, flip, splice, text, new_key, noise)


def test_every_frame_is_a_record_or_a_dead_letter_with_a_reason() -> None:
    fuzzer, recorder, ledger = Fuzzer(2026), Recorder(1 << 60), Ledger()
    pipeline = Pipeline(recorder, ledger, 1 << 40)
    sent = 0
    while sent < FRAMES:
        batch = [fuzzer.next_frame() for _ in range(200)]
        sent += len(batch)
        for other in pipeline.receive(fuzzer.routes, batch, NOW_US, FEED):
            pipeline.dead_letters.frame(other, NOW_US)
        records = ledger.records
        assert records.in_flight == len(recorder.records)
        ledger.records.acknowledged += len(recorder.records)
        recorder.records.clear()
        recorder.dead.clear()

    frames = ledger.frames
    assert frames.received == sent
    assert frames.missing(pipeline.waiting) == 0
    assert ledger.records.in_flight == 0
    assert sum(ledger.dead_letters.values()) == ledger.records.dead_lettered > sent // 10
    assert frames.decoded > sent // 10
    reasons = {"json", "shape", "field", "decimal", "text", "unknown_stream"}
    assert ledger.dead_letters.keys() <= reasons
