"""The stream of a raw payload that came without the combined wrapper: a best guess. Pure."""

from collections.abc import Iterator
from typing import Any

from connector.binance.catalogue import rows_of
from connector.binance.catalogue.row import Row
from connector.binance.products import Product
from connector.binance.stream_name import Stream, example, parse_any
from connector.binance.stream_pattern import fill_in
from connector.errors import Refused

_SPOT_BOOK_TICKER_KEYS = frozenset("usbBaA")  # it has no event type


def infer_stream(product: Product, data: Any) -> Stream:
    """Return a stream of the product with such payloads.

    The event type selects the row; symbol and interval come from the payload; parameters that it
    does not contain (a depth's speed) are those of the row's example.

    Raises:
        Refused: no row has such payloads, or only the stream's name could decide.
    """
    first = data[0] if isinstance(data, list) and data else data
    if not isinstance(first, dict):
        raise Refused("neither an object nor an array of objects")
    for row in _rows(product, first, array=isinstance(data, list)):
        values = _values(row, first)
        try:
            return parse_any(product, fill_in(row, values))
        except Refused:
            continue
    event = first.get("e", "without e")
    raise Refused(f"{product} has no stream with such a payload ({event}): give --stream NAME")


def _rows(product: Product, first: dict[str, Any], *, array: bool) -> Iterator[Row]:
    """Yield the rows that fit a payload: those of its array form first, retired rows last."""
    event = first.get("e")
    if event is None:
        if product == "spot" and set(first) == _SPOT_BOOK_TICKER_KEYS:
            yield from (row for row in rows_of(product) if row.pattern == "<symbol>@bookTicker")
        return
    rows = [row for row in rows_of(product) if event in row.events]
    yield from sorted(rows, key=lambda row: (row.array != array, row.status == "retired"))


def _values(row: Row, first: dict[str, Any]) -> dict[str, str]:
    """Return the row's parameters: from the payload, else from the row's example."""
    values = parse_any(row.product, example(row)).parameters
    nested = (first.get(key) for key in "ko")  # a candle, a liquidation
    inner = next((each for each in nested if isinstance(each, dict)), {})
    symbol = str(
        first.get("s") or inner.get("s") or first.get("ps") or first.get("i") or ""
    ).lower()
    in_payload = {
        "symbol": symbol,
        "pair": str(first.get("ps") or symbol.partition("_")[0]).lower(),
        "asset": symbol,
        "interval": str(inner.get("i", "")),
        "contractType": str(first.get("ct", "")).lower(),
        "window": str(first.get("e", "")).removesuffix("Ticker"),
    }
    return {name: in_payload.get(name) or value for name, value in values.items()}
