"""What a record of the dead-letter topic holds, and how floods are sampled."""

from connector.errors import BadMessage
from connector.kafka.dead_letter import (
    MAX_DETAIL_CHARACTERS,
    MAX_RECORDS_PER_S,
    MAX_VALUE_BYTES,
    MIN_VALUE_BYTES,
    DeadLetterEncoder,
    shortened,
)

RECEIVED_US = 1_700_000_000_123_456
NOW = 100.0
BAD = BadMessage("field", "p: not a price")


def test_a_record_holds_the_raw_bytes_and_the_headers_say_why() -> None:
    record = DeadLetterEncoder("dead").encode("btcusdt@trade", b"raw", BAD, RECEIVED_US, NOW)

    assert record == (
        "dead",
        b"raw",
        b"btcusdt@trade",
        RECEIVED_US // 1000,
        [
            ("reason", b"field"),
            ("detail", b"p: not a price"),
            ("source", b"btcusdt@trade"),
            ("size", b"3"),
        ],
    )


def test_a_frame_that_names_no_stream_has_its_reason_as_key_and_no_source() -> None:
    record = DeadLetterEncoder("dead").encode("", b"raw", BAD, RECEIVED_US, NOW)

    assert record is not None
    assert (record[2], dict(record[4] or [])["source"]) == (b"field", b"")


def test_a_dead_letter_is_cut_until_it_is_as_short_as_it_may_be() -> None:
    record = DeadLetterEncoder("dead").encode("s", b"x" * 100_000, BAD, RECEIVED_US, NOW)
    sizes = []
    while record is not None:
        topic, value, key, _, headers = record
        assert (topic, key, dict(headers or [])["size"]) == ("dead", b"s", b"100000")
        sizes.append(len(value or b""))
        record = shortened(record)

    assert sizes == [100_000, 12_500, 1_562, MIN_VALUE_BYTES]


def test_long_bytes_and_details_are_cut_and_the_size_is_that_of_all_bytes() -> None:
    raw, bad = b"x" * (MAX_VALUE_BYTES + 1), BadMessage("json", "y" * 5_000)
    record = DeadLetterEncoder("dead").encode("s", raw, bad, RECEIVED_US, NOW)

    assert record is not None
    _, value, _, _, headers = record
    assert value == raw[:MAX_VALUE_BYTES]
    assert dict(headers or [])["detail"] == b"y" * MAX_DETAIL_CHARACTERS
    assert dict(headers or [])["size"] == b"%d" % len(raw)


def test_a_detail_that_is_no_text_is_written_with_replacements() -> None:
    bad = BadMessage("text", "\ud800")
    record = DeadLetterEncoder("dead").encode("s", b"raw", bad, RECEIVED_US, NOW)

    assert record is not None
    assert dict(record[4] or [])["detail"] == b"?"


def test_a_flood_of_one_reason_is_sampled_each_second_and_leaves_other_reasons_alone() -> None:
    encoder = DeadLetterEncoder("dead")

    def encoded(error: BadMessage, now: float, count: int) -> int:
        records = [encoder.encode("s", b"raw", error, RECEIVED_US, now) for _ in range(count)]
        return sum(record is not None for record in records)

    assert encoded(BAD, NOW, 5 * MAX_RECORDS_PER_S) == MAX_RECORDS_PER_S
    assert encoded(BadMessage("json", "why"), NOW, 1) == 1
    assert encoded(BAD, NOW + 1, 1) == 1
