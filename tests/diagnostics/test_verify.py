"""`bkc verify` against the embedded broker and the lab's registry."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from rich.console import Console

from connector.errors import Refused, Retry
from connector.lab.embedded_broker import EmbeddedBroker
from connector.lab.registry import Registry
from tests.support.verify import BEGAN_MS, Topics, verdict, verify

pytestmark = pytest.mark.lab


@pytest_asyncio.fixture
async def topics() -> AsyncIterator[Topics]:
    broker, registry = EmbeddedBroker(), Registry()
    await broker.start()
    await registry.start()
    yield Topics(broker.bootstrap_servers, registry.url)
    await registry.stop()
    await broker.stop()


async def run(topics: Topics, folder: Path, *arguments: str, **more: Any) -> tuple[int, Any]:
    await asyncio.to_thread(topics.flush)
    return await asyncio.to_thread(verdict, topics.file(folder, **more), *arguments)


async def write(topics: Topics, *numbers: int, **more: Any) -> None:
    def all_of_them() -> None:
        for number in numbers:
            topics.trade(number, **more)

    await asyncio.to_thread(all_of_them)


async def test_a_topic_without_holes_is_good(topics: Topics, tmp_path: Path) -> None:
    await write(topics, *range(1, 501))
    await asyncio.to_thread(topics.progress, BEGAN_MS + 500)

    code, found = await run(topics, tmp_path)

    [series] = found["series"]
    assert (code, found["good"], found["unmarked"], found["repeats"]) == (0, True, 0, 0)
    assert (series["records"], series["first_id"], series["last_id"]) == (500, 1, 500)
    assert (series["complete_until"], series["holes"]) == (BEGAN_MS + 500, {})


async def test_a_hole_without_a_marker_is_named(topics: Topics, tmp_path: Path) -> None:
    await write(topics, 1, 2, 3, 6, 7)

    code, found = await run(topics, tmp_path)

    hole = {"first": 4, "last": 5, "state": "unmarked", "gap_id": None}
    assert (code, found["unmarked"]) == (1, 1)
    assert found["series"][0]["examples"] == [hole]

    code, text = await asyncio.to_thread(verify, tmp_path / "connector.yaml")
    assert code == 1
    assert "binance.spot.trade btcusdt@trade BTCUSDT: 4..5 missing, no marker" in text


async def test_a_marked_hole_is_good_and_so_is_a_filled_one(topics: Topics, tmp_path: Path) -> None:
    await write(topics, 1, 2)
    await write(topics, 5, gap="gap-a")
    await write(topics, 3, 4, gap="gap-a", origin="backfill")
    await write(topics, 9, gap="gap-b")
    for state in ("opened", "filled"):
        await asyncio.to_thread(topics.marker, state, "gap-a", before_id=2, after_id=5)
    for state in ("opened", "unfillable"):
        await asyncio.to_thread(topics.marker, state, "gap-b", before_id=5, after_id=9)

    code, found = await run(topics, tmp_path)

    [series] = found["series"]
    assert (code, series["backfilled"], series["holes"]) == (0, 2, {"unfillable": 1})
    assert series["ids"] == {"unfillable": 3}
    assert series["gaps"] == {"filled": 1, "unfillable": 1}


async def test_ids_that_began_anew_before_all_that_is_kept_are_judged_by_their_own_markers(
    topics: Topics, tmp_path: Path
) -> None:
    def markers() -> None:
        before = {"before_id": 900, "before_time": BEGAN_MS - 60, "marked_time": BEGAN_MS - 50}
        topics.marker("unfillable", "reset", reason="ids_reset", **before)
        topics.marker("unfillable", "old", before_id=5, after_id=7)
        topics.marker("filled", "gap-a", before_id=1, after_id=4, id_epoch=1)

    await asyncio.to_thread(markers)
    await write(topics, 2, 3, gap="gap-a", origin="backfill")
    await write(topics, 4, 5, 7)

    code, found = await run(topics, tmp_path)

    [series] = found["series"]
    assert (code, found["unreadable"], series["records"]) == (1, {}, 5)
    assert [(hole["first"], hole["state"]) for hole in series["examples"]] == [(6, "unmarked")]


async def test_a_hole_that_a_marker_calls_filled_is_a_lie(topics: Topics, tmp_path: Path) -> None:
    await write(topics, 1, 5)
    filled = {"before_id": 1, "after_id": 5, "missing": 3, "recovered": 3}
    await asyncio.to_thread(topics.marker, "filled", "gap-a", **filled)
    await asyncio.to_thread(topics.flush)

    code, text = await asyncio.to_thread(verify, topics.file(tmp_path))

    assert code == 1
    assert "2..4 missing, though its marker says that it was filled" in text


async def test_repeats_are_not_good(topics: Topics, tmp_path: Path) -> None:
    await write(topics, 1, 2, 2, 3)

    code, found = await run(topics, tmp_path)

    assert (code, found["unmarked"], found["repeats"]) == (1, 0, 1)


async def test_only_records_of_the_window_count(topics: Topics, tmp_path: Path) -> None:
    await write(topics, 1, 3, 4, 5, 9)

    code, found = await run(topics, tmp_path, "--to", str(BEGAN_MS + 3))
    [series] = found["series"]
    assert (code, series["records"], series["first_id"], series["last_id"]) == (0, 1, 1, 1)

    code, found = await run(topics, tmp_path, "--to", str(BEGAN_MS + 5))
    assert (code, found["series"][0]["examples"][0]["first"]) == (1, 2)


async def test_a_broker_that_cannot_look_up_times_is_read_from_the_beginning(
    topics: Topics, tmp_path: Path
) -> None:
    await write(topics, 1, 2, 3, 5, 6)
    await asyncio.to_thread(topics.progress, BEGAN_MS + 6)

    code, found = await run(topics, tmp_path, "--from", str(BEGAN_MS + 3))

    [series] = found["series"]
    assert (code, found["read"], series["records"]) == (1, 5, 3)
    assert (series["first_id"], series["examples"][0]["first"]) == (3, 4)


async def test_a_window_after_the_last_record_by_progress_may_be_empty(
    topics: Topics, tmp_path: Path
) -> None:
    await write(topics, 1, 2, 5)
    await asyncio.to_thread(topics.progress, BEGAN_MS + 5)

    code, found = await run(topics, tmp_path, "--from", str(BEGAN_MS + 6))

    assert (code, found["lost"], found["notes"][-1]) == (0, False, "no record lies in the window")


async def test_no_record_where_progress_has_some_is_not_good(
    topics: Topics, tmp_path: Path
) -> None:
    await write(topics, 1, 2)
    await asyncio.to_thread(topics.progress, BEGAN_MS + 500)

    code, found = await run(topics, tmp_path, "--from", str(BEGAN_MS + 400))

    assert (code, found["good"], found["lost"]) == (1, False, True)
    assert "progress tells of records in it" in found["notes"][-1]


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (
            80,
            [
                "binance.spot.trade btcusdt@trade BTCUSDT",
                "  records 3, first 1, last 4, unmarked 1, open 0, unfillable 0, filled 0,",
                "  repeats 0, complete until 2026-11-25T00:00:00.000+00:00",
            ],
        ),
        (200, [f"binance.spot.trade  btcusdt@trade  BTCUSDT{' ' * 8}3{' ' * 6}1{' ' * 5}4"]),
    ],
)
async def test_a_table_that_does_not_fit_is_printed_in_lines(
    width: int, expected: list[str], topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(topics, 1, 2, 4)
    await asyncio.to_thread(topics.progress, 1_795_564_800_000)
    await asyncio.to_thread(topics.flush)
    monkeypatch.setattr("connector.cli.verify_run.out", Console(width=width))

    code, text = await asyncio.to_thread(verify, topics.file(tmp_path))

    assert code == 1
    assert [line for line in expected if line not in text] == []
    assert max(map(len, text.splitlines()[:3])) <= width


async def test_one_topic_may_be_asked_for(topics: Topics, tmp_path: Path) -> None:
    await write(topics, 1, 2)
    await write(topics, 1, 3, topic="binance.spot.copy")

    await asyncio.to_thread(topics.progress, BEGAN_MS + 2)

    code, found = await run(topics, tmp_path, "--topic", "binance.spot.trade")
    assert (code, [each["topic"] for each in found["series"]]) == (0, ["binance.spot.trade"])

    code, found = await run(topics, tmp_path, "--topic", "binance.spot.copy")
    assert (code, [each["topic"] for each in found["series"]]) == (1, ["binance.spot.copy"])


async def test_topics_named_by_a_subscription_are_read_too(topics: Topics, tmp_path: Path) -> None:
    await write(topics, 1, 3, topic="mine")
    rule = {"product": "spot", "symbols": ["BTCUSDT"], "streams": ["trade"], "topic": "mine"}

    code, found = await run(topics, tmp_path, subscriptions=[rule])

    assert (code, [each["topic"] for each in found["series"]]) == (1, ["mine"])


async def test_order_books_and_candles_are_judged_by_their_rules(
    topics: Topics, tmp_path: Path
) -> None:
    head = {"e": "depthUpdate", "s": "BTCUSDT", "b": [["1", "2"]] * 50, "a": []}
    for first, last, previous in ((11, 15, 9), (18, 20, 15), (31, 33, 25)):
        ids = {"E": BEGAN_MS, "T": BEGAN_MS, "U": first, "u": last, "pu": previous}
        name = "btcusdt@depth@100ms"
        await asyncio.to_thread(topics.event, "usdm", name, "BTCUSDT", head | ids)

    code, found = await run(topics, tmp_path)

    [series] = found["series"]
    assert (code, series["rule"], series["first_id"]) == (1, "chained", 10)
    assert [(hole["first"], hole["last"]) for hole in series["examples"]] == [(21, 25)]


async def test_an_unreadable_record_is_counted(topics: Topics, tmp_path: Path) -> None:
    await write(topics, 1, 2)
    for odd in (b"", b"text", b"\x00\x00\x00\x00\x07\x02a\x02b\x02c", b"\x00\x00\x01\x86\xa1\x02"):
        topics.producer.produce("binance.spot.trade", odd, b"BTCUSDT")
    topics.producer.produce("binance.spot.trade", None, b"BTCUSDT")
    await write(topics, 3)

    code, found = await run(topics, tmp_path)

    [series] = found["series"]
    assert (code, found["unreadable"], series["records"]) == (1, {"binance.spot.trade": 4}, 3)


async def test_records_of_an_older_schema_are_read(topics: Topics, tmp_path: Path) -> None:
    older = Topics(topics.bootstrap_servers, topics.registry_url)
    text = '{"type":"record","name":"Trade","fields":['
    head = ("symbol", "product", "stream_name", "origin")
    text += ",".join(f'{{"name":"{name}","type":"string"}}' for name in head)
    text += ',{"name":"trade_id","type":"long"}]}'
    number = await asyncio.to_thread(older.schema_id, "binance.other", text)
    body = b"".join(bytes((2 * len(word),)) + word for word in (b"BTCUSDT", b"spot"))
    body += bytes((26,)) + b"btcusdt@trade" + b"\x08live"
    value = b"\x00" + number.to_bytes(4, "big") + body + b"\x06"
    older.producer.produce("binance.spot.trade", value, b"BTCUSDT", timestamp=BEGAN_MS)
    await asyncio.to_thread(older.flush)
    await write(topics, 4, 5)

    code, found = await run(topics, tmp_path)

    [series] = found["series"]
    assert (code, series["records"], series["first_id"], series["last_id"]) == (0, 3, 3, 5)


async def test_a_missing_topic_is_refused(topics: Topics, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no topic of this file: binance\.\*"):
        await run(topics, tmp_path)


async def test_a_window_that_ends_before_it_begins_is_refused(
    topics: Topics, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="--from 2026-11-25 is not before --to 2026-11-24"):
        await run(topics, tmp_path, "--from", "2026-11-25", "--to", "2026-11-24")


async def test_no_broker_is_could_not_reach(tmp_path: Path) -> None:
    unreachable = Topics("127.0.0.1:9", "http://127.0.0.1:9", conf={"log_level": 0})

    with pytest.raises(Retry, match="Connection refused"):
        await asyncio.to_thread(verdict, unreachable.file(tmp_path))


async def test_no_registry_is_could_not_reach(topics: Topics, tmp_path: Path) -> None:
    await write(topics, 1)
    registry = {"url": "http://127.0.0.1:9"}

    with pytest.raises(Retry, match=r"127\.0\.0\.1:9"):
        await run(topics, tmp_path, schema_registry=registry)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01"])
def test_a_time_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"--from .* is no time"):
        verify(tmp_path / "connector.yaml", "--from", text)


async def test_a_window_that_nobody_read_is_not_good_and_the_note_says_what_was_read(
    topics: Topics, tmp_path: Path
) -> None:
    await write(topics, 1, 2)
    await asyncio.to_thread(topics.marker, "started", after_id=1, after_time=BEGAN_MS + 1)
    await asyncio.to_thread(topics.progress, BEGAN_MS + 2)

    code, found = await run(topics, tmp_path, "--from", "2020-01-01", "--to", "2021-01-01")

    assert (code, found["good"], found["uncovered"]) == (1, False, True)
    began = datetime.fromtimestamp((BEGAN_MS + 1) / 1000, UTC).isoformat(timespec="milliseconds")
    assert f"nobody read anything in the window: what was read is from {began}" in found["notes"][0]


async def test_a_window_in_which_a_quiet_stream_was_read_is_good(
    topics: Topics, tmp_path: Path
) -> None:
    await write(topics, 1)
    await asyncio.to_thread(topics.marker, "started", after_id=1, after_time=BEGAN_MS + 1)
    await asyncio.to_thread(topics.progress, BEGAN_MS + 9_000)
    window = ("--from", str(BEGAN_MS + 9_001), "--to", str(BEGAN_MS + 9_500))

    code, found = await run(topics, tmp_path, *window)

    assert (code, found["uncovered"]) == (0, False)


@pytest.mark.parametrize("newest", [0, 1])
async def test_progress_and_markers_count_by_when_they_were_written(
    newest: int, topics: Topics, tmp_path: Path
) -> None:
    """A topic whose partitions grew holds a key in two of them, which are read in any order."""
    await write(topics, 1, 2, 5)
    for partition in (newest, 1 - newest):
        late = partition == newest
        numbers = {"commit_number": 9 if late else 3, "partition": partition}
        await asyncio.to_thread(topics.progress, BEGAN_MS + (5 if late else 2), **numbers)
        state, at = ("unfillable", 500) if late else ("opened", 0)
        edges = {"before_id": 2, "after_id": 5, "partition": partition, "at": BEGAN_MS + at}
        await asyncio.to_thread(topics.marker, state, "gap-a", **edges)

    code, found = await run(topics, tmp_path)

    [series] = found["series"]
    assert (code, series["gaps"], series["holes"]) == (0, {"unfillable": 1}, {"unfillable": 1})
    assert series["complete_until"] == BEGAN_MS + 5


async def test_a_series_in_two_partitions_has_no_repeats(topics: Topics, tmp_path: Path) -> None:
    """Candle states and book tickers of both, in the order in which the partitions are read."""
    opened = BEGAN_MS - BEGAN_MS % 60_000
    for partition, step in ((1, 1), (0, 0)):
        begin = opened + 60_000 * step
        for event in range(5):
            state = begin, begin + event, event == 4
            await asyncio.to_thread(topics.candle, *state, partition)
            await asyncio.to_thread(topics.book_ticker, 100 * step + event, begin, partition)

    code, found = await run(topics, tmp_path)

    assert [(series["records"], series["repeats"]) for series in found["series"]] == [(10, 0)] * 2
    assert (code, found["unmarked"]) == (0, 0)


async def test_an_open_gap_is_counted_though_no_id_shows_it(topics: Topics, tmp_path: Path) -> None:
    await write(topics, 1, 2)
    await asyncio.to_thread(topics.marker, "opened", "gap-a", before_id=2)
    await asyncio.to_thread(topics.flush)

    _, found = await run(topics, tmp_path)
    _, text = await asyncio.to_thread(verify, topics.file(tmp_path))

    assert found["open"] == 1
    assert text.splitlines()[-1].endswith("0 unmarked holes, 0 repeats, 1 gaps open")
