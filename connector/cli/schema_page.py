"""A kind's record, as Avro to register or as a page to read."""

import json
from typing import Any

from connector.binance.catalogue import ROWS, subscribable
from connector.binance.stream_name import example, parse
from connector.codec.avro import to_json
from connector.codec.export import EXPORTS, Format
from connector.codec.export.sample import Sample
from connector.codec.schema import load
from connector.feed.replay import Replay

SAMPLE_TIME_MS = 1_795_000_000_000
RECEIVE_DELAY_US = 1_234


def page(kind: str, format_: Format) -> str:
    """Return a kind's schema in one of the EXPORTS; raises Refused for an unknown kind."""
    return EXPORTS[format_](load(kind), sample_of)


def sample_of(kind: str) -> Sample:
    """Return a payload from the lab's market and its record.

    The stream is the example of the kind's first row, with a symbol that the lab's market has.
    """
    from connector.lab.market import Market

    row = next(row for row in ROWS if row.kind == kind and subscribable(row))
    name = example(row).replace("btc-251226-120000-c", "btc-261225-120000-c")
    stream = parse(row.product, name)
    events = Market(1).next_events(stream, SAMPLE_TIME_MS)
    payload: Any = [event.data for event in events[:1]] if row.array else events[0].data
    replay = Replay(stream.product)
    replay.feed(stream, json.dumps(payload).encode(), SAMPLE_TIME_MS * 1000 + RECEIVE_DELAY_US)
    record = to_json(load(kind).text, replay.results[0].value)
    return Sample(stream.name, payload, record)
