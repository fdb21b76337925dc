"""Symbols looked up in listings."""

import pytest

from connector.binance.exchange_info import Universe
from connector.planning.selection import Selection
from connector.planning.symbol_lookup import (
    MAX_HINTS,
    ListingIndex,
    listing_indexes,
    look_up,
    volume_shares,
)
from tests.support.plan import listing, universe

NAMED = Selection(names=("BTCUSDT",))


def index(*symbols: str, **volumes: float) -> ListingIndex:
    return listing_indexes(universe("usdm", *symbols, **volumes))["usdm"]


def test_without_a_universe_no_product_has_an_index() -> None:
    assert listing_indexes(None) == {}


def test_listings_are_found_by_symbol_and_by_pair_or_underlying() -> None:
    found = index("BTCUSDT", "BTCUSDT_261225", "ETHUSDT")

    assert set(found.by_symbol) == {"BTCUSDT", "BTCUSDT_261225", "ETHUSDT"}
    assert [each.symbol for each in found.by_group["BTCUSDT"]] == ["BTCUSDT", "BTCUSDT_261225"]
    assert [each.symbol for each in found.by_group["ETH"]] == ["ETHUSDT"]


def test_a_name_is_taken_as_written_where_nothing_was_asked() -> None:
    lookup = look_up(NAMED, None)

    assert [forms["symbol"] for forms in lookup.symbols] == ["btcusdt"]
    assert (lookup.findings, lookup.selected, lookup.pending) == ([], {}, False)


def test_filters_are_pending_where_nothing_was_asked() -> None:
    assert look_up(Selection(everything=True), None).pending


def test_a_listed_name_has_the_forms_of_its_listing_in_whatever_case() -> None:
    [forms] = look_up(Selection(names=("btcusdt_261225",)), index("BTCUSDT_261225")).symbols

    assert (forms["pair"], forms["yymmdd"]) == ("btcusdt", "261225")


def test_a_name_that_is_not_listed_is_kept_and_reported_with_the_nearest() -> None:
    lookup = look_up(Selection(names=("BTCUSTD",)), index("BTCUSDT", "ETHUSDT"))

    assert [forms["symbol"] for forms in lookup.symbols] == ["btcustd"]
    [(name, text)] = lookup.findings
    assert name == "BTCUSTD"
    assert text.startswith("BTCUSTD is not listed: ")
    assert text.endswith("; did you mean BTCUSDT?")


def test_a_listing_that_does_not_trade_is_reported() -> None:
    halted = ListingIndex([listing("spot", "BTCUSDT", "BREAK")], {})

    assert look_up(NAMED, halted).findings == [
        ("BTCUSDT", "BTCUSDT is BREAK, not TRADING: expect no data")
    ]


def test_only_the_first_names_get_a_hint() -> None:
    names = tuple(f"BTCUSD{number:02}" for number in range(MAX_HINTS + 5))

    findings = look_up(Selection(names=names), index("BTCUSDT")).findings

    assert [text.endswith("?") for _, text in findings] == [True] * MAX_HINTS + [False] * 5


def test_a_pair_by_name_stands_for_its_trading_contracts() -> None:
    contracts = [
        listing("coinm", "BTCUSD_PERP"),
        listing("coinm", "BTCUSD_261225"),
        listing("coinm", "BTCUSD_270326", "SETTLING"),
    ]

    lookup = look_up(Selection(names=("BTCUSD",)), ListingIndex(contracts, {}))

    assert lookup.findings == []
    assert [forms["symbol"] for forms in lookup.grouped] == ["btcusd", "btcusd"]
    assert [forms["yymmdd"] for forms in lookup.forms(["pair", "yymmdd"])] == ["261225"]
    assert [forms["pair"] for forms in lookup.forms(["pair"])] == ["btcusd"]


def test_what_filters_chose_is_remembered_without_the_names() -> None:
    selection = Selection(names=("BTCUSDT",), match=("BTC*",))

    lookup = look_up(selection, index("BTCUSDT", "BTCUSDC", "ETHUSDT"))

    assert lookup.selected == {"BTCUSDC": None}
    assert [forms["symbol"] for forms in lookup.symbols] == ["btcusdt", "btcusdc"]


def test_who_was_selected_leaves_the_top_late() -> None:
    ranked = [f"C{number}USDT" for number in range(6)]
    listed = index(*ranked, **{symbol: 9.0 - rank for rank, symbol in enumerate(ranked)})

    assert "C5USDT" not in look_up(Selection(top=5), listed).selected
    assert "C5USDT" in look_up(Selection(top=5), listed, {"C5USDT": None}).selected


def test_volumes_are_shares_of_the_most_traded_and_pairs_their_sum() -> None:
    shares = volume_shares(index("BTCUSDT", "BTCUSDT_261225", "ETHUSDT",
                                 BTCUSDT=200.0, BTCUSDT_261225=20.0, ETHUSDT=50.0))  # fmt: skip

    assert shares["btcusdt_261225"] == pytest.approx(0.1)
    assert shares["ethusdt"] == shares["eth"] == pytest.approx(0.25)
    assert shares["btc"] == 1.0  # 1.1, but no share is above the most traded symbol's


@pytest.mark.parametrize("unknown", [None, ListingIndex([listing("spot", "BTCUSDT")], {})])
def test_without_volumes_there_are_no_shares(unknown: ListingIndex | None) -> None:
    assert volume_shares(unknown) == {}


def test_volumes_of_nothing_traded_are_zero() -> None:
    listed = Universe({"spot": (listing("spot", "BTCUSDT"),)}, {"spot": {"BTCUSDT": 0.0}})

    assert volume_shares(listing_indexes(listed)["spot"]) == {
        "btc": 0.0,
        "btcusdt": 0.0,
    }
