"""The page of a kind."""

from dataclasses import replace

import pytest

from connector.binance.catalogue import ROWS
from connector.codec.export import markdown
from connector.codec.export.contract import find as topics_of
from connector.codec.export.sample import Sample
from connector.codec.schema import OWN, kinds, load
from tests.support.catalogue import find


def sample(_kind: str) -> Sample:
    return Sample("btcusdt@trade", {"e": "trade"}, {"symbol": "BTCUSDT"})


@pytest.mark.parametrize("kind", kinds())
def test_a_page_has_every_field_and_every_stream_that_is_served(kind: str) -> None:
    page = markdown.render(topics_of(kind), sample)
    lines = page.splitlines()

    for field in load(kind).fields:
        assert any(line.startswith(f"| `{field.name}` | ") for line in lines)
    served = [row for row in ROWS if row.kind == kind and row.status != "retired"]
    streams = page.partition("## Topics")[2].partition("## Fields")[0]
    assert streams.count("\n| `") == len(served)


def test_a_page_shows_the_sample_and_its_record() -> None:
    page = markdown.render(topics_of("trade"), sample)

    assert page.startswith("# trade\n\n")
    shown = page.partition("## A sample")[2]
    assert "From `btcusdt@trade`:" in shown
    assert '{"e": "trade"}' in shown
    assert '"symbol": "BTCUSDT"' in shown
    assert page.endswith("```\n")


@pytest.mark.parametrize("kind", OWN)
def test_our_own_kinds_have_a_topic_and_no_wire_keys(kind: str) -> None:
    page = markdown.render(topics_of(kind), sample)

    topics = {"marker": "markers", "progress": "progress", "checkpoint": "checkpoints"}
    topics |= {"account-event": "account-events", "account-marker": "account-markers"}
    topics |= {"account-progress": "account-progress"}
    assert f"Topic: `binance.{topics[kind]}`." in page
    assert "| field | type | meaning |" in page
    assert "## A sample" not in page


def test_an_arrays_records_have_their_fields_below_it() -> None:
    page = markdown.render(topics_of("depth-diff"), sample)

    assert "| `bids` | array of records | `b` | " in page
    assert "| `bids[].price` | decimal(38,18) | `0` | " in page


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    schema = load("trade")
    fields = [replace(field, doc="a|b") for field in schema.fields]
    topic = replace(topics_of("trade")[0], schema=replace(schema, fields=tuple(fields)))

    page = markdown.render([topic], sample)

    assert page.count("a\\|b") == len(fields)


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("<symbol>@trade", "symbol in the payload"),
        ("<symbol>@depth<levels>[@100ms]", "symbol in the stream name"),
    ],
)
def test_the_source_of_a_key_is_named(pattern: str, key: str) -> None:
    assert markdown.key_of(find("spot", pattern)) == key


def test_the_market_of_a_trading_session_is_in_its_event_type() -> None:
    assert markdown.key_of(find("usdm", "tradingSession")) == "market in the event type"


@pytest.mark.parametrize(
    ("pattern", "sequence", "cadence"),
    [
        ("<symbol>@trade", "`trade_id` = previous + 1", "active"),
        ("<symbol>@depth[@100ms]", "`first_update_id` = previous `last_update_id` + 1", "active"),
        ("<symbol>@bookTicker", "`update_id` grows, holes are normal", "active"),
        ("<symbol>@kline_<interval>", "`open_time` by the interval", "active"),
        ("<symbol>@avgPrice", "no ids: `event_time`", "periodic, 1 s"),
        ("<symbol>@blockTrade", "`trade_id` = previous + 1", "sparse"),
    ],
)
def test_sequence_and_cadence_are_put_in_words(pattern: str, sequence: str, cadence: str) -> None:
    row = find("spot", pattern)

    assert (markdown.sequence_of(row), markdown.cadence_of(row)) == (sequence, cadence)


def test_a_futures_book_follows_by_the_previous_id() -> None:
    row = find("usdm", "<symbol>@depth[@<speed>]")

    assert markdown.sequence_of(row) == "`previous_update_id` = previous `last_update_id`"
