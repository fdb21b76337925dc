"""Captures read and played: their bytes, their pace, and what is wrong with a line."""

import asyncio
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.errors import Refused
from connector.lab.capture_file import SEAM_MS, STEP_MS, Line, product_in, read, together
from connector.lab.capture_player import Capture, Player, speed_of
from connector.lab.exchange import Exchange
from connector.lab.faults import Skip
from connector.lab.market import Market
from tests.support.lab_client import client
from tests.support.waiting import until

TRADE = "btcusdt@trade"
DAY = 1_795_000_000_000


def trade(number: int, at: int) -> str:
    return json.dumps(
        {
            "stream": TRADE,
            "data": {
                "e": "trade",
                "E": DAY + at,
                "s": "BTCUSDT",
                "t": number,
                "p": "81219.20000000",
            },
        },
        separators=(",", ":"),
    )


def lines(*texts: str, stream: str | None = None) -> list[Line]:
    return list(read((text.encode() for text in texts), "spot.x.jsonl", "spot", stream))


def test_a_combined_line_keeps_its_payload_byte_for_byte() -> None:
    payload = '{"e":"trade","E":1, "s":"BTCUSDT","p":"0.10" }'

    [line] = lines('{"stream":"btcusdt@trade","data":' + payload + "}\n")

    assert (line.stream.name, line.payload.decode()) == (TRADE, payload)


@pytest.mark.parametrize(
    "text",
    [
        '{"data":{"e":"trade", "E":1},"stream":"btcusdt@trade"}',
        '{"stream":"btcusdt@trade","data":{"e":"trade", "E":1},"new":{}}',
        '{ "stream":"btcusdt@trade", "data": {"e":"trade", "E":1} }',
    ],
)
def test_a_payload_is_the_same_in_any_wrapper(text: str) -> None:
    [line] = lines(text)

    assert (line.stream.name, line.payload) == (TRADE, b'{"e":"trade", "E":1}')


def test_a_raw_payload_is_of_the_named_stream_or_guessed() -> None:
    raw = '{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[]}'
    frame = '{"e":"trade","E":1,"s":"ETHUSDT","t":1}'

    assert [line.stream.name for line in lines(raw, stream="btcusdt@depth5")] == ["btcusdt@depth5"]
    assert [line.stream.name for line in lines(frame)] == ["ethusdt@trade"]


@pytest.mark.parametrize(
    ("text", "error_text"),
    [
        ("nonsense", r"spot\.x\.jsonl:2: not JSON"),
        ('{"lastUpdateId":1,"bids":[],"asks":[]}', r"spot\.x\.jsonl:2: .*give --stream NAME"),
        ('{"stream":"btcusdt@trades","data":{}}', r"spot\.x\.jsonl:2: .*btcusdt@trades"),
    ],
)
def test_a_line_that_cannot_be_played_is_named(text: str, error_text: str) -> None:
    with pytest.raises(Refused, match=error_text):
        lines(trade(1, 5), text)


def test_the_pace_is_that_of_the_event_times() -> None:
    array = '{"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker","E":1795000002500,"s":"A"}]}'
    timeless = '{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT"}}'

    found = lines(trade(1, 1000), trade(2, 1250), array, timeless, trade(3, 2600))

    assert [line.at_ms for line in found] == [0, 250, 1500, 1500 + STEP_MS, 1600]


def test_times_in_microseconds_have_the_same_pace() -> None:
    us = '{"stream":"btcusdt@trade","data":{"e":"trade","E":%d,"s":"BTCUSDT"}}'

    found = lines(us % (DAY * 1000), us % ((DAY + 300) * 1000))

    assert [line.at_ms for line in found] == [0, 300]


def test_a_step_back_and_a_silence_over_ten_minutes_are_seams() -> None:
    found = lines(trade(1, 1000), trade(2, 1000 + SEAM_MS + 1), trade(3, 5))

    assert [line.at_ms for line in found] == [0, STEP_MS, 2 * STEP_MS]


def test_several_captures_begin_at_once() -> None:
    def capture(*times: int) -> Iterator[Line]:
        return iter(lines(*(trade(at, at) for at in times)))

    found = together([capture(1000, 1100, 1400), capture(50_000, 50_050)])

    trade_ids = [json.loads(line.payload)["t"] for line in found]
    assert trade_ids == [1000, 50_000, 50_050, 1100, 1400]


def test_the_product_is_told_or_begins_the_files_name() -> None:
    assert product_in("usdm.depth.jsonl", None) == "usdm"
    assert product_in("usdm.depth.jsonl", "coinm") == "coinm"
    with pytest.raises(Refused, match="Give --product"):
        product_in("depth.jsonl", None)
    with pytest.raises(Refused, match="'spott' is no product"):
        product_in("x", "spott")


@pytest.mark.parametrize(("text", "speed"), [("10", 10.0), ("0.5", 0.5), ("max", math.inf)])
def test_speed_is_a_factor_or_max(text: str, speed: float) -> None:
    assert speed_of(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "fast", "inf", "nan"])
def test_a_wrong_speed_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="--speed"):
        speed_of(text)


def test_a_file_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "spot.jsonl"
    empty.write_text("\n\n")

    with pytest.raises(Refused, match="nothing to play"):
        Player([Capture(empty, "spot")]).check()
    with pytest.raises(Refused, match=r"absent\.jsonl: No such file"):
        Player([Capture(tmp_path / "absent.jsonl", "spot")]).check()


async def played(tmp_path: Path, speed: float, wanted: int, *, loop: bool = False) -> list[int]:
    """Return the ids a client got of a capture of 20 trades, 100 ms apart."""
    path = tmp_path / "spot.trades.jsonl"
    path.write_text("".join(trade(n, 1000 + 100 * n) + "\n" for n in range(20)))
    exchange = Exchange(Market(1), source=Player([Capture(path, "spot")], speed, loop=loop))
    await exchange.start()
    try:
        async with client(exchange, [TRADE]) as here:
            await until(lambda: here.count(TRADE) >= wanted)
            return here.ids(TRADE)
    finally:
        await exchange.stop()


@pytest.mark.lab
async def test_a_capture_is_played_from_its_beginning_at_its_pace(tmp_path: Path) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()

    assert await played(tmp_path, 10.0, 20) == list(range(20))
    assert clock() - began >= 0.19  # 1.9 s, ten times as fast


@pytest.mark.lab
async def test_a_capture_is_played_without_pauses_and_again(tmp_path: Path) -> None:
    ids = await played(tmp_path, math.inf, 60, loop=True)

    assert ids[:60] == [*range(20)] * 3


@pytest.mark.lab
async def test_faults_hurt_what_is_played(tmp_path: Path) -> None:
    path = tmp_path / "spot.trades.jsonl"
    path.write_text("".join(trade(n, 1000 + 10 * n) + "\n" for n in range(50)))
    exchange = Exchange(Market(1), source=Player([Capture(path, "spot")]))
    await exchange.start()
    try:
        exchange.begin(Skip(TRADE, 10))
        await until(lambda: exchange.delivery.filters)
        async with client(exchange, [TRADE]) as here:
            await until(lambda: 49 in here.ids(TRADE))

            assert here.ids(TRADE) == [*range(10, 50)]
            assert (1,) in exchange.oracle.withheld(("spot", TRADE, "BTCUSDT"))
    finally:
        await exchange.stop()
