"""Names and globs that YAML takes for something else: the line, and the cure."""

from pathlib import Path

import pytest

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
    said = refused(tmp_path, GOOD.replace("[BTCUSDT]", written))

    line = 8 + written.count("\n")
    assert said.partition(" not YAML: ")[0] == f"connector.yaml:{line}:"
    assert said.endswith(f'; quote it: "{word}"')


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
    said = refused(tmp_path, GOOD.replace("[trade]", streams))

    assert said.startswith("connector.yaml:9: ")
    assert said.endswith(f'quote it: "{word}"')


@pytest.mark.parametrize(
    ("written", "words"),
    [("[BTCUSDT", "the [ here is not closed"), ('"BTCUSDT', "the quote here is not closed")],
)
def test_what_is_not_closed_is_told_where_it_begins(
    tmp_path: Path, written: str, words: str
) -> None:
    said = refused(tmp_path, GOOD.replace("[BTCUSDT]", written))

    assert (said.startswith("connector.yaml:8: not YAML: "), said.endswith(words)) == (True, True)


def test_anchors_and_aliases_that_are_there_are_not_blamed(tmp_path: Path) -> None:
    text = GOOD.replace("[BTCUSDT]", "&both [BTCUSDT, ETHUSDT]") + (
        "  - {product: usdm, symbols: *both, streams: [aggTrade]}\n"
    )

    assert [one.symbols for one in loaded(tmp_path, text).settings.subscriptions] == [
        ["BTCUSDT", "ETHUSDT"]
    ] * 2
    assert "quote it" not in refused(tmp_path, text.replace("*both,", "*both, trade, ]"))
