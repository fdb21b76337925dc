"""REST without a network: pages asked of the lab's paths directly, until nothing is left."""

import json
from collections.abc import Iterator

from connector.backfill.pages import RestPage, Span, next_page, rest_of
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent, recover
from connector.lab.market import Market
from connector.lab.rest import paths

KEY = "k" * 64


def ask(market: Market, asked: RestPage, now_ms: int) -> bytes:
    """Return the body the lab's REST answers a page with."""
    path = next(one for one in paths(market) if one.path == asked.path)
    query = {name: str(value) for name, value in asked.params.items()}
    headers = {"X-MBX-APIKEY": KEY} if asked.keyed else {}
    assert path.weigh(query) == asked.weight
    return json.dumps(path.answer(query, headers, now_ms)).encode()


def fetch(
    market: Market, stream: Stream, span: Span, symbol: str, now_ms: int
) -> Iterator[list[RestEvent]]:
    """Yield what each page of a span brings, rows beyond it included."""
    left: Span | None = span
    while left is not None:
        asked = next_page(stream, left, symbol)
        rows = recover(stream, ask(market, asked, now_ms), symbol, closed_by_ms=now_ms)
        yield rows
        left = rest_of(stream, left, asked, len(rows), rows[-1].last if rows else None)
