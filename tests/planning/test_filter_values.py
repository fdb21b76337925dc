"""Values of filters that cannot be, or that nothing listed has."""

import pytest

from connector.binance.products import PRODUCTS, Product
from connector.planning.filter_values import invalid_values, undocumented, unlisted_values
from connector.planning.selection import Selection
from tests.support.plan import Wanted, plan, problem, universe


@pytest.mark.parametrize("product", PRODUCTS)
def test_what_a_filter_has_by_itself_is_right(product: Product) -> None:
    found = [*invalid_values(product, Selection()), *undocumented(product, Selection())]

    assert found == []


@pytest.mark.parametrize(
    ("product", "selection", "finding"),
    [
        ("spot", Selection(status=("TRADNG",)), ("status", "'TRADNG': did you mean 'TRADING'?")),
        (
            "spot",
            Selection(contract_type=("PERPETUAL",)),
            ("contract_type", "spot has no contract types: leave it out"),
        ),
        (
            "usdm",
            Selection(contract_type=("PERPETUAL", "CURENT_QUARTER")),
            ("contract_type", "'CURENT_QUARTER': did you mean 'CURRENT_QUARTER'?"),
        ),
        (
            "options",
            Selection(contract_type=("PERPETUAL",)),
            ("contract_type", "'PERPETUAL' is no contract type of options: CALL, PUT"),
        ),
    ],
)
def test_a_misspelt_value_is_refused_with_the_one_meant(
    product: Product, selection: Selection, finding: tuple[str, str]
) -> None:
    assert list(invalid_values(product, selection)) == [finding]
    assert list(undocumented(product, selection)) == []


def test_a_value_that_binance_may_have_added_is_only_doubted() -> None:
    selection = Selection(status=("TRADING", "FROZEN"))

    [(key, text)] = undocumented("spot", selection)
    assert (key, text.partition(":")[0]) == ("status", "'FROZEN' is none that Binance documents")
    assert list(invalid_values("spot", selection)) == []


def test_values_that_nothing_listed_has_are_told_with_the_nearest() -> None:
    listed = universe("spot", "BTCUSDT", "ETHUSDT").listings["spot"]
    selection = Selection(
        quote=("USDT", "USTD"),
        underlying=("BTC", "XRP"),
        match=("BTC*", "LTC*"),
        exclude=("ETHUSTD", "X*"),
    )

    assert list(unlisted_values(selection, listed)) == [
        ("quote", "'USTD' is listed nowhere; did you mean 'USDT'?"),
        ("underlying", "'XRP' is listed nowhere"),
        ("exclude", "'ETHUSTD' is listed nowhere; did you mean 'ETHUSDT'?"),
        ("match", "'LTC*' matches no listed symbol"),
    ]
    assert list(unlisted_values(selection, ())) == []


def test_a_misspelt_value_is_a_problem_of_its_key() -> None:
    chosen = Selection(everything=True, status=("TRADNG",))
    where, text = problem(Wanted("spot", ["trade"], chosen=chosen))

    assert (where, text) == (
        ("subscriptions", 0, "symbols", "status"),
        "'TRADNG': did you mean 'TRADING'?",
    )


def test_a_value_that_nothing_has_is_a_warning_of_the_plan() -> None:
    wanted = Wanted("spot", ["trade"], chosen=Selection(everything=True, quote=("USDT", "USTD")))

    assert plan(wanted, universe=universe("spot", "BTCUSDT")).warnings == (
        (
            ("subscriptions", 0, "symbols", "quote"),
            "'USTD' is listed nowhere; did you mean 'USDT'?",
        ),
    )
