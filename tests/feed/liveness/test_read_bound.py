"""What the frames of a connection prove about what can still come."""

from connector.feed.liveness.read_bound import MARGIN_MS, ReadBound

NOW_MS = 1_789_967_000_000


def test_the_newest_event_of_a_neighbour_proves_what_was_before_it() -> None:
    bound = ReadBound()
    bound.note(NOW_MS, NOW_MS + 40)
    assert bound.until() is None  # that event may have come on another connection
    bound.note(NOW_MS + 1_000, NOW_MS + 1_040)

    assert bound.until() == NOW_MS + 1_000 - MARGIN_MS


def test_an_answered_ping_proves_as_much_by_the_way_of_the_quickest_event() -> None:
    bound = ReadBound()
    bound.note(0, NOW_MS)
    for newest_ms, read_ms in ((NOW_MS, NOW_MS + 900), (NOW_MS + 1_000, NOW_MS + 1_040)):
        bound.note(newest_ms, read_ms)
    bound.note(NOW_MS + 1_000, NOW_MS + 6_040)

    assert bound.until() == NOW_MS + 6_000 - MARGIN_MS


def test_our_clock_may_be_ahead_of_the_exchange() -> None:
    bound = ReadBound()
    bound.note(0, NOW_MS)
    bound.note(NOW_MS - 60_000, NOW_MS)
    bound.note(NOW_MS - 60_000, NOW_MS + 5_000)

    assert bound.until() == NOW_MS - 55_000 - MARGIN_MS


def test_an_event_of_the_future_proves_no_more_than_the_read() -> None:
    bound = ReadBound()
    bound.note(0, NOW_MS)
    bound.note(NOW_MS + 200_000, NOW_MS)

    assert bound.until() == NOW_MS - MARGIN_MS


def test_a_connection_on_which_nothing_is_read_proves_nothing_more() -> None:
    bound = ReadBound()
    bound.note(0, NOW_MS)
    bound.note(NOW_MS, NOW_MS + 40)
    for _ in range(3):
        bound.note(NOW_MS, NOW_MS + 40)

    assert bound.until() == NOW_MS - MARGIN_MS


def test_where_the_record_time_is_that_of_receipt_the_read_is_the_proof() -> None:
    bound = ReadBound()
    bound.note(0, NOW_MS)

    assert bound.until(by_our_clock=True) == NOW_MS - MARGIN_MS
