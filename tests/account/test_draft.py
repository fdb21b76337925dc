"""Values on their way into fields."""

from connector.account.draft import RecordDraft
from connector.account.layouts import compile_layout
from connector.binance.account_events import find_layout


def draft_of(event: str, values: dict[str, object]) -> RecordDraft:
    layout = find_layout("usdm", event)
    assert layout is not None
    draft = RecordDraft()
    draft.take(values, compile_layout(layout))
    return draft


def test_fields_go_into_their_sections() -> None:
    draft = draft_of("ORDER_TRADE_UPDATE", {"E": 5, "o": {"s": "X", "S": "BUY", "l": "0"}})

    assert draft.record == {
        "event_time": 5,
        "symbol": "X",
        "order_update": {"side": "BUY"},
        "fill": {"quantity": b"\x00"},
    }
    assert draft.extra == {}


def test_arrays_become_items_and_what_does_not_fit_stays_beside_them() -> None:
    draft = draft_of("ACCOUNT_UPDATE", {"a": {"B": [{"a": "BTC", "wb": "?"}, 7], "P": "none"}})

    assert draft.record == {"balances": [{"asset": "BTC"}]}
    assert draft.extra == {"a.B.0.wb": "?", "a.B.1": 7, "a.P": "none"}


def test_nulls_and_empty_texts_of_known_keys_are_left_out() -> None:
    draft = draft_of("ORDER_TRADE_UPDATE", {"E": None, "o": {"c": "", "gtd": 0, "zz": None}})

    assert draft.record == {}
    assert draft.extra == {"o.zz": None}
