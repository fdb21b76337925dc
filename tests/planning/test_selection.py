"""Which symbols a selection means, and that the most traded do not flap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.binance.exchange_info import Listing
from connector.planning.selection import PAUSE_MS, Selection, describe, select


def listing(symbol: str, quote: str = "USDT", status: str = "TRADING", **more: str) -> Listing:
    underlying, contract = more.get("underlying", symbol[:3]), more.get("contract_type", "")
    return Listing("usdm", symbol, symbol, underlying, quote, contract, status, None)


MARKET = [
    listing("BTCUSDT", contract_type="PERPETUAL"),
    listing("ETHUSDT", contract_type="PERPETUAL"),
    listing("ETHUSDT_270326", contract_type="CURRENT_QUARTER"),
    listing("BTCUSDC", quote="USDC", contract_type="PERPETUAL"),
    listing("OLDUSDT", status="SETTLING", contract_type="PERPETUAL"),
]
VOLUMES = {"BTCUSDT": 9.0, "ETHUSDT": 7.0, "BTCUSDC": 8.0, "ETHUSDT_270326": 1.0}


def symbols(selection: Selection, *before: str) -> list[str]:
    return list(select(selection, MARKET, VOLUMES, dict.fromkeys(before)))


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), []),
        (Selection(names=("ETHUSDT", "BTCUSDT")), []),  # looked up, not selected
        (Selection(match=("BTC*",)), ["BTCUSDT", "BTCUSDC"]),
        (Selection(match=("?????SDT",)), []),
        (Selection(names=("BTCUSDT",), match=("ETH*",)), ["ETHUSDT", "ETHUSDT_270326"]),
        (Selection(everything=True), ["BTCUSDT", "ETHUSDT", "ETHUSDT_270326", "BTCUSDC"]),
        (Selection(everything=True, match=("BTC*",), quote=("USDC",)), ["BTCUSDC"]),
        (Selection(everything=True, status=("SETTLING",)), ["OLDUSDT"]),
        (Selection(everything=True, exclude=("ETH*", "BTCUSDC")), ["BTCUSDT"]),
        (Selection(quote=("USDC",)), ["BTCUSDC"]),
        (Selection(quote=("USDC", "USDT"), match=("BTC*",)), ["BTCUSDT", "BTCUSDC"]),
        (Selection(contract_type=("CURRENT_QUARTER",)), ["ETHUSDT_270326"]),
        (Selection(underlying=("ETH",)), ["ETHUSDT", "ETHUSDT_270326"]),
        (Selection(top=2), ["BTCUSDT", "BTCUSDC"]),
        (Selection(top=2, quote=("USDT",)), ["BTCUSDT", "ETHUSDT"]),
        (Selection(top=1, exclude=("BTCUSDT",)), ["BTCUSDC"]),
        (Selection(names=("ETHUSDT",), top=1), ["BTCUSDT"]),
    ],
)
def test_a_selection_means_these_symbols(selection: Selection, expected: list[str]) -> None:
    assert symbols(selection) == expected


@pytest.mark.parametrize(
    ("selection", "listings", "volumes"),
    [
        (Selection(names=("BTCUSDT",)), False, False),
        (Selection(names=("BTCUSDT",), exclude=("B*",)), False, False),
        (Selection(match=("BTC*",)), True, False),
        (Selection(everything=True), True, False),
        (Selection(quote=("USDT",)), True, False),
        (Selection(contract_type=("CALL",)), True, False),
        (Selection(underlying=("BTCUSDT",)), True, False),
        (Selection(top=5), True, True),
    ],
)
def test_a_selection_knows_what_it_needs(
    selection: Selection, listings: bool, volumes: bool
) -> None:
    assert (selection.needs_listings, selection.needs_volumes) == (listings, volumes)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(), "no symbols"),
        (Selection(names=("BTCUSDT", "ETHUSDT")), "BTCUSDT, ETHUSDT"),
        (Selection(everything=True), "all"),
        (Selection(everything=True, exclude=("A*", "B")), "all without A*|B"),
        (Selection(top=50), "top 50 by 24 h volume of all"),
        (
            Selection(top=50, quote=("USDT",), exclude=("USDCUSDT",)),
            "top 50 by 24 h volume of quote USDT without USDCUSDT",
        ),
        (Selection(names=("X",), match=("BTC*",)), "X, symbols like BTC*"),
        (
            Selection(status=("BREAK",), contract_type=("CALL",), underlying=("A", "B")),
            "status BREAK contract type CALL underlying A|B",
        ),
    ],
)
def test_a_selection_is_said_in_words(selection: Selection, words: str) -> None:
    assert describe(selection) == words


COINS = [f"C{number:02}" for number in range(40)]
RANKED = [listing(symbol) for symbol in COINS]
ranks = st.permutations(COINS)
tops = st.integers(1, 40)


def top(number: int, ranking: list[str], before: set[str]) -> set[str]:
    volumes = {symbol: float(-rank) for rank, symbol in enumerate(ranking)}
    return set(select(Selection(top=number), RANKED, volumes, dict.fromkeys(before)))


@given(tops, st.lists(ranks, min_size=1, max_size=6))
def test_a_symbol_enters_at_n_and_leaves_beyond_a_fifth_more(
    number: int, history: list[list[str]]
) -> None:
    chosen: set[str] = set()
    for ranking in history:
        before, chosen = chosen, top(number, ranking, chosen)
        inside, margin = set(ranking[:number]), set(ranking[: number * 6 // 5])
        assert chosen == inside | (before & margin)
        assert min(number, len(COINS)) <= len(chosen) <= number * 6 // 5


@given(st.integers(5, 30), ranks, st.data())
def test_whoever_moves_inside_the_margin_does_not_flap(
    number: int, ranking: list[str], data: st.DataObject
) -> None:
    margin = number * 6 // 5
    chosen = set(ranking[:margin])
    for _ in range(3):
        shuffled = data.draw(st.permutations(ranking[:margin]))
        chosen = top(number, [*shuffled, *ranking[margin:]], chosen)
        assert chosen == set(ranking[:margin])


@given(tops, ranks, ranks)
def test_the_same_volumes_twice_change_nothing(
    number: int, first: list[str], second: list[str]
) -> None:
    chosen = top(number, second, top(number, first, set()))

    assert top(number, second, chosen) == chosen


def test_nothing_is_selected_of_a_product_that_lists_nothing() -> None:
    assert select(Selection(everything=True), (), {}) == {}


# --- symbols that stop trading ----------------------------------------------------------------

ALL, TOP = Selection(everything=True), Selection(top=1)
NOW = 1_795_000_000_000


def of_eth(status: str, expiry: int | None = None) -> list[Listing]:
    return [
        listing("BTCUSDT"),
        Listing("usdm", "ETHUSDT", "ETHUSDT", "ETH", "USDT", "PERPETUAL", status, expiry),
    ]


@pytest.mark.parametrize("selection", [ALL, TOP], ids=["all", "top"])
@pytest.mark.parametrize("status", ["SETTLING", "BREAK", "HALT", "PENDING_TRADING"])
def test_a_selected_symbol_that_stops_trading_stays_for_a_day(
    selection: Selection, status: str
) -> None:
    paused, volumes = of_eth(status), {"BTCUSDT": 9.0, "ETHUSDT": 1.0}
    both: dict[str, int | None] = {"BTCUSDT": None, "ETHUSDT": None}

    first = select(selection, paused, volumes, both, NOW)
    late = select(selection, paused, volumes, first, NOW + PAUSE_MS - 1)
    over = select(selection, paused, volumes, late, NOW + PAUSE_MS)

    assert first == late == {"BTCUSDT": None, "ETHUSDT": NOW}
    assert over == {"BTCUSDT": None}


def test_a_day_begins_anew_once_the_symbol_has_traded_in_between() -> None:
    paused = select(ALL, of_eth("BREAK"), {}, {"ETHUSDT": None}, NOW)
    again = select(ALL, of_eth("TRADING"), {}, paused, NOW + 1)

    assert again == {"BTCUSDT": None, "ETHUSDT": None}
    assert select(ALL, of_eth("BREAK"), {}, again, NOW + 5)["ETHUSDT"] == NOW + 5


@pytest.mark.parametrize(
    ("selection", "listings", "previous"),
    [
        (ALL, of_eth("SETTLING"), ()),  # it was never read
        (ALL, of_eth("TRADING")[:1], ("ETHUSDT",)),  # gone
        (ALL, of_eth("DELIVERING", NOW), ("ETHUSDT",)),  # expired: it never trades again
        (Selection(exclude=("ETH*",)), of_eth("BREAK"), ("ETHUSDT",)),
        (Selection(everything=True, quote=("USDC",)), of_eth("BREAK"), ("ETHUSDT",)),
        (Selection(everything=True, status=("HALT",)), of_eth("BREAK"), ("ETHUSDT",)),
    ],
)
def test_a_symbol_that_does_not_trade_is_not_selected_otherwise(
    selection: Selection, listings: list[Listing], previous: tuple[str, ...]
) -> None:
    assert "ETHUSDT" not in select(selection, listings, {}, dict.fromkeys(previous), NOW)


def test_a_symbol_of_the_top_whose_volume_is_not_known_now_stays() -> None:
    volumes = {"ETHUSDT": 7.0, "BTCUSDC": 8.0, "ETHUSDT_270326": 1.0}  # BTCUSDT's row is odd

    assert select(Selection(top=1), MARKET, volumes, {"BTCUSDT": None}).keys() == {
        "BTCUSDC",
        "BTCUSDT",
    }
    assert select(Selection(top=1), MARKET, volumes).keys() == {"BTCUSDC"}
