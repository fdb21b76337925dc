"""Names that are not listed: whose listings are worth asking for, and what is said."""

from connector.binance.exchange_info import Universe
from connector.planning.listing_check import unchecked_products, unlisted_names
from connector.planning.selection import Selection
from tests.support.plan import Wanted, listing, universe


def test_products_that_only_names_are_wanted_of_are_worth_asking_about() -> None:
    wanted = [
        Wanted("spot", ["trade"], ["BTCUSDT"]),
        Wanted("usdm", ["trade"], ["BTCUSDT"]),
        Wanted("usdm", ["trade"], chosen=Selection(everything=True)),
        Wanted("coinm", ["!ticker@arr"], ["BTCUSD_PERP"]),
        Wanted("options", ["!optionSymbol"]),
    ]

    assert unchecked_products(wanted) == {"spot"}


def test_a_name_that_is_not_listed_is_named_with_its_place_and_the_nearest() -> None:
    wanted = [
        Wanted("usdm", ["trade"], ["NOSUCH"]),
        Wanted("spot", ["trade"], ["BTCUSDT", "ETHUSTD"]),
    ]

    assert unlisted_names(wanted, universe("spot", "BTCUSDT", "ETHUSDT")) == [
        (
            ("subscriptions", 1, "symbols"),
            "ETHUSTD is not listed: its streams would be acknowledged and send nothing;"
            " did you mean ETHUSDT?",
        )
    ]


def test_a_symbol_that_does_not_trade_is_named() -> None:
    halted = Universe({"spot": (listing("spot", "BTCUSDT", "BREAK"),)}, {})

    assert [
        text for _, text in unlisted_names([Wanted("spot", ["trade"], ["BTCUSDT"])], halted)
    ] == ["BTCUSDT is BREAK, not TRADING: expect no data"]


def test_names_beyond_ten_are_counted() -> None:
    wanted = [Wanted("spot", ["trade"], [f"COIN{number}" for number in range(30)])]

    texts = [text for _, text in unlisted_names(wanted, universe("spot", "BTCUSDT"))]
    assert (len(texts), texts[-1]) == (11, "and 20 more that are not listed or do not trade")


def test_an_answer_without_any_listing_is_left_out() -> None:
    assert unlisted_names([Wanted("spot", ["trade"], ["NOSUCH"])], Universe({"spot": ()}, {})) == []


def test_asset_indexes_are_listed_nowhere_and_not_named() -> None:
    wanted = [Wanted("usdm", ["assetIndex"], ["BTCUSD"])]

    assert (unchecked_products(wanted), unlisted_names(wanted, universe("usdm", "BTCUSDT"))) == (
        frozenset(),
        [],
    )
