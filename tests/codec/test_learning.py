"""A key the exchange adds to every message is learned: only the first one takes the slow way."""

import pytest

from connector.codec.compile import Codec
from connector.feed.pipeline import Pipeline, Routes
from connector.telemetry.ledger import Ledger
from tests.feed.test_pipeline import NOW_US, frame, trade
from tests.support.pipeline import Recorder, Source, route


def test_a_thousand_messages_with_a_new_key_take_the_slow_way_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow: list[bytes] = []
    decode_slowly = Codec.decode_slowly

    def counted(self: Codec, raw: bytes) -> object:
        slow.append(raw)
        return decode_slowly(self, raw)

    monkeypatch.setattr(Codec, "decode_slowly", counted)
    routes: Routes = {b"btcusdt@trade": route("spot", "btcusdt@trade")}
    recorder = Recorder()
    pipeline = Pipeline(recorder, Ledger(), 10**9)

    for number in range(1000):
        pipeline.receive(routes, [frame(trade(number, zz=number))], NOW_US, Source())

    assert len(recorder.records) == 1000
    assert len(slow) == 1
    assert routes[b"btcusdt@trade"].codec.unknown == {"zz": 1000}
