"""REST without a network: pages of the lab's paths, until a span is complete."""

import json
from collections.abc import Iterator

from connector.backfill.pages import RestPage, Span, next_page, rest_of
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent, recover
from connector.lab.market import Market
from connector.lab.rest import paths

KEY = "k" * 64


def ask(market: Market, page: RestPage, now_ms: int) -> bytes:
    """Return the body of the lab's answer to a page."""
    path = next(path for path in paths(market) if path.path == page.path)
    query = {name: str(value) for name, value in page.params.items()}
    headers = {"X-MBX-APIKEY": KEY} if page.keyed else {}
    assert path.weigh(query) == page.weight
    return json.dumps(path.answer(query, headers, now_ms)).encode()


def fetch(
    market: Market, stream: Stream, span: Span, symbol: str, now_ms: int
) -> Iterator[list[RestEvent]]:
    """Yield the rows of each page of a span, rows beyond it included."""
    left: Span | None = span
    while left is not None:
        asked = next_page(stream, left, symbol)
        rows = recover(stream, ask(market, asked, now_ms), symbol, closed_by_ms=now_ms)
        yield rows
        left = rest_of(stream, left, asked, len(rows), rows[-1].last if rows else None)
