"""Lists of independent rows: what cannot be read costs only itself."""

import msgspec
import pytest

from connector.binance.rows import IndependentRows, OddRow


class Coin(msgspec.Struct):
    symbol: str
    digits: int


READER = IndependentRows("spot", "coins", msgspec.json.Decoder(Coin))


def raws(text: bytes) -> list[msgspec.Raw]:
    return msgspec.json.decode(text, type=list[msgspec.Raw])


def test_rows_are_read_in_order() -> None:
    rows, odd = READER.read(raws(b'[{"symbol":"B","digits":2},{"symbol":"A","digits":1}]'))

    assert rows == [Coin("B", 2), Coin("A", 1)]
    assert odd == ()


def test_an_odd_row_has_its_symbol_its_type_or_its_number() -> None:
    text = b'[{"symbol":"A","digits":1},{"symbol":"B"},{"rateLimitType":"ORDERS"},{"symbol":3},7]'

    rows, odd = READER.read(raws(text))

    assert rows == [Coin("A", 1)]
    assert [row.name for row in odd] == ["B", "ORDERS", "row 4", "row 5"]
    assert odd[0] == OddRow("spot", "coins", "B", "Object missing required field `digits`")


def test_a_list_without_rows_is_good() -> None:
    assert READER.read([]) == ([], ())


def test_rows_that_are_all_odd_are_another_list() -> None:
    with pytest.raises(msgspec.ValidationError, match="missing required field `digits`"):
        READER.read(raws(b'[{"symbol":"A"},{"symbol":"B"}]'))
