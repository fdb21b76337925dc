"""Topics in one of the formats of codec/export, with a sample from the lab's market."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connector.binance.catalogue import ROWS, subscribable
from connector.binance.stream_name import example, parse
from connector.codec.avro import to_json
from connector.codec.export import EXPORTS, Format
from connector.codec.export.contract import TopicContract, find, topics
from connector.codec.export.sample import Sample
from connector.codec.schema import load
from connector.errors import Refused
from connector.feed.replay import Replay

SAMPLE_TIME_MS = 1_795_000_000_000
RECEIVE_DELAY_US = 1_234


def chosen(
    name: str | None, prefix: str, *, topic: str | None = None, every: bool = False
) -> list[TopicContract]:
    """Return the topics that a command line names; one named `topic` where the config names it.

    Raises:
        Refused: no name and not every one, or both; an unknown kind or topic; --topic with --all.
    """
    if every != (name is None):
        raise Refused("name one topic or kind, or write --all: bkc schema binance.spot.trade")
    if name is None:
        if topic is not None:
            raise Refused("--topic is the name of one topic: write its kind in place of --all")
        return topics(prefix)
    found = find(name, prefix)
    return found if topic is None else [replace(found[0], name=topic)]


def page(contracts: Sequence[TopicContract], format_: Format) -> str:
    """Return topics in one of the EXPORTS; raises Refused where a format cannot show them."""
    return EXPORTS[format_](contracts, sample_of)


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
