"""Every topic is found by its name with any prefix, or by the kind of its records."""

import pytest

from connector.binance.catalogue import ROWS, subscribable
from connector.codec.export.contract import find, schemas_of, topics
from connector.errors import BadMessage, Refused
from connector.kafka.dead_letter import DeadLetterEncoder


def test_there_is_a_topic_for_each_product_and_kind_and_each_of_our_own() -> None:
    streams = {f"binance.{row.product}.{row.kind}" for row in ROWS if subscribable(row)}
    own = {"markers", "progress", "checkpoints", "dead-letter"}
    own |= {f"account-{name}" for name in ("events", "markers", "progress", "dead-letter")}

    assert {topic.name for topic in topics()} == streams | {f"binance.{name}" for name in own}


def test_a_kind_has_a_topic_for_each_product_that_sends_it() -> None:
    names = [topic.name for topic in find("trade", "md")]

    assert names == ["md.coinm.trade", "md.options.trade", "md.spot.trade", "md.usdm.trade"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("binance.spot.trade", "trade"),
        ("md.eu.usdm.depth-diff", "depth-diff"),
        ("md.markers", "marker"),
        ("md.account-events", "account-event"),
        ("md.dead-letter", "dead-letter"),
    ],
)
def test_a_topic_is_found_with_any_prefix(name: str, kind: str) -> None:
    [topic] = find(name)

    assert (topic.name, topic.kind) == (name, kind)


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("trad", "did you mean 'trade'?"),
        ("binance.spot.trades", "did you mean 'binance.spot.trade'?"),
        ("spot.trade", "did you mean 'binance.spot.trade'?"),
        ("binance.options.force-order", "did you mean "),
        ("?", "kinds: agg-trade, "),
    ],
)
def test_an_unknown_name_is_refused_with_what_was_meant(name: str, cure: str) -> None:
    with pytest.raises(Refused) as refused:
        find(name)

    assert str(refused.value).startswith(f"there is no kind and no topic {name!r}; {cure}")


def test_only_what_the_connector_reads_back_is_compacted_and_only_progress_has_tombstones() -> None:
    compacted = {topic.kind for topic in topics() if topic.is_compacted}
    deleting = {topic.kind for topic in topics() if topic.has_tombstones}

    assert (compacted, deleting) == (
        {"progress", "checkpoint", "account-progress"},
        {"progress"},
    )


def test_the_headers_of_a_dead_letter_are_those_that_are_written() -> None:
    letter = DeadLetterEncoder("t").encode("s", b"raw", BadMessage("json", "why"), 0, 0.0)
    topic, _ = find("dead-letter")

    assert letter is not None
    assert [name for name, _ in topic.headers] == [name for name, _ in letter[-1] or ()]


def test_raw_bytes_have_no_schema() -> None:
    assert [schema.kind for schema in schemas_of(find("trade"))] == ["trade"]
    with pytest.raises(Refused, match="has no schema, its values are raw bytes"):
        schemas_of(find("dead-letter"))
