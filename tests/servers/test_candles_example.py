"""The example's candles: held back by a gap, and equal to the exchange's own once it is filled."""

import contextlib
from pathlib import Path

from connector.lab.real_kafka import RealKafka, RealRegistry
from examples.python.candles import Candle
from tests.support.candles import SERIES, Amounts, CandleReader, candle_stage


def amounts_of(candle: Candle) -> Amounts:
    return (
        *(candle.first[1], candle.high, candle.low, candle.last[1]),
        *(candle.volume, candle.value, candle.count),
    )


async def test_a_candle_is_held_back_until_its_backfill_has_come(
    tmp_path: Path, kafka: RealKafka, registry: RealRegistry
) -> None:
    async with candle_stage(tmp_path, kafka, registry, "candles") as stage:
        with contextlib.closing(CandleReader(kafka, registry, "candles")) as reader:
            await stage.lose()
            await reader.until(lambda: reader.having("filling"))
            held = reader.having("filling")
            assert [window for window in reader.having("whole") if window >= held[0]] == []
            stage.released.set()
            await reader.until_whole_behind(held[-1])
    truth = stage.truth()
    whole = {window: reader.seen[window][0] for window in reader.having("whole")}
    assert reader.having("filling") == []
    assert {series for series, _ in whole} == {SERIES}
    assert {start: amounts_of(candle) for (_, start), candle in whole.items()} == {
        start: truth[start] for _, start in whole
    }
    assert sum(whole[window].fetched for window in held) > 0
    assert reader.having("cut") == [min(reader.seen)]
