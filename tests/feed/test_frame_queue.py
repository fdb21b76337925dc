"""The queue between the connections and Kafka: its bound, and what is marked when it was full."""

from connector.binance.envelope import OVERHEAD_BYTES
from connector.feed.frame_queue import FRAME_OVERHEAD_BYTES, FrameQueue
from connector.feed.route import Route
from connector.telemetry.ledger import Ledger
from tests.feed.test_pipeline import Line, frame, trade
from tests.support.pipeline import FEED, route

PAYLOAD = b"{}"
SIZE = len(PAYLOAD) + FRAME_OVERHEAD_BYTES
NOW_US = 1_789_964_484_123_456


class Queue:
    """A queue with room for `most` frames, and what it has marked as dropped."""

    def __init__(self, most: int) -> None:
        self.ledger = Ledger()
        self.marked: list[list[Route]] = []
        self.queue = FrameQueue(self.ledger, most * SIZE, self.marked.append)

    def put(self, route_: Route, count: int = 1) -> None:
        for _ in range(count):
            self.queue.put(route_, PAYLOAD, NOW_US, FEED)

    def pop(self, count: int = 1) -> None:
        """Take entries out as the pipeline does, and make the queued calls."""
        for _ in range(count):
            entry = self.queue.entries[0]
            if not isinstance(entry, tuple):
                entry()
            self.queue.pop()


def test_frames_and_actions_wait_in_order_and_only_frames_count() -> None:
    line, trades, calls = Queue(10), route("spot", "btcusdt@trade"), []
    line.put(trades)
    line.queue.put_action(lambda: calls.append(1))
    line.put(trades)
    assert (line.queue.waiting, line.queue.bytes) == (2, 2 * SIZE)

    line.pop(2)
    assert (line.queue.waiting, line.queue.bytes, calls) == (1, SIZE, [1])
    line.pop()

    assert (line.queue.waiting, line.queue.bytes, list(line.queue.entries)) == (0, 0, [])


def test_a_full_queue_drops_everything_until_it_is_half_empty() -> None:
    line, trades = Queue(4), route("spot", "btcusdt@trade")
    line.put(trades, 6)
    assert (line.queue.waiting, line.ledger.frames.dropped, line.ledger.overloads) == (4, 2, 1)

    line.pop()
    assert not line.queue.end_overload()
    line.put(trades)
    assert line.ledger.frames.dropped == 3

    line.pop()
    assert line.queue.end_overload()
    line.put(trades)
    assert (line.queue.waiting, line.ledger.frames.dropped, line.ledger.overloads) == (3, 3, 1)


def test_dropped_streams_are_marked_where_their_frames_would_have_been() -> None:
    line, trades = Queue(2), route("spot", "btcusdt@trade")
    line.put(trades, 4)
    line.pop()
    assert line.queue.end_overload()
    line.put(trades)

    line.pop()
    assert line.marked == []
    line.pop()

    assert line.marked == [[trades]]


def test_streams_of_two_products_with_one_name_are_both_marked() -> None:
    line = Queue(1)
    spot, usdm = route("spot", "btcusdt@bookTicker"), route("usdm", "btcusdt@bookTicker")
    line.put(spot, 2)
    line.put(usdm)
    line.pop()
    assert line.queue.end_overload()
    line.pop()

    [routes] = line.marked
    assert [route_.product for route_ in routes] == ["spot", "usdm"]


def test_the_pipeline_publishes_what_was_not_dropped_in_order() -> None:
    payload_bytes = len(frame(trade(1))) - len(b"btcusdt@trade") - OVERHEAD_BYTES
    line = Line(room=0, hold=4 * (payload_bytes + FRAME_OVERHEAD_BYTES))

    line.receive(*(frame(trade(number)) for number in range(1, 7)))  # 4 wait, 5 and 6 are dropped
    line.recorder.most = 1
    line.pipeline.tick()  # 3 wait: more than half
    line.receive(frame(trade(7)))
    line.recorder.most = 2
    line.pipeline.tick()  # 2 wait: half empty
    line.receive(frame(trade(8)))
    line.recorder.most = 100
    line.pipeline.tick()

    assert line.ids() == [1, 2, 3, 4, 8]
    assert (line.ledger.frames.dropped, line.ledger.overloads) == (3, 1)
    line.assert_balanced()
