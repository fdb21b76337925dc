"""Keys of events and fills."""

from connector.account.identity import (
    dedupe_key,
    distinct_key,
    fill_key,
    payload_digest,
    secrets_of,
    value_at,
)
from connector.binance.account_events import find_layout
from connector.binance.account_events.layout import EventLayout


def layout(product: str, event: str) -> EventLayout:
    found = find_layout(product, event)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_fill_is_told_by_account_product_symbol_trade_and_order() -> None:
    assert fill_key("a", "spot", "BTCUSDT", 5, "9") == "a/spot/BTCUSDT/5/9"
    assert fill_key("a", "portfolio_margin", "X", 5, "9", "UM") == "a/portfolio_margin.UM/X/5/9"


def test_an_event_is_told_by_the_values_of_its_layout() -> None:
    event = {"e": "balanceUpdate", "E": 5, "T": 4, "a": "BTC", "d": "0.10"}

    key = dedupe_key("a", layout("spot", "balanceUpdate"), event, "digest")

    assert key == "a/spot/balanceUpdate/5/4/BTC/0.10"


def test_an_event_that_lacks_a_value_is_told_by_its_payload() -> None:
    key = dedupe_key("a", layout("spot", "executionReport"), {"s": "X"}, "digest")

    assert key == "a/spot/executionReport/digest"


def test_the_subscription_is_the_wrappers() -> None:
    terminated = layout("spot", "eventStreamTerminated")

    with_id = {"E": 5, "subscriptionId": 3}
    assert dedupe_key("a", terminated, with_id, "d") == "a/spot/eventStreamTerminated/3/5"
    assert dedupe_key("a", terminated, {"E": 5}, "d") == "a/spot/eventStreamTerminated/d"


def test_a_listen_key_is_in_no_key_but_tells_events_apart() -> None:
    expired = layout("usdm", "listenKeyExpired")

    keys = [dedupe_key("a", expired, {"listenKey": key}, "d") for key in ("s3cret", "other")]

    assert keys[0] != keys[1]
    assert "s3cret" not in keys[0]


def test_the_secrets_of_an_event_are_the_texts_at_their_places() -> None:
    update = layout("coinm", "ACCOUNT_UPDATE")

    assert secrets_of(update, {"i": "SfsR", "e": "ACCOUNT_UPDATE"}) == {"SfsR"}
    assert secrets_of(update, {"i": ""}) == set()


def test_a_long_value_is_in_the_key_by_its_digest() -> None:
    event = {"E": 5, "t": "BORROW", "L": [{"a": "BTC", "p": "1", "i": "0"}] * 9}

    key = dedupe_key("a", layout("margin_uta", "liabilityChange"), event, "d")

    assert len(key) < 80


def test_equal_payloads_have_equal_digests_and_others_do_not() -> None:
    assert payload_digest(b"1") == payload_digest(b"1")
    assert payload_digest(b"1") != payload_digest(b"2")
    assert distinct_key("k", "d") == "k/d"


def test_a_value_is_found_by_its_path_or_is_none() -> None:
    assert value_at({"o": {"s": "X"}}, "o.s") == "X"
    assert value_at({"o": 5}, "o.s") is None
