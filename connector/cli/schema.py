"""`bkc schema`: a kind's record, as Avro to register or as a page to read."""

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from connector.binance.catalogue import ROWS, Row, subscribable
from connector.binance.stream_name import Stream, example, parse
from connector.codec.avro import to_json
from connector.codec.export import markdown
from connector.codec.schema import OWN, load
from connector.feed.replay import Replay

SAMPLE_TIME_MS = 1_795_000_000_000
OWN_TOPICS = {"marker": "binance.markers", "progress": "binance.progress"}


class Format(StrEnum):
    """How to write it."""

    avsc = "avsc"
    markdown = "markdown"


def schema(
    kind: Annotated[str, typer.Argument(help="A kind: trade, depth-diff, ...; marker, progress.")],
    format_: Annotated[Format, typer.Option("--format", help="avsc or markdown.")] = Format.avsc,
) -> None:
    """Print the record of a kind."""
    text = json.dumps(json.loads(load(kind).text), indent=2, ensure_ascii=False)
    typer.echo(text if format_ is Format.avsc else page(kind), nl=format_ is Format.avsc)


def page(kind: str) -> str:
    """Return the Markdown page of a kind, with a sample from the lab's market."""
    if kind in OWN:
        return markdown.own_page(load(kind), OWN_TOPICS[kind])
    rows = [row for row in ROWS if row.kind == kind]
    stream = _listed(next(row for row in rows if subscribable(row)))
    data = _payload(stream)
    replay = Replay(stream.product)
    replay.feed(stream, json.dumps(data).encode(), SAMPLE_TIME_MS * 1000 + 1_234)
    record = to_json(load(kind).text, replay.results[0].value)
    return markdown.page(load(kind), rows, data, record, stream.name)


def _payload(stream: Stream) -> Any:
    from connector.lab.market import Market  # noqa: PLC0415 - the lab stays out of the worker

    events = Market(1).next_events(stream, SAMPLE_TIME_MS)
    return [event.data for event in events[:1]] if stream.row.array else events[0].data


def _listed(row: Row) -> Stream:
    """Return the row's example with a symbol that the lab's market has."""
    name = example(row).replace("btc-251226-120000-c", "btc-261225-120000-c")
    return parse(row.product, name)
