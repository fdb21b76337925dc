"""REST calls as data agree with one another and with the catalogue."""

import pytest

from connector.binance import rest_calls
from connector.binance.catalogue import ROWS
from connector.binance.products import PRODUCTS
from connector.binance.rest_calls import (
    CANDLE_WEIGHTS,
    DEPTH_LEVELS,
    DEPTH_WEIGHTS,
    EXCHANGE_INFO,
    POOL_OF,
    RAW_REQUESTS_PER_5_MINUTES,
    TICKERS,
    WEIGHT_PER_MINUTE,
    weight_of,
)


@pytest.mark.parametrize(
    ("rows", "weight"), [(1, 1), (99, 1), (100, 2), (499, 2), (500, 5), (1000, 5), (1500, 10)]
)
def test_the_weight_steps_up_after_each_bound(rows: int, weight: int) -> None:
    assert weight_of(CANDLE_WEIGHTS, rows) == weight


def test_more_than_the_most_weighs_as_the_most() -> None:
    assert weight_of(CANDLE_WEIGHTS, 99_999) == 10


@pytest.mark.parametrize("tiers", [CANDLE_WEIGHTS, *DEPTH_WEIGHTS.values()])
def test_tiers_are_in_ascending_order(tiers: tuple[tuple[int, int], ...]) -> None:
    assert list(tiers) == sorted(tiers)
    assert [weight for _, weight in tiers] == sorted({weight for _, weight in tiers})


def test_every_book_of_the_catalogue_has_weights_that_agree_with_its_row() -> None:
    rows = [row for row in ROWS if row.has_snapshots]

    assert {row.backfill.path for row in rows if row.backfill} == DEPTH_WEIGHTS.keys()
    for row in rows:
        assert row.backfill is not None
        assert (
            weight_of(DEPTH_WEIGHTS[row.backfill.path], row.backfill.limit) == row.backfill.weight
        )


def test_futures_books_take_the_most_levels_of_their_tiers() -> None:
    assert all(tiers[-1][0] == DEPTH_LEVELS[-1] for path, tiers in DEPTH_WEIGHTS.items()
               if "/api/" not in path)  # fmt: skip


def test_each_product_has_its_calls_and_a_pool_with_a_limit() -> None:
    for product in PRODUCTS:
        assert EXCHANGE_INFO[product].weight < TICKERS[product].weight
        assert POOL_OF[product] in WEIGHT_PER_MINUTE
    assert RAW_REQUESTS_PER_5_MINUTES.keys() <= WEIGHT_PER_MINUTE.keys()


def test_both_futures_products_share_one_pool() -> None:
    assert POOL_OF["usdm"] == POOL_OF["coinm"] == "futures"


@pytest.mark.parametrize(
    ("path", "product", "pool"),
    [
        ("/api/v3/account", "spot", "spot"),
        ("/sapi/v1/margin/account", "spot", "sapi"),
        ("/dapi/v1/balance", "coinm", "futures"),
        ("/papi/v1/balance", "usdm", "portfolio"),
    ],
)
def test_a_path_tells_whose_host_it_is_of_and_which_weight_it_uses(
    path: str, product: str, pool: str
) -> None:
    family = rest_calls.family_of(path)

    assert (family.product, family.pool) == (product, pool)
    assert pool in rest_calls.ACCOUNT_WEIGHT_PER_MINUTE
