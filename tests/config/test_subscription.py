"""What a subscription may say: symbols in four forms, templates, units; and its errors."""

from pathlib import Path

import pytest

from connector.planning.selection import Selection
from tests.support.config import GOOD, refused, subscription


def symbols(written: str) -> str:
    return GOOD.replace("[BTCUSDT]", written)


@pytest.mark.parametrize(
    ("written", "selection"),
    [
        ("[BTCUSDT, ETHUSDT]", Selection(names=("BTCUSDT", "ETHUSDT"))),
        ("BTCUSDT", Selection(names=("BTCUSDT",))),
        ("[btcusdt]", Selection(names=("BTCUSDT",))),
        ("[]", Selection()),
        ("all", Selection(everything=True)),
        ("[all]", Selection(everything=True)),
        ('"BTC*"', Selection(match=("BTC*",))),
        (
            '["BTC*", ETHUSDT, "?OGEUSDT"]',
            Selection(names=("ETHUSDT",), match=("BTC*", "?OGEUSDT")),
        ),
        ("{top: 5}", Selection(top=5)),
        ("{match: BTC*}", Selection(match=("BTC*",))),
        ("{exclude: [A, B*]}", Selection(everything=True, exclude=("A", "B*"))),
        ("{status: BREAK}", Selection(everything=True, status=("BREAK",))),
        ("[NO, on]", Selection(names=("NO", "ON"))),
        ("{quote: NO}", Selection(everything=True, quote=("NO",))),
        (
            "{quote: usdt, top: 50, exclude: [USDCUSDT]}",
            Selection(quote=("USDT",), top=50, exclude=("USDCUSDT",)),
        ),
        (
            "{contract_type: [PERPETUAL, CURRENT_QUARTER], underlying: BTC}",
            Selection(
                everything=True,
                contract_type=("PERPETUAL", "CURRENT_QUARTER"),
                underlying=("BTC",),
            ),
        ),
    ],
)
def test_symbols_are_names_globs_all_or_a_filter(
    tmp_path: Path, written: str, selection: Selection
) -> None:
    assert subscription(tmp_path, symbols(written)).selection == selection


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("[null]", ".symbols[0]: is empty: give a value, or leave it out"),
        ("[1.5]", ".symbols[0]: 1.5 must be text; quote it"),
        ("[TRUE]", ".symbols[0]: True must be text; quote it"),
        ("[1]", ".symbols[0]: 1 must be text; quote it"),
        ("3", ".symbols: 3 must be a list"),
        ("", ".symbols: is empty: give a value, or leave it out"),
        ("{}", ".symbols: an empty filter: write `all` for every symbol of the product"),
        ("{tpo: 5}", ".symbols.tpo: unknown key; did you mean 'top'?"),
        ("{top: 0}", ".symbols.top: 0: should be greater than or equal to 1"),
        ("{top: 100000}", ".symbols.top: 100000: should be less than or equal to 10000"),
        ("{status: TRADNG}", ".symbols.status: 'TRADNG': did you mean 'TRADING'?"),
        ("{top: many}", ".symbols.top: 'many' is no whole number"),
        ("{status: []}", ".symbols.status: is empty: give a value, or leave it out"),
        ("{match: 3}", ".symbols.match: 3 must be a list"),
        ("{quote: {a: b}}", '.symbols.quote: a map must be a list: begin each entry with "- "'),
    ],
)
def test_wrong_symbols_are_refused_with_the_cure(tmp_path: Path, written: str, error: str) -> None:
    assert refused(tmp_path, symbols(written)) == f"connector.yaml:8: subscriptions[0]{error}"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("symbol: [A]", "symbol: unknown key; did you mean 'symbols'?"),
        (
            'topic: "{prefix}.{knd}"',
            "topic: '{prefix}.{knd}': unknown placeholder {knd}; did you mean {kind}?",
        ),
        (
            'topic: "{}"',
            "topic: '{}': unknown placeholder {}; known: {prefix}, {product}, {kind}, {symbol}",
        ),
        (
            'topic: "{symbol!r}"',
            "topic: '{symbol!r}': unknown placeholder {symbol!r}; did you mean {symbol}?",
        ),
        (
            'topic: "{symbol:>9}"',
            "topic: '{symbol:>9}': unknown placeholder {symbol:>9}; did you mean {symbol}?",
        ),
        (
            'topic: "{stream}"',
            "topic: '{stream}': unknown placeholder {stream}; known: {prefix}, {product}, {kind},"
            " {symbol}",
        ),
        (
            'topic: "{prefix"',
            "topic: '{prefix': expected '}' before end of string; a placeholder is written"
            " {symbol}",
        ),
        (
            'topic: "{prefix}/{kind}"',
            "topic: 'binance/trade' is no topic name: letters, digits, dot, underscore and dash,"
            " at most 249",
        ),
        ("topic: {symbol}", "topic: a map must be text; in YAML a {placeholder} wants quotes"),
        ("topic: 5", "topic: 5 must be text; quote it"),
        ('key: "{sym}"', "key: '{sym}': unknown placeholder {sym}; did you mean {symbol}?"),
        ('key: ""', "key: '' is empty: leave it out, the key is the symbol then"),
        ("connections: 3", "connections: 3: should be less than or equal to 2"),
        ("connections: two", "connections: 'two' is no whole number"),
        ("time_unit: ns", "time_unit: 'ns': should be 'ms' or 'us'"),
        ("endpoint: fstream", "endpoint: 'fstream' is no URL of this sort: write wss://host:port"),
        (
            "endpoint: wss://host/market/stream?streams=x",
            "endpoint: 'wss://host/market/stream?streams=x': leave out /stream, which is added:"
            " write wss://host/market",
        ),
        ("merged: yes", "merged: 'yes': should be 'drop' or 'keep'"),
    ],
)
def test_a_wrong_key_is_refused_with_the_cure(tmp_path: Path, line: str, error: str) -> None:
    assert refused(tmp_path, f"{GOOD}    {line}\n") == (
        f"connector.yaml:10: subscriptions[0].{error}"
    )


@pytest.mark.parametrize("product", ["usdm", "coinm", "options"])
def test_microseconds_are_for_spot_only(tmp_path: Path, product: str) -> None:
    text = GOOD.replace("product: spot", f"product: {product}") + "    time_unit: us\n"

    assert refused(tmp_path, text) == (
        "connector.yaml:10: subscriptions[0].time_unit: 'us' is for spot only,"
        f" {product} has milliseconds: leave it out"
    )


def test_what_a_subscription_says_of_its_records(tmp_path: Path) -> None:
    parsed = subscription(
        tmp_path,
        GOOD + '    topic: "{prefix}.{symbol}"\n    key: "{product}/{stream}"\n'
        "    connections: 2\n    time_unit: us\n",
    )

    assert (parsed.topic, parsed.key) == ("{prefix}.{symbol}", "{product}/{stream}")
    assert (parsed.connections, parsed.time_unit) == (2, "us")


@pytest.mark.parametrize(
    ("streams", "error"),
    [
        ("[trades]", "[0]: spot has no stream 'btcusdt@trades'"),
        ("trades", "[0]: spot has no stream 'btcusdt@trades'"),
        ('["!ticker@arr"]', "[0]: '!ticker@arr' was retired by Binance on 2026-03-26"),
        ("[trade, trade]", "[1]: btcusdt@trade is planned twice"),
        ("[]", ": is empty: give a value, or leave it out"),
        ("", ": is empty: give a value, or leave it out"),
        ("[5]", "[0]: 5 must be text; quote it"),
    ],
)
def test_wrong_streams_are_refused_with_their_place(
    tmp_path: Path, streams: str, error: str
) -> None:
    text = GOOD.replace("[trade]", streams)

    assert refused(tmp_path, text).startswith(f"connector.yaml:9: subscriptions[0].streams{error}")


def test_a_wrong_stream_is_refused_before_its_symbols_are_known(tmp_path: Path) -> None:
    text = GOOD.replace("[BTCUSDT]", "all").replace("[trade]", "[trade, dept@100ms]")

    assert refused(tmp_path, text).partition(";")[0] == (
        "connector.yaml:9: subscriptions[0].streams[1]: spot has no stream 'dept@100ms'"
    )


def test_a_stream_per_symbol_wants_symbols(tmp_path: Path) -> None:
    text = GOOD.replace("    symbols: [BTCUSDT]\n", "")

    assert "streams[0]: 'trade' is a stream per symbol" in refused(tmp_path, text)


def test_two_rules_that_write_the_same_events_are_told_with_their_lines(tmp_path: Path) -> None:
    again = "  - product: spot\n    symbols: [ETHUSDT, BTCUSDT]\n    streams: [trade]\n"

    assert refused(tmp_path, GOOD + again).startswith(
        "connector.yaml:12: subscriptions[1].streams[0]: btcusdt@trade is planned twice"
    )


@pytest.mark.parametrize("written", ["trade", "[trade]"])
def test_one_stream_may_stand_without_brackets(tmp_path: Path, written: str) -> None:
    assert subscription(tmp_path, GOOD.replace("[trade]", written)).streams == ["trade"]


@pytest.mark.parametrize(
    ("product", "symbols", "error"),
    [
        (
            "spot",
            "[BTCUSDT, BTC/USDT]",
            "symbols[1]: 'BTC/USDT' is not how Binance writes it: write",
        ),
        ("spot", "btc-usdt", "symbols[0]: 'btc-usdt' is not how Binance"),
        ("usdm", '["BTC/USDT:USDT"]', "symbols[0]: 'BTC/USDT:USDT' is not how Binance"),
        (
            "usdm",
            "[BTCUSDT_PERP]",
            "symbols[0]: 'BTCUSDT_PERP' is not how Binance writes it: write",
        ),
        ("spot", "{exclude: BTC/USDT}", "symbols: 'BTC/USDT' is not how Binance"),
        ("spot", "{match: [A*, BTC/USDT]}", "symbols: 'BTC/USDT' is not how Binance"),
    ],
)
def test_a_symbol_in_another_tools_notation_is_refused_with_its_cure(
    product: str, symbols: str, error: str, tmp_path: Path
) -> None:
    text = GOOD.replace("product: spot", f"product: {product}").replace("[BTCUSDT]", symbols)

    message = refused(tmp_path, text)

    assert f"connector.yaml:8: subscriptions[0].{error}" in message
    assert message.endswith(": write BTCUSDT")
