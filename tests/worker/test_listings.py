"""What two answers of the exchange say together."""

from connector.binance.exchange_info import Universe
from connector.binance.rows import OddRow
from connector.worker.listings import keep_unreadable, new_listings
from tests.support.plan import universe

ODD = OddRow("spot", "exchangeInfo", "NEWUSDT", "Expected `str`, got `null`")


def symbols(found: Universe) -> list[str]:
    return [listing.symbol for listing in found.listings["spot"]]


def test_a_symbol_whose_row_cannot_be_read_any_more_keeps_its_listing() -> None:
    before = universe("spot", "BTCUSDT", "NEWUSDT", "OLDUSDT")
    now = Universe(universe("spot", "BTCUSDT").listings, {}, (ODD,))

    kept = keep_unreadable(before, now)

    assert symbols(kept) == ["BTCUSDT", "NEWUSDT"]  # OLDUSDT is listed no more
    assert kept.odd == (ODD,)


def test_a_symbol_that_was_never_read_is_left_out() -> None:
    now = Universe(universe("spot", "BTCUSDT").listings, {}, (ODD,))

    assert symbols(keep_unreadable(universe("spot", "BTCUSDT"), now)) == ["BTCUSDT"]
    assert keep_unreadable(None, now) is now


def test_only_what_was_listed_neither_time_is_new() -> None:
    before, now = universe("spot", "BTCUSDT"), universe("spot", "BTCUSDT", "ETHUSDT")

    assert new_listings(before, now) == {("spot", "ETHUSDT")}
    assert new_listings(None, now) == set()
