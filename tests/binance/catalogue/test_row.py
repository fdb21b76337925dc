"""What a row's columns mean together, and rows written from a kind's columns."""

from dataclasses import replace

import pytest

from connector.binance.catalogue.kinds import TRADE
from connector.binance.catalogue.row import KindDefaults, RowGroup, Sequence, candles, state
from connector.binance.products import Product
from tests.support.catalogue import find

GROUP = RowGroup("usdm", "/market", "a page, 2026-05-28")


def test_a_row_has_its_groups_columns_and_its_kinds() -> None:
    row = GROUP.row("<symbol>@trade", TRADE)

    assert (row.product, row.route, row.source) == ("usdm", "/market", "a page, 2026-05-28")
    assert (row.pattern, row.kind, row.identity) == ("<symbol>@trade", "trade", ("trade_id",))
    assert (row.status, row.notes) == ("live", "")


def test_what_a_row_replaces_leaves_the_kind_as_it_is() -> None:
    row = replace(GROUP.row("<symbol>@trade", TRADE), cadence="sparse", notes="rare")

    assert (row.cadence, row.notes, row.events) == ("sparse", "rare", ("trade",))
    assert (TRADE.cadence, TRADE.notes) == ("active", "")


def test_rows_are_equal_to_themselves_alone() -> None:
    first, second = GROUP.row("x", KindDefaults()), GROUP.row("x", KindDefaults())

    assert first == first  # noqa: PLR0124 - identity is what is tested
    assert first != second
    assert len({first, second, first}) == 2


@pytest.mark.parametrize(
    ("product", "pattern", "fields"),
    [
        ("spot", "<symbol>@trade", ("trade_id", "trade_id", None, None)),
        ("spot", "<symbol>@depth[@100ms]", ("first_update_id", "last_update_id", None, None)),
        ("usdm", "<symbol>@depth[@<speed>]",
         ("first_update_id", "last_update_id", "previous_update_id", None)),
        ("usdm", "<symbol>@kline_<interval>",
         ("open_time", "close_time", "event_time", "is_closed")),
        ("spot", "<symbol>@avgPrice", ("event_time", "event_time", None, None)),
        ("spot", "!bookTicker", ("update_id", "update_id", None, None)),
    ],
)  # fmt: skip
def test_a_tracker_observes_the_ids_else_the_time(
    product: Product, pattern: str, fields: tuple[str | None, ...]
) -> None:
    assert find(product, pattern).span_fields == fields


@pytest.mark.parametrize(
    ("product", "pattern", "fillable"),
    [
        ("spot", "<symbol>@trade", True),  # by id
        ("spot", "<symbol>@kline_<interval>", True),  # by time
        ("options", "<symbol>@optionTrade", True),  # the latest trades, of which some are needed
        ("spot", "<symbol>@depth[@100ms]", False),  # only the present book
        ("usdm", "<symbol>@forceOrder", False),  # no history at all
    ],
)
def test_what_rest_returns_event_by_event_can_be_filled(
    product: Product, pattern: str, fillable: bool
) -> None:
    assert find(product, pattern).fillable == fillable


@pytest.mark.parametrize(
    ("product", "pattern", "snapshots", "book_ids"),
    [
        ("spot", "<symbol>@depth[@100ms]", True, True),
        ("usdm", "<symbol>@rpiDepth@500ms", True, True),
        ("spot", "<symbol>@depth<levels>[@100ms]", False, True),
        ("options", "<symbol>@bookTicker", False, True),
        ("spot", "<symbol>@trade", False, False),
    ],
)
def test_books_changes_have_snapshots_and_all_its_streams_its_ids(
    product: Product, pattern: str, snapshots: bool, book_ids: bool
) -> None:
    row = find(product, pattern)

    assert (row.has_snapshots, row.has_book_ids) == (snapshots, book_ids)


@pytest.mark.parametrize(
    ("product", "pattern", "expected"),
    [
        ("spot", "<symbol>@trade", True),
        ("spot", "<symbol>@kline_<interval>", False),
        ("spot", "<symbol>@bookTicker", False),
    ],
)
def test_rest_tells_the_newest_id_where_ids_count_every_event(
    product: Product, pattern: str, expected: bool
) -> None:
    assert find(product, pattern).has_newest_id == expected


@pytest.mark.parametrize(
    ("product", "pattern", "expected"),
    [
        ("usdm", "<symbol>@markPrice[@1s]", True),
        ("spot", "<symbol>@miniTicker", True),
        ("usdm", "<symbol>@forceOrder", False),
        ("usdm", "!contractInfo", False),
        ("spot", "<symbol>@trade", False),
    ],
)
def test_states_sent_by_the_clock_have_times_of_their_own(
    product: Product, pattern: str, expected: bool
) -> None:
    assert find(product, pattern).has_unique_times == expected


def test_days_of_one_spot_stream_begin_eight_hours_before_utc() -> None:
    assert find("spot", "<symbol>@kline_<interval>@+08:00").zone_ms == 8 * 3_600_000
    assert find("spot", "<symbol>@kline_<interval>").zone_ms == 0


def test_no_rest_candle_has_the_ids_inside_it() -> None:
    history = candles("/k", edges=("a", "b"))

    assert (history.by, history.weight, history.limit) == ("time", 2, 499)
    assert history.not_carried == ("event_time", "a", "b")


def test_a_state_takes_no_limit_unless_one_is_given() -> None:
    assert (state("/p", 1).by, state("/p", 1).limit, state("/p", 2, 20).limit) == ("state", 0, 20)


def test_a_sequence_without_ids_has_no_fields() -> None:
    assert KindDefaults().sequence == Sequence("identity", None, None, None)
