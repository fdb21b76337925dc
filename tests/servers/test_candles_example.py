"""The example's candles: held back by a gap, and equal to the exchange's own once it is filled."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from connector.lab.real_kafka import RealKafka, RealRegistry
from examples.python.candles import Candle, Candles, Status, Topics, Window, follow
from tests.support.candles import LENGTH_MS, SERIES, Amounts, candle_stage
from tests.support.waiting import in_time

Seen = dict[Window, tuple[Candle, Status]]


def amounts_of(candle: Candle) -> Amounts:
    return (
        *(candle.first[1], candle.high, candle.low, candle.last[1]),
        *(candle.volume, candle.value, candle.count),
    )


async def test_a_candle_is_held_back_until_its_backfill_has_come(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    async with candle_stage(tmp_path, kafka, registry, "candles") as stage:
        names = [f"candles.{name}" for name in ("spot.trade", "markers", "progress")]
        topics = Topics(kafka.bootstrap_servers, registry.url, names)
        seen: Seen = {}
        with contextlib.closing(topics):
            shown = follow(topics, Candles(LENGTH_MS))

            async def until_seen(fact: Callable[[], bool]) -> None:
                while not fact():
                    window, candle, status = await in_time(asyncio.to_thread(next, shown))
                    seen[window] = candle, status

            def having(wanted: Status) -> list[Window]:
                return [window for window, (_, status) in seen.items() if status == wanted]

            await stage.lose()
            await until_seen(lambda: bool(having("filling")))
            held = having("filling")
            assert having("whole") == [each for each in seen if each < held[0]][1:]
            stage.released.set()
            await until_seen(lambda: len([w for w in having("whole") if w > held[-1]]) > 1)
    truth = stage.truth()
    whole = {window: seen[window][0] for window in having("whole")}
    assert having("filling") == []
    assert {series for series, _ in whole} == {SERIES}
    assert {start: amounts_of(candle) for (_, start), candle in whole.items()} == {
        start: truth[start] for _, start in whole
    }
    assert sum(whole[window].fetched for window in held) > 0
    assert having("cut") == [min(seen)]
