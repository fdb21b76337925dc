"""Events that are new, odd or wrong: nothing is dropped, and fills are told apart."""

import json
from typing import Any

import pytest

from connector.errors import BadMessage
from tests.support.account import record_of, shown

FILL: dict[str, Any] = {
    "e": "ORDER_TRADE_UPDATE",
    "E": 1_794_000_000_002,
    "T": 1_794_000_000_000,
    "o": {"s": "BTCUSDT", "i": 7, "x": "TRADE", "X": "FILLED", "l": "0.5", "L": "9", "t": 3},
}


def encoded(event: dict[str, Any], **order: Any) -> bytes:
    return json.dumps(event | ({"o": event["o"] | order} if "o" in event else {})).encode()


def test_an_event_of_an_unknown_type_keeps_its_head_and_is_whole_in_raw_json() -> None:
    raw = b'{"e":"BRAND_NEW","E":1794000000002,"s":"BTCUSDT","n":{"deep":[1.10]}}'

    record = record_of("usdm", raw)

    found = shown(record)
    assert (record.is_known, record.unknown) == (False, ())
    assert (found["event_type"], found["event_time"]) == ("BRAND_NEW", 1_794_000_000_002)
    assert (found["symbol"], found["raw_json"]) == ("BTCUSDT", raw.decode())
    assert found["dedupe_key"] == f"desk-1/usdm/BRAND_NEW/{record.digest}"
    assert "extra" not in found


def test_unknown_keys_are_kept_with_their_paths() -> None:
    raw = (
        b'{"e":"ACCOUNT_UPDATE","E":1,"T":1,"new":1.50,"a":{"m":"ORDER","zz":{"y":null},'
        b'"B":[{"a":"BTC","wb":"1","q":9007199254740993}],"P":[]}}'
    )

    record = record_of("usdm", raw)

    assert record.unknown == ("new", "a.zz", "a.B.0.q")
    assert json.loads(shown(record)["extra"]) == {
        "new": "1.50",
        "a.zz": {"y": None},
        "a.B.0.q": 9007199254740993,
    }


@pytest.mark.parametrize(
    ("order", "path", "value"),
    [
        ({"p": "1e"}, "o.p", "1e"),
        ({"p": "1" * 39}, "o.p", "1" * 39),
        ({"q": {"a": 1}}, "o.q", {"a": 1}),
        ({"i": True}, "o.i", True),
        ({"T": 10**16}, "o.T", 10**16),
        ({"R": "yes"}, "o.R", "yes"),
        ({"S": ["BUY"]}, "o.S", ["BUY"]),
        ({"si": 2**63}, "o.si", 2**63),
        ({"si": "9" * 40}, "o.si", "9" * 40),
        ({"ss": True}, "o.ss", True),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_kept_beside_it(
    order: dict[str, Any], path: str, value: Any
) -> None:
    record = record_of("usdm", encoded(FILL, **order))

    assert json.loads(shown(record)["extra"]) == {path: value}
    assert record.is_known


def test_an_array_that_is_none_and_items_that_are_no_objects_are_kept() -> None:
    raw = b'{"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{"m":"ORDER","B":[5,{"a":["x"]}],"P":{"s":"X"}}}'

    assert json.loads(shown(record_of("usdm", raw))["extra"]) == {
        "a.B.0": 5,
        "a.B.1.a": ["x"],
        "a.P": {"s": "X"},
    }


def test_decimals_stand_quoted_or_bare_and_stay_exact() -> None:
    raw = encoded(FILL).replace(b'"l": "0.5"', b'"l": 0.1234567890123456789e1')

    assert shown(record_of("usdm", raw))["fill"]["quantity"] == "1.234567890123456789"


def test_ids_beyond_2_to_the_53_stay_exact() -> None:
    record = record_of("usdm", encoded(FILL, i=8389765739703625592))

    assert shown(record)["order_id"] == "8389765739703625592"


@pytest.mark.parametrize(
    ("product", "event"),
    [
        ("usdm", encoded(FILL, x="NEW", t=0, l="0")),
        ("usdm", encoded(FILL, t=0)),
        ("usdm", encoded(FILL, l="0.000")),
        ("usdm", encoded(FILL, x="EXPIRED")),
        ("spot", b'{"e":"executionReport","E":1,"s":"X","i":1,"x":"TRADE","t":-1,"l":"1"}'),
        (
            "spot",
            b'{"e":"executionReport","E":1,"s":"X","i":1,"x":"TRADE_PREVENTION","t":5,"l":"1"}',
        ),
    ],
)
def test_an_event_without_a_fill_has_no_trade_id_and_no_fill_key(
    product: Any, event: bytes
) -> None:
    found = shown(record_of(product, event))

    assert {"fill", "trade_id", "fill_key"} & found.keys() == set()


@pytest.mark.parametrize("execution", ["TRADE", "CALCULATED"])
def test_a_fill_has_one_key_however_it_came(execution: str) -> None:
    lite = b'{"e":"TRADE_LITE","E":1,"T":1,"s":"BTCUSDT","t":3,"i":7,"l":"0.5","L":"9"}'

    keys = {shown(record_of("usdm", raw))["fill_key"] for raw in (encoded(FILL, x=execution), lite)}

    assert keys == {"desk-1/usdm/BTCUSDT/3/7"}


def test_the_first_trade_of_a_spot_symbol_is_a_fill() -> None:
    raw = b'{"e":"executionReport","E":1,"s":"X","i":1,"x":"TRADE","t":0,"l":"1"}'

    assert shown(record_of("spot", raw))["fill_key"] == "desk-1/spot/X/0/1"


def test_markets_of_portfolio_margin_are_told_apart() -> None:
    keys = [
        shown(record_of("portfolio_margin", encoded(FILL | {"fs": market})))["fill_key"]
        for market in ("UM", "CM")
    ]

    assert keys == [
        "desk-1/portfolio_margin.UM/BTCUSDT/3/7",
        "desk-1/portfolio_margin.CM/BTCUSDT/3/7",
    ]


def test_new_and_canceled_of_one_order_in_one_millisecond_have_two_keys() -> None:
    raws = [encoded(FILL, x=state, X=state, t=0, l="0") for state in ("NEW", "CANCELED")]

    assert len({shown(record_of("usdm", raw))["dedupe_key"] for raw in raws}) == 2


def test_a_stop_that_triggers_leaves_expired_again_under_one_id() -> None:
    steps = [("EXPIRED", "EXPIRED", 0, "0"), ("NEW", "NEW", 0, "0"), ("TRADE", "FILLED", 3, "1")]
    records = [
        shown(record_of("usdm", encoded(FILL, x=x, X=state, t=t, l=quantity)))
        for x, state, t, quantity in steps
    ]

    assert [record["order_update"]["order_status"] for record in records] == [
        "EXPIRED",
        "NEW",
        "FILLED",
    ]
    assert len({record["dedupe_key"] for record in records}) == 3
    assert len({record["order_id"] for record in records}) == 1


def test_two_events_of_one_key_and_different_payloads_have_two_digests() -> None:
    raws = [
        f'{{"e":"ACCOUNT_UPDATE","E":1,"T":1,"a":{{"m":"ORDER","B":[{{"a":"{asset}"}}]}}}}'.encode()
        for asset in ("BTC", "ETH")
    ]
    first, second = (record_of("usdm", raw) for raw in raws)

    assert first.fields["dedupe_key"] == second.fields["dedupe_key"]
    assert first.digest != second.digest


def test_an_event_is_live_and_may_end_a_gap() -> None:
    found = shown(record_of("usdm", encoded(FILL), gap_id="g1"))

    assert (found["origin"], found["gap_id"]) == ("live", "g1")


@pytest.mark.parametrize(
    ("event_time", "timestamp"),
    [
        (b"1794000000002", 1_794_000_000_002),
        (b'"1794000000002"', 1_794_000_000_002),
        (b"1794000305000", 1_794_000_305_000),
        (b"1794000305001", 1_794_000_005_000),
        (b"null", 1_794_000_005_000),
        (b"-5", 1_794_000_005_000),
    ],
)
def test_a_record_is_stamped_with_the_events_time_but_not_far_ahead(
    event_time: bytes, timestamp: int
) -> None:
    record = record_of("usdm", b'{"e":"listenKeyExpired","E":%b}' % event_time)

    assert record.timestamp == timestamp


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b'{"e":"\xff"}', "json"),
        (b"[]", "shape"),
        (b"5", "shape"),
        (b"{}", "shape"),
        (b'{"e":5}', "shape"),
        (b'{"e":""}', "shape"),
        (b'{"a":' * 2_000, "json"),
    ],
)
def test_what_is_no_event_is_a_bad_message(raw: bytes, reason: str) -> None:
    with pytest.raises(BadMessage) as caught:
        record_of("usdm", raw)
    assert caught.value.reason == reason


def test_a_listen_key_under_a_new_name_is_hidden_too() -> None:
    key = "S3cretListenKey0" * 4
    raw = b'{"stream":"%b","data":{"e":"NEW_KIND","E":1,"via":"wss://x/%b"}}' % (
        key.encode(),
        key.encode(),
    )

    assert key not in json.dumps(shown(record_of("usdm", raw)))


@pytest.mark.parametrize("odd", [[], {}, ["TRADE"], 1, None])
def test_an_execution_that_is_no_text_is_no_fill(odd: Any) -> None:
    event = {"e": "executionReport", "E": 1, "s": "A", "i": 5, "x": odd, "t": 7, "l": "1"}

    record = record_of("spot", json.dumps(event).encode())

    assert "fill_key" not in record.fields
