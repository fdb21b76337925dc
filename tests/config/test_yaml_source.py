"""YAML with the line of each key; what it would misread is refused, with line and cure."""

from pathlib import Path

import pytest

from connector.config.yaml_source import parse
from tests.support.config import GOOD, loaded, refused


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("*", "*"),
        ("[*]", "*"),
        ("[!x]*", "[!x]*"),
        ("[!x]*, BTC*", "[!x]*"),
        ("[BTC*, *USDT]", "*USDT"),
        ("[[AB]*USDT]", "[AB]*USDT"),
        ("[BTC[UE]*]", "BTC[UE]*"),
        ('[BTC, "A[B]*", [AB]*]', "[AB]*"),
        ("{match: *USDT}", "*USDT"),
        ("{match: [*USDT]}", "*USDT"),
        ("{match: [AB]*}", "[AB]*"),
        ("{match: BTC*, exclude: [*UP]}", "*UP"),
        ("!ticker@arr ]", "!ticker@arr"),
        ("\n      - *", "*"),
    ],
)
def test_a_glob_without_quotes_is_told_with_its_line(
    tmp_path: Path, written: str, word: str
) -> None:
    error_text = refused(tmp_path, GOOD.replace("[BTCUSDT]", written))

    line = 8 + written.count("\n")
    assert error_text.partition(" not YAML: ")[0] == f"connector.yaml:{line}:"
    assert error_text.endswith(f'; quote it: "{word}"')


@pytest.mark.parametrize(
    ("streams", "word"),
    [
        ("[!ticker@arr]", "!ticker@arr"),
        ("[!ticker@arr, trade]", "!ticker@arr"),
        ("{symbol}@trade", "{symbol}@trade"),
        ("[{symbol}@trade]", "{symbol}@trade"),
    ],
)
def test_a_stream_without_quotes_is_told_with_its_line(
    tmp_path: Path, streams: str, word: str
) -> None:
    error_text = refused(tmp_path, GOOD.replace("[trade]", streams))

    assert error_text.startswith("connector.yaml:9: ")
    assert error_text.endswith(f'quote it: "{word}"')


@pytest.mark.parametrize(
    ("written", "words"),
    [("[BTCUSDT", "the [ here is not closed"), ('"BTCUSDT', "the quote here is not closed")],
)
def test_what_is_not_closed_is_told_where_it_begins(
    tmp_path: Path, written: str, words: str
) -> None:
    error_text = refused(tmp_path, GOOD.replace("[BTCUSDT]", written))

    assert (error_text.startswith("connector.yaml:8: not YAML: "), error_text.endswith(words)) == (
        True,
        True,
    )


def test_anchors_and_aliases_that_are_there_are_not_blamed(tmp_path: Path) -> None:
    text = GOOD.replace("[BTCUSDT]", "&both [BTCUSDT, ETHUSDT]") + (
        "  - {product: usdm, symbols: *both, streams: [aggTrade]}\n"
    )

    assert [
        subscription.symbols for subscription in loaded(tmp_path, text).settings.subscriptions
    ] == [["BTCUSDT", "ETHUSDT"]] * 2
    assert "quote it" not in refused(tmp_path, text.replace("*both,", "*both, trade, ]"))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("- a\n", "connector.yaml:1: the file must be a map of sections, not a list"),
        ("word\n", "connector.yaml:1: the file must be a map of sections, not a str"),
        (GOOD + "on: x\n", "connector.yaml:10: on: unknown key; known: exchange, kafka, "),
        (GOOD + "true: x\n", 'connector.yaml:10: true: YAML reads true as bool; quote it: "true"'),
        (GOOD + "1: x\n", 'connector.yaml:10: 1: YAML reads 1 as int; quote it: "1"'),
        (GOOD + "? {a}\n: x\n", "connector.yaml:10: a key must be text; a {placeholder} wants"),
        (GOOD + "\tx: 1\n", "connector.yaml:10: not YAML: found character '\\t' that cannot start"),
        (GOOD + "\tx: 1\n", "; indent with spaces, not tabs"),
        (GOOD + "x: &a [*a]\n", "connector.yaml: is nested too deeply, or an anchor holds itself"),
        (GOOD + "---\naccounts: []\n", "connector.yaml:10: not YAML: but found another document"),
        ("a: [\n", "connector.yaml:2: not YAML: expected the node content"),
        ("a\0b", "connector.yaml: not YAML: unacceptable character #x0000"),
        (GOOD.replace("[trade]", "[!miniTicker@arr ]"), 'quote it: "!miniTicker@arr"'),
        (GOOD.replace("[trade]", "[@trade]"), 'quote it: "@trade"'),
        (GOOD.replace("[trade]", "[*trade]"), 'quote it: "*trade"'),
        (
            GOOD + "    topic: {prefix}.{kind}\n",
            "connector.yaml:10: not YAML: expected <block end>, but found '<scalar>';"
            ' quote it: "{prefix}.{kind}"',
        ),
    ],
)
def test_what_yaml_would_misread_is_refused_with_the_cure(
    tmp_path: Path, text: str, error: str
) -> None:
    assert error in refused(tmp_path, text)


def test_a_merged_map_is_no_key_given_twice(tmp_path: Path) -> None:
    text = GOOD + "topics: {<<: &base {create: false}, partitions: 3}\n"

    topics = loaded(tmp_path, text).settings.topics

    assert (topics.create, topics.partitions) == (False, 3)


def test_plain_scalars_are_those_of_yaml_1_2() -> None:
    text = "[NO, on, 2026-13-45, true, FALSE, null, 1.5]"

    assert parse(f"a: {text}", "f")[0] == {"a": ["NO", "on", "2026-13-45", True, False, None, 1.5]}


def test_every_key_and_item_has_its_line() -> None:
    _, lines = parse("a:\n  - b\n  - c: 1\n", "f")

    assert lines == {(): 1, ("a",): 1, ("a", 0): 2, ("a", 1): 3, ("a", 1, "c"): 3}
