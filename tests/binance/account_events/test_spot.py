"""Layouts of spot and margin."""

from connector.binance.account_events import find_layout, spot


def test_spot_and_margin_have_the_events_of_a_wallet_alike() -> None:
    for name in ("outboundAccountPosition", "balanceUpdate", "executionReport", "listStatus"):
        of_spot, of_margin = find_layout("spot", name), find_layout("margin", name)
        assert of_spot is not None
        assert of_margin is not None
        assert of_spot.fields is of_margin.fields


def test_a_trade_id_of_minus_one_is_no_trade() -> None:
    assert spot.FILL.no_trade == -1
