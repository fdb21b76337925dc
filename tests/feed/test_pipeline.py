"""A frame's life: its route, other spellings, the queue while there is no room, the accounts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.codec.framing import MAX_AHEAD_MS
from connector.codec.rest_rows import RestEvent
from connector.feed.pipeline import Pipeline
from connector.feed.route import Routes
from connector.telemetry.ledger import Ledger
from tests.support import avro_oracle
from tests.support.pipeline import FEED, Recorder, route

pytestmark = pytest.mark.usefixtures("both_codecs")

NOW_US = 1_789_964_484_123_456
NOW_MS = NOW_US // 1000


def trade(number: int = 1, time: int = NOW_MS, **changes: object) -> dict[str, object]:
    data = {"e": "trade", "E": time, "s": "BTCUSDT", "t": number, "p": "1.5", "q": "2", "T": time}
    return {**data, "m": True, "M": True, **changes}


def frame(data: object, stream: str = "btcusdt@trade") -> bytes:
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


class Line:
    """A pipeline with its surroundings."""

    def __init__(self, room: int = 1_000_000, hold: int = 1_000_000) -> None:
        self.recorder = Recorder(room)
        self.ledger = Ledger()
        self.pipeline = Pipeline(self.recorder, self.ledger, hold)
        self.others: list[bytes] = []
        self.routes: Routes = {
            b"btcusdt@trade": route("spot", "btcusdt@trade"),
            b"ethusdt@trade": route("spot", "ethusdt@trade"),
        }

    def receive(self, *frames: bytes) -> None:
        """Deliver frames as a session does; none of the others is an answer."""
        others = self.pipeline.receive(self.routes, frames, NOW_US, FEED)
        self.others += others
        for other in others:
            self.pipeline.dead_letters.frame(other, NOW_US)

    def ids(self) -> list[int]:
        schema = self.routes[b"btcusdt@trade"].codec.schema
        return [
            avro_oracle.read_avro(schema, value)["trade_id"]
            for _, value, _, _ in self.recorder.records
        ]

    def assert_balanced(self) -> None:
        assert self.ledger.frames.missing(self.pipeline.waiting) == 0
        records = self.ledger.records
        assert records.in_flight == len(self.recorder.records)
        assert records.dead_lettered == len(self.recorder.dead)


def test_a_frame_is_published_under_its_topic_key_and_time() -> None:
    line = Line()

    line.receive(frame(trade(7, time=NOW_MS - 5)))

    [(topic, _, key, timestamp)] = line.recorder.records
    assert (topic, key, timestamp) == ("binance.spot.trade", b"BTCUSDT", NOW_MS - 5)
    assert line.ledger.frames.decoded == 1
    line.assert_balanced()


def test_a_key_is_made_from_its_template() -> None:
    line = Line()
    line.routes[b"btcusdt@trade"].key = "{product}/{kind}/{symbol}/{stream}"

    line.receive(frame(trade(7)))

    [(_, _, key, _)] = line.recorder.records
    assert key == b"spot/trade/BTCUSDT/btcusdt@trade"


def test_a_time_too_far_ahead_gives_way_to_the_receive_time() -> None:
    line = Line()

    line.receive(
        frame(trade(1, time=NOW_MS + MAX_AHEAD_MS)),
        frame(trade(2, time=NOW_MS + MAX_AHEAD_MS + 1)),
        frame(trade(3, time=0)),
    )

    times = [timestamp for *_, timestamp in line.recorder.records]
    assert times == [NOW_MS + MAX_AHEAD_MS, NOW_MS, NOW_MS]


def test_a_fetched_event_too_far_ahead_gives_way_to_the_receive_time_too() -> None:
    line = Line()
    line.receive(frame(trade(1)))
    route = line.routes[b"btcusdt@trade"]
    [series] = route.series.values()
    for number, time_ms in ((2, NOW_MS + MAX_AHEAD_MS), (3, NOW_MS + MAX_AHEAD_MS + 1)):
        event = RestEvent(json.dumps(trade(number)).encode(), number, number, time_ms)
        assert line.pipeline.recover(route.codec, series, event, "g", "backfill", NOW_MS * 1000)

    times = [timestamp for *_, timestamp in line.recorder.records[1:]]
    assert times == [NOW_MS + MAX_AHEAD_MS, NOW_MS]


def test_a_frame_in_another_spelling_is_read_all_the_same() -> None:
    line = Line()

    line.receive(
        json.dumps({"data": trade(1), "stream": "btcusdt@trade"}).encode(),
        json.dumps({"stream": "btcusdt@trade", "data": trade(2)}, indent=1).encode(),
    )

    assert line.ids() == [1, 2]
    line.assert_balanced()


@pytest.mark.parametrize("end", [b',"new":{"data":1}}', b"}\n", b',"new":null}\r\n'])
@pytest.mark.parametrize("room", [1_000_000, 0])
def test_a_frame_with_more_behind_its_data_is_read_all_the_same(end: bytes, room: int) -> None:
    line = Line(room)

    line.receive(*(frame(data)[:-1] + end for data in (trade(1), [trade(2), trade(3)], trade(4))))
    line.recorder.most = 1_000_000
    line.pipeline.tick()

    assert line.ids() == [1, 2, 3, 4]
    assert line.recorder.dead == []
    line.assert_balanced()


def test_an_array_becomes_a_record_per_element_and_one_bad_element_a_dead_letter() -> None:
    line = Line()
    bad = trade(2, p="nonsense")

    line.receive(frame([trade(1), bad, trade(3)]))

    assert line.ids() == [1, 3]
    [(source, raw, reason)] = line.recorder.dead
    assert (source, json.loads(raw), reason) == ("btcusdt@trade", bad, "decimal")
    assert line.ledger.frames.undecodable == 1
    line.assert_balanced()


def test_an_array_waits_whole_when_there_is_no_room_for_all_of_it() -> None:
    line = Line(room=2)

    line.receive(frame([trade(1), trade(2), trade(3)]))
    waited = list(line.recorder.records)
    line.recorder.most = 3
    line.pipeline.tick()

    assert waited == []
    assert line.ids() == [1, 2, 3]
    line.assert_balanced()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "json"),
        (b"nonsense", "json"),
        (b'{"stream":"btcusdt@trade","data":{"t":}}', "json"),
        (b'{"stream":"btcusdt@trade","data":5}', "shape"),
        (b'{"stream":"btcusdt@trade","data":[5]}', "shape"),
        (b'{"stream":"btcusdt@trade","data":[}', "json"),
        (b'{"stream":"btcusdt@trade"}', "json"),
        (b'{"stream":"btcusdt@trade","data":' + b"[" * 100_000 + b"}", "json"),
        (b'{"stream":"xrpusdt@trade","data":{}}', "unknown_stream"),
        (b'{"stream":"\xff","data":{}}', "json"),
        (frame(trade(1, s="")), "field"),
        (frame(trade(1, p="1" * 39)), "decimal"),
    ],
)
def test_what_cannot_be_decoded_is_a_dead_letter_and_the_next_frame_is_read(
    raw: bytes, reason: str
) -> None:
    line = Line()

    line.receive(raw, frame(trade(9)))

    assert [cause for *_, cause in line.recorder.dead] == [reason]
    assert line.ledger.dead_letters == {reason: 1}
    assert line.ids() == [9]
    line.assert_balanced()


def test_frames_of_no_stream_of_ours_are_returned_in_their_order() -> None:
    line = Line()
    answer = b'{"result":null,"id":1}'
    shutdown = frame({"e": "serverShutdown", "E": 1}, "!serverShutdown")
    unknown = frame(trade(5), "xrpusdt@trade")

    line.receive(answer, frame(trade(1)), shutdown, frame(trade(2)), unknown)

    assert line.others == [answer, shutdown, unknown]
    assert line.ids() == [1, 2]
    line.assert_balanced()


def test_frames_wait_in_order_while_there_is_no_room() -> None:
    line = Line(room=2)

    line.receive(*(frame(trade(number)) for number in range(1, 6)))
    line.receive(frame(trade(6)))
    line.recorder.most = 4
    line.pipeline.tick()
    line.receive(frame(trade(7)))
    line.recorder.most = 100
    line.pipeline.tick()

    assert line.ids() == [1, 2, 3, 4, 5, 6, 7]
    assert line.pipeline.queued_bytes == 0
    line.assert_balanced()


def test_answers_are_returned_while_frames_wait() -> None:
    line = Line(room=0)

    line.receive(frame(trade(1)), b'{"result":null,"id":1}')
    line.receive(b'{"result":null,"id":2}', frame(trade(2)))

    assert line.others == [b'{"result":null,"id":1}', b'{"result":null,"id":2}']
    assert line.pipeline.waiting == 2
    line.assert_balanced()


def test_a_frame_in_another_spelling_keeps_its_place_among_those_that_wait() -> None:
    line = Line(room=0)

    line.receive(
        frame(trade(1)), json.dumps({"data": trade(2), "stream": "btcusdt@trade"}).encode()
    )
    line.receive(frame(trade(3)))
    line.recorder.most = 3
    line.pipeline.tick()

    assert line.ids() == [1, 2, 3]
    line.assert_balanced()


def test_what_happens_to_a_stream_is_done_in_order_among_the_frames_that_wait() -> None:
    line = Line(room=0)
    [route_, _] = line.routes.values()
    line.receive(frame(trade(1)))
    line.pipeline.feed_opened([route_], FEED)
    line.receive(frame(trade(2)))
    line.recorder.most = 1

    line.pipeline.tick()
    assert (line.ids(), route_.feeds) == ([1], [])
    line.recorder.most = 5_000
    line.pipeline.tick()

    assert (line.ids(), route_.feeds) == ([1, 2], [FEED])
    line.pipeline.feed_rejected([route_], FEED)
    assert route_.feeds == []


def test_unknown_keys_do_not_stop_a_stream() -> None:
    line = Line()

    line.receive(frame(trade(1, zz=1)), frame(trade(2, zz=2)), frame(trade(3)))

    assert line.ids() == [1, 2, 3]
    assert line.routes[b"btcusdt@trade"].codec.unknown == {"zz": 2}
    line.assert_balanced()


def lists_and_maps(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([*"eEstpqTmM", "zz"]), inner, max_size=9
    )


pieces = st.one_of(
    st.binary(max_size=60),
    st.just(frame(trade(1))),
    st.just(b'{"result":null,"id":1}'),
    st.builds(
        frame,
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lists_and_maps,
            max_leaves=12,
        ),
    ),
)


@given(st.lists(pieces, max_size=8), st.integers(0, 6), st.integers(200, 2000))
def test_whatever_comes_is_accounted_for(frames: list[bytes], room: int, hold: int) -> None:
    line = Line(room, hold)

    line.receive(*frames)
    line.recorder.most = 1000
    line.pipeline.tick()

    assert line.pipeline.waiting == 0
    line.assert_balanced()
