"""Tables whose cells are never cut."""

import pytest

from connector.cli.text_table import table

HEAD = ("stream", "msg/s", "topic")
ROWS = [("btcusdt@trade", "1.5", "binance.spot.trade"), ("!ticker@arr", "10", "t")]


def test_columns_are_aligned_where_they_fit() -> None:
    assert table(HEAD, ROWS, 80, right=1) == [
        "stream         msg/s  topic",
        "btcusdt@trade    1.5  binance.spot.trade",
        "!ticker@arr       10  t",
    ]


def test_else_a_row_takes_several_lines() -> None:
    assert table(HEAD, ROWS, 30) == [
        "stream",
        "  msg/s  topic",
        "btcusdt@trade",
        "  1.5  binance.spot.trade",
        "!ticker@arr",
        "  10  t",
    ]


@pytest.mark.parametrize("width", [1, 10, 30, 80])
def test_no_cell_is_cut_at_any_width(width: int) -> None:
    words = "\n".join(table(HEAD, ROWS, width)).split()

    assert words == [cell for row in [HEAD, *ROWS] for cell in row]


def test_an_empty_cell_takes_no_room_in_a_row_of_several_lines() -> None:
    assert table(("a", "b", "c"), [("name", "", "x" * 20)], 10) == [
        "a",
        "  b  c",
        "name",
        "  " + "x" * 20,
    ]
