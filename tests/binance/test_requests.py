"""The JSON we send, byte for byte."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from connector.binance.requests import (
    MOST_BYTES,
    chunks,
    list_subscriptions,
    subscribe,
    unsubscribe,
)


def test_requests_are_as_binance_documents_them() -> None:
    assert subscribe(["btcusdt@aggTrade", "btcusdt@depth"], 1) == (
        b'{"method":"SUBSCRIBE","params":["btcusdt@aggTrade","btcusdt@depth"],"id":1}'
    )
    assert unsubscribe(["btcusdt@depth"], 312) == (
        b'{"method":"UNSUBSCRIBE","params":["btcusdt@depth"],"id":312}'
    )
    assert list_subscriptions(3) == b'{"method":"LIST_SUBSCRIPTIONS","id":3}'


def test_a_chunk_has_at_most_250_names() -> None:
    names = [f"s{number}@trade" for number in range(501)]
    assert [len(chunk) for chunk in chunks(names)] == [250, 250, 1]


def test_no_names_make_no_chunk() -> None:
    assert list(chunks([])) == []


def test_a_name_longer_than_a_request_still_gets_one_of_its_own() -> None:
    long = "x" * 100
    assert list(chunks(["a", long, "b"], most_bytes=80)) == [["a"], [long], ["b"]]


@given(st.lists(st.text('ab币"\\', min_size=1, max_size=300), max_size=400), st.integers(1, 250))
def test_chunks_keep_every_name_in_order_and_fit_a_request(names: list[str], most: int) -> None:
    cut = list(chunks(names, most))
    assert [name for chunk in cut for name in chunk] == names
    for number, chunk in enumerate(cut):
        assert 1 <= len(chunk) <= most
        request = unsubscribe(chunk, 2**64 - number - 1)
        assert len(request) <= MOST_BYTES
        assert msgspec.json.decode(request)["params"] == chunk
