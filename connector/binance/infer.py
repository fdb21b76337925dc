"""Which stream a payload came from, when nobody wrote its name down. Pure, and a best guess."""

from collections.abc import Iterator
from typing import Any

from connector.binance.catalogue import Row, rows_of
from connector.binance.products import Product
from connector.binance.stream_name import Stream, example, parse_any
from connector.binance.stream_pattern import fill_in, parameter_names
from connector.errors import Refused

_SPOT_BOOK = frozenset("usbBaA")


def infer_stream(product: Product, data: Any) -> Stream:
    """Return a stream of the product that sends such a payload.

    The event type decides the row; symbol and interval come from the payload; what the payload
    does not say (a depth's speed) is as in the row's example.

    Raises:
        Refused: no row sends it, or only its name could tell.
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
    named = first.get("e", "without e")
    raise Refused(f"{product} has no stream with such a payload ({named}): give --stream NAME")


def _rows(product: Product, first: dict[str, Any], *, array: bool) -> Iterator[Row]:
    """Yield the rows that may have sent a payload: the like of it first, retired ones last."""
    event = first.get("e")
    if event is None:
        spot_book = product == "spot" and set(first) == _SPOT_BOOK
        yield from (r for r in rows_of(product) if spot_book and r.pattern == "<symbol>@bookTicker")
        return
    found = [row for row in rows_of(product) if event in row.events]
    yield from sorted(found, key=lambda row: (row.array != array, row.status == "retired"))


def _values(row: Row, first: dict[str, Any]) -> dict[str, str]:
    """Return the parameters a payload tells of, the rest as in the row's example."""
    values = dict(parse_any(row.product, example(row)).parameters)
    candle = first.get("k")
    nested = candle if isinstance(candle, dict) else first.get("o")
    inner = nested if isinstance(nested, dict) else {}
    symbol = str(first.get("s") or inner.get("s") or first.get("ps") or first.get("i") or "")
    told = {
        "symbol": symbol,
        "pair": str(first.get("ps") or symbol.partition("_")[0]),
        "asset": symbol,
        "interval": str(inner.get("i", "")),
        "contractType": str(first.get("ct", "")).lower(),
        "window": str(first.get("e", "")).removesuffix("Ticker"),
    }
    for name in parameter_names(row):
        if told.get(name) and name in values:
            lower = name in ("symbol", "pair", "asset")
            values[name] = told[name].lower() if lower else told[name]
    return values
