"""Layouts of USD-M and COIN-M."""

from connector.binance.account_events import find_layout, futures


def test_binances_own_name_of_a_coinm_account_is_a_secret() -> None:
    layout = find_layout("coinm", "ORDER_TRADE_UPDATE")

    assert layout is not None
    assert layout.secret == ("i",)


def test_what_nobody_has_seen_on_coinm_is_called_unverified() -> None:
    layout = find_layout("coinm", "ALGO_UPDATE")

    assert layout is not None
    assert layout.status == "unverified"


def test_the_listen_key_is_a_secret() -> None:
    assert futures.listen_key_expired("options").secret == ("listenKey",)
