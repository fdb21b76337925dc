"""REST without a network: pages of the lab's paths, until a span is complete."""

import json
from collections.abc import Iterator

from connector.backfill.pages import RestPage, Span
from connector.backfill.row_reader import RowReader
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent, recover
from connector.lab.market import Market
from connector.lab.rest import paths
from tests.support.backfill import gap_around

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
    """Yield what is taken of each page of a span."""
    reader = RowReader(stream, symbol, gap_around(stream, span), 0.0, patience_s=0.0)
    while reader.left is not None:
        page = reader.next_page()
        yield reader.read(page, recover(stream, ask(market, page, now_ms), symbol), now_ms)
