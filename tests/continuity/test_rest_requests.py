"""What REST may be asked for is a question of the catalogue row and the settings."""

import pytest

from connector.binance.catalogue.row import Row
from connector.continuity.gap import Gap
from connector.continuity.rest_requests import FillPolicy
from tests.support.catalogue import find

TRADE = find("spot", "<symbol>@trade")
KEYED = find("usdm", "<symbol>@trade")
TICKER = find("spot", "<symbol>@miniTicker")
BOOK = find("spot", "<symbol>@depth[@100ms]")
BEST = find("spot", "<symbol>@bookTicker")


def gap(before_id: int | None = 10, after_id: int | None = 14, *, whole: bool = False) -> Gap:
    return Gap("00ff", "sequence", before_id, 1_000, after_id, 2_000, whole=whole)


@pytest.mark.parametrize(
    ("policy", "row", "why"),
    [
        (FillPolicy(enabled=True), TRADE, None),
        (FillPolicy(enabled=True), TICKER, "REST does not have it"),
        (FillPolicy(enabled=True), BOOK, "REST does not have it"),
        (FillPolicy(enabled=False), TRADE, "backfill.enabled is false"),
        (
            FillPolicy(enabled=True),
            KEYED,
            "the call needs an API key: set backfill.api_key_file",
        ),
        (FillPolicy(enabled=True, has_key=True), KEYED, None),
    ],
)
def test_a_gap_is_fillable_as_its_row_and_the_settings_allow(
    policy: FillPolicy, row: Row, why: str | None
) -> None:
    assert policy.why_unfillable(row, gap()) == why


@pytest.mark.parametrize(
    ("unfilled", "why"),
    [
        (gap(after_id=None), "its edges have no ids"),
        (gap(before_id=None), "its edges have no ids"),
        (gap(before_id=None, whole=True), None),
    ],
)
def test_a_gap_is_fillable_if_its_edges_have_ids(unfilled: Gap, why: str | None) -> None:
    assert FillPolicy(enabled=True).why_unfillable(TRADE, unfilled) == why


@pytest.mark.parametrize(
    ("policy", "row", "wanted"),
    [
        (FillPolicy(enabled=True), BOOK, True),
        (FillPolicy(enabled=True), TRADE, False),
        (FillPolicy(enabled=True, books=False), BOOK, False),
        (FillPolicy(enabled=False), BOOK, False),
    ],
)
def test_order_books_get_snapshots_as_the_settings_allow(
    policy: FillPolicy, row: Row, wanted: bool
) -> None:
    assert policy.gives_snapshots(row) is wanted


@pytest.mark.parametrize(
    ("policy", "row", "wanted"),
    [
        (FillPolicy(enabled=True), TRADE, True),
        (FillPolicy(enabled=True), BEST, True),
        (FillPolicy(enabled=True), TICKER, False),
        (FillPolicy(enabled=False), TRADE, False),
    ],
)
def test_resets_are_confirmed_where_rest_has_ids(
    policy: FillPolicy, row: Row, wanted: bool
) -> None:
    assert policy.confirms_resets(row) is wanted
