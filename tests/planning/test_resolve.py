"""Plans made with what the exchange lists: templates filled in, names looked up, what pends."""

import pytest

from connector.binance.exchange_info import Universe
from connector.binance.products import Product
from connector.planning.model import PlanError
from connector.planning.plan import needs
from connector.planning.selection import Selection
from tests.support.plan import Wanted, listing, names, plan, universe

ALL = Selection(everything=True)
QUARTERLY = ("BTCUSDT", "BTCUSDT_261225", "ETHUSDT")
OPTIONS = ("BTC-261225-1-C", "BTC-261225-1-P", "ETH-261225-1-C")


@pytest.mark.parametrize(
    ("product", "listed", "template", "expected"),
    [
        ("spot", ("BTCUSDT", "ETHUSDT"), "trade", ["btcusdt@trade", "ethusdt@trade"]),
        ("usdm", QUARTERLY, "<pair>_perpetual@continuousKline_1m",
         ["btcusdt_perpetual@continuousKline_1m", "ethusdt_perpetual@continuousKline_1m"]),
        ("usdm", QUARTERLY, "<pair>_<contractType>@continuousKline_1m",
         ["btcusdt_perpetual@continuousKline_1m", "btcusdt_current_quarter@continuousKline_1m",
          "ethusdt_perpetual@continuousKline_1m"]),
        ("usdm", QUARTERLY, "assetIndex", ["btcusd@assetIndex", "ethusd@assetIndex"]),
        ("coinm", ("BTCUSD_PERP", "BTCUSD_261225"), "indexPrice", ["btcusd@indexPrice"]),
        ("coinm", ("BTCUSD_PERP", "BTCUSD_261225"), "<pair>@markPrice", ["btcusd@markPrice"]),
        ("options", OPTIONS, "<underlying>@optionMarkPrice",
         ["btcusdt@optionMarkPrice", "ethusdt@optionMarkPrice"]),
        ("options", OPTIONS, "<underlying>@openInterest@<yymmdd>",
         ["btcusdt@openInterest@261225", "ethusdt@openInterest@261225"]),
        ("options", OPTIONS, "optionMarkPrice",
         ["btcusdt@optionMarkPrice", "ethusdt@optionMarkPrice"]),
    ],
)  # fmt: skip
def test_what_is_listed_fills_a_template(
    product: Product, listed: tuple[str, ...], template: str, expected: list[str]
) -> None:
    made = plan(Wanted(product, [template], chosen=ALL), universe=universe(product, *listed))

    assert names(made) == expected
    assert made.pending == ()


def test_a_plain_name_takes_the_pair_it_is_listed_with() -> None:
    listed = universe("coinm", "BTCUSD_PERP")

    assert names(plan(Wanted("coinm", ["indexPrice"], ["BTCUSD_PERP"]), universe=listed)) == [
        "btcusd@indexPrice"
    ]


def test_an_underlying_by_name_has_all_its_expiries() -> None:
    wanted = Wanted("options", ["<underlying>@openInterest@<yymmdd>"], ["BTCUSDT"])

    made = plan(wanted, universe=universe("options", *OPTIONS))

    assert (names(made), made.warnings) == (["btcusdt@openInterest@261225"], ())


def test_a_name_that_is_not_listed_is_read_and_warned_of() -> None:
    made = plan(Wanted("spot", ["trade"], ["BTCUSTD"]), universe=universe("spot", "BTCUSDT"))

    assert names(made) == ["btcustd@trade"]
    [(where, text)] = made.warnings
    assert where == ("subscriptions", 0, "symbols")
    assert text.endswith("did you mean BTCUSDT?")


def test_a_symbol_that_does_not_trade_is_warned_of() -> None:
    halted = Universe({"spot": (listing("spot", "BTCUSDT", "BREAK"),)}, {})

    made = plan(Wanted("spot", ["trade"], ["BTCUSDT"]), universe=halted)

    assert [text for _, text in made.warnings] == ["BTCUSDT is BREAK, not TRADING: expect no data"]


def test_asset_indexes_are_listed_nowhere_and_not_warned_of() -> None:
    made = plan(Wanted("usdm", ["assetIndex"], ["BTCUSD"]), universe=universe("usdm", "BTCUSDT"))

    assert (names(made), made.warnings) == (["btcusd@assetIndex"], ())


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        (Wanted("spot", ["trade"], chosen=ALL), ("symbols",)),
        (Wanted("spot", ["trade"], chosen=Selection(top=3)), ("symbols",)),
        (Wanted("options", ["<underlying>@openInterest@<yymmdd>"], ["BTCUSDT"]), ("streams", 0)),
    ],
)
def test_what_only_the_exchange_knows_is_pending_without_it(
    wanted: Wanted, place: tuple[str | int, ...]
) -> None:
    made = plan(wanted)

    assert (made.connections, [where for where, _ in made.pending]) == (
        (),
        [("subscriptions", 0, *place)],
    )
    assert needs([wanted]).listings == {wanted.product}


def test_names_need_nobody_and_the_top_needs_volumes() -> None:
    named = Wanted("spot", ["trade"], ["BTCUSDT"])
    top = Wanted("usdm", ["trade"], chosen=Selection(top=1))

    found = needs([named, top])

    assert found.listings == found.volumes == {"usdm"}


def test_filters_that_nothing_passes_are_warned_of() -> None:
    wanted = Wanted("spot", ["trade"], chosen=Selection(quote=("EUR",)))

    made = plan(wanted, universe=universe("spot", "BTCUSDT"))

    assert made.connections == ()
    assert "no symbol of spot passes" in made.warnings[0][1]


def test_a_symbol_of_the_top_leaves_later_than_it_entered() -> None:
    wanted = Wanted("spot", ["trade"], chosen=Selection(top=5))
    coins = [f"C{number}USDT" for number in range(7)]
    first = plan(wanted, universe=universe("spot", *coins, **_ranked(coins)))
    sixth = [*coins[:4], coins[5], coins[4], coins[6]]
    seventh = [*coins[:4], coins[5], coins[6], coins[4]]

    stays = plan(wanted, universe=universe("spot", *coins, **_ranked(sixth)), before=first)
    leaves = plan(wanted, universe=universe("spot", *coins, **_ranked(seventh)), before=stays)

    assert "c4usdt@trade" in names(first)
    assert {"c4usdt@trade", "c5usdt@trade"} <= set(names(stays))
    assert "c4usdt@trade" not in names(leaves)


def _ranked(symbols: list[str]) -> dict[str, float]:
    return {symbol: float(len(symbols) - rank) for rank, symbol in enumerate(symbols)}


@pytest.mark.parametrize(
    ("symbol", "topic", "cause"),
    [
        ("A/BUSDT", None, "'/', which no symbol has"),
        ("A@BUSDT", None, "spot has no stream 'a@busdt@trade'"),
        ("币安人生USDT", "{prefix}.{kind}.{symbol}", "Kafka accepts only letters"),
    ],
)
def test_a_listing_whose_name_makes_no_stream_is_left_out_and_named(
    symbol: str, topic: str | None, cause: str
) -> None:
    wanted = Wanted("spot", ["trade"], chosen=ALL, topic=topic)

    made = plan(wanted, universe=universe("spot", symbol, "BTCUSDT"))

    assert names(made) == ["btcusdt@trade"]
    [(where, text)] = made.warnings
    assert where == ("subscriptions", 0, "streams", 0)
    assert text.startswith(f"{symbol.lower()}@trade left out: ")
    assert cause in text


def test_a_topic_that_no_listing_fits_is_refused() -> None:
    wanted = Wanted("spot", ["trade"], chosen=ALL, topic="{prefix}.{oops}")

    with pytest.raises(PlanError, match=r"has \{oops\}"):
        plan(wanted, universe=universe("spot", "BTCUSDT", "ETHUSDT"))
