"""`bkc_native` agrees with Python or leaves the frame to it, whatever the wire brings.

Two worlds, one with the compiled codec and one without, get the same reads: records, dead letters
with their reasons, counts, learned keys, and the state of every series are the same after each.
"""

import inspect
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.binance.envelope import wrap
from connector.binance.stream_name import parse_any
from connector.codec.native.loader import NativeReader
from connector.feed.route import Codecs, Routes, route_to
from tests.feed.test_fuzz import NOW_US, SAMPLES, Fuzzer
from tests.support.native import World, native_reader
from tests.support.thorough import IS_THOROUGH, examples

FRAMES = 60_000 if IS_THOROUGH else 2_000
PATHS = sorted(SAMPLES.glob("*/*.json"))
# Kinds of which no frame is taken: see tests/codec/native/test_layout.py.
LEFT = {"contract-info", "option-symbol", "trading-session"}
NUMBERS = (
    *("0", "-0", "00", "1.", ".5", "-1.5", "1e3", "1E-8", "0e0", "+1", " 1", "1 ", "", "1.2.3"),
    *("0.000000000000000001", "0.0000000000000000001", "1.50000000000000000000000", "0.0", "-0.0"),
    *("99999999999999999999.999999999999999999", "100000000000000000000", "-99999999999999999999"),
    *("123456789012345678901234567890123456789", "1" * 18, "1" * 19, "0" * 25 + ".5", "1_0"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "253402300799999"),
    *("253402300800000", "999999999999999999", "1000000000000000000", "1.0", "-1", "1000", "NaN"),
    "\u0661",
)
VALUES = ("null", "true", "false", "{}", "[]", '""', '"\\u0041"', '"\u00e9\u65e5"', '"\\ud800"')
TEXTS = ('"a\\"b"', '"a\nb"', '"\\n"', '"\x7f"', "[[1]]", '{"a":{"b":[1,-2.5,null]}}', "1e999")


@pytest.fixture(scope="module")
def native() -> NativeReader:
    return native_reader()


def routes_of(paths: list[Path], unit: str = "ms") -> Routes:
    """Return routes with codecs of their own: what one world learns the other does not know."""
    codecs: Codecs = {}
    routes: Routes = {}
    for path in paths:
        sample = json.loads(path.read_text())
        stream = parse_any(path.parent.name, sample["stream"])  # type: ignore[arg-type]
        topic = f"t.{stream.row.kind}"
        routes[stream.name.encode()] = route_to(topic, 1, stream, codecs, unit)
    return routes


def compact(data: Any) -> bytes:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


def frame_of(path: Path) -> bytes:
    sample = json.loads(path.read_text())
    return wrap(sample["stream"].encode(), compact(sample["data"]))


def worlds(paths: list[Path], native: NativeReader, unit: str = "ms") -> tuple[World, World]:
    return World(routes_of(paths, unit)), World(routes_of(paths, unit), native)


def agree(python: World, native: World, reads: list[list[bytes]]) -> None:
    for number, frames in enumerate(reads):
        for world in (python, native):
            world.receive(list(frames), NOW_US + number * 1_777)
        assert native.outcome() == python.outcome(), frames


def sample_id(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", PATHS, ids=sample_id)
def test_every_kind_but_the_named_ones_is_taken_from_its_second_frame_on(
    native: NativeReader, path: Path
) -> None:
    python, compiled = worlds([path], native)

    agree(python, compiled, [[frame_of(path)], [frame_of(path)]])

    [route] = compiled.routes.values()
    left = compiled.ledger.frames.left_to_python
    assert left == (2 if route.codec.schema.kind in LEFT else 1)


@pytest.mark.parametrize("path", PATHS, ids=sample_id)
def test_times_in_microseconds_are_read_alike(native: NativeReader, path: Path) -> None:
    frame = re.sub(rb"(?<=[:\[,])(1[678]\d{11})(?=[,}\]])", rb"\g<1>987", frame_of(path))
    python, compiled = worlds([path], native, "us")

    agree(python, compiled, [[frame], [frame, frame]])


@pytest.mark.parametrize("path", PATHS, ids=sample_id)
def test_a_frame_cut_at_every_byte_has_the_same_end(native: NativeReader, path: Path) -> None:
    frame = frame_of(path)
    step = max(1, len(frame) // 400)
    python, compiled = worlds([path], native)

    agree(python, compiled, [[frame], [frame[:end] for end in range(0, len(frame), step)]])


@pytest.mark.parametrize("path", PATHS, ids=sample_id)
def test_each_value_of_a_frame_may_be_anything(native: NativeReader, path: Path) -> None:
    """One value after the other is replaced by each odd one; each is a read of its own kind."""
    frame = frame_of(path)
    values = list(spots(frame))
    rng = random.Random(path.name)
    chosen = values if IS_THOROUGH else rng.sample(values, min(6, len(values)))
    python, compiled = worlds([path], native)
    agree(python, compiled, [[frame]])

    odd = [*NUMBERS, *(f'"{number}"' for number in NUMBERS), *VALUES, *TEXTS]
    for start, end in chosen:
        agree(python, compiled, [[frame[:start] + v.encode() + frame[end:] for v in odd]])


def spots(frame: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the scalar values of a frame's payload are."""
    start = frame.index(b'"data":') + len(b'"data":')
    for found in re.finditer(
        rb'(?<=[:\[,])("[^"]*"(?!:)|-?[0-9.]+|true|false|null)', frame[start:]
    ):
        yield start + found.start(), start + found.end()


@st.composite
def payloads(draw: st.DrawFn) -> tuple[Path, bytes]:
    """Draw a sample's payload with its keys in another order, and keys gone, doubled, or new."""
    path = draw(st.sampled_from(PATHS))
    data = json.loads(path.read_text())["data"]
    first = data[0] if isinstance(data, list) else data
    members = list(first.items())
    if draw(st.booleans()):
        members = draw(st.permutations(members))
    for _ in range(draw(st.integers(0, 2))):
        change = draw(st.sampled_from(("drop", "twice", "new", "null")))
        at = draw(st.integers(0, len(members) - 1))
        if change == "drop":
            members = [*members[:at], *members[at + 1 :]] or members
        elif change == "twice":
            members = [*members, members[at]]
        elif change == "null":
            members[at] = (members[at][0], None)
        else:
            key = draw(st.sampled_from(("zz", "k.x", "\u65b0", 'a"b', "")) | st.text(max_size=3))
            value = draw(st.none() | st.booleans() | st.integers() | st.floats() | st.text())
            members.insert(at, (key, draw(st.sampled_from((value, [value], {"a": value})))))
    text = b"{" + b",".join(compact_member(key, value) for key, value in members) + b"}"
    return path, b"[" + text + b"]" if isinstance(data, list) else text


def compact_member(key: str, value: Any) -> bytes:
    member = json.dumps({key: value}, separators=(",", ":"), ensure_ascii=False)
    return member[1:-1].encode(errors="replace")


@given(st.lists(payloads(), min_size=1, max_size=4))
@settings(max_examples=examples(150))
def test_orders_of_keys_and_keys_that_are_new_gone_or_twice_are_read_alike(
    native: NativeReader, drawn: list[tuple[Path, bytes]]
) -> None:
    paths = sorted({path for path, _ in drawn})
    names = {path: json.loads(path.read_text())["stream"].encode() for path in paths}
    frames = [wrap(names[path], payload) for path, payload in drawn]
    python, compiled = worlds(paths, native)

    agree(python, compiled, [[frame_of(path) for path in paths], frames, frames])


class IdFuzzer(Fuzzer):
    """Frames of real streams whose ids go on, skip and repeat, and everything a Fuzzer breaks."""

    def ids(self, frame: bytes) -> bytes:
        for key in (b"t", b"a", b"u", b"U", b"l", b"f", b"E", b"pu"):
            frame = re.sub(
                rb'("' + key + rb'":)(\d{1,17})(?=[,}])',
                lambda found: found[1] + b"%d" % (int(found[2]) + self.random.choice(STEPS)),
                frame,
            )
        return frame

    mutations = (
        ids,
        ids,
        ids,
        Fuzzer.same,
        Fuzzer.flip,
        Fuzzer.splice,
        Fuzzer.text,
        Fuzzer.new_key,
    )


STEPS = (0, 1, 1, 1, 2, -1, 5)


def test_random_reads_of_all_streams_leave_the_same_behind(native: NativeReader) -> None:
    fuzzer = IdFuzzer(2026)
    python, compiled = World(IdFuzzer(0).routes), World(fuzzer.routes, native)
    sent = 0
    while sent < FRAMES:
        frames = [fuzzer.next_frame() for _ in range(fuzzer.random.randrange(1, 60))]
        sent += len(frames)
        for world in (python, compiled):
            world.receive(list(frames), NOW_US + sent * 50)
            world.ledger.records.acknowledged = 0
    assert compiled.outcome() == python.outcome()
    assert 0 < compiled.ledger.frames.left_to_python < sent


def test_a_key_that_the_codec_has_learned_is_taken(native: NativeReader) -> None:
    [path] = [path for path in PATHS if sample_id(path) == "spot/symbol-trade"]
    new = wrap(b"btcusdt@trade", TRADE[:-1] + b',"zz":{"a":[1,"x"]},"yy":null}')
    python, compiled = worlds([path], native)

    agree(python, compiled, [[new], [new] * 5, [new] * 5])

    [route] = compiled.routes.values()
    assert compiled.ledger.frames.left_to_python == 1  # the frame that it was learned from
    assert route.codec.unknown == {"zz": 11, "yy": 11}


TRADE = (
    b'{"e":"trade","E":1789964484110,"s":"BTCUSDT","t":7,"p":"0.10","q":"3","T":1789964484109,'
    b'"m":true,"M":true}'
)


@pytest.mark.parametrize("name", ["read", "transcode"])
def test_the_module_has_what_its_protocol_says(native: NativeReader, name: str) -> None:
    declared = inspect.signature(getattr(NativeReader, name)).parameters
    compiled = inspect.signature(getattr(type(native), name)).parameters

    assert list(compiled) == list(declared)
