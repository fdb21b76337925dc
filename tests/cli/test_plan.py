"""`bkc plan` as its users run it: against the lab's REST side, saved answers, a running worker."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.cli import app, text_table
from connector.errors import Refused, Retry
from connector.lab.market import Market
from connector.lab.rest import Rest as LabRest
from connector.worker.http_server import HttpServer

runner = CliRunner()
NOBODY = "http://127.0.0.1:9"
HEAD = "kafka: {bootstrap_servers: '127.0.0.1:9'}\nschema_registry: {url: 'http://r:1'}\n"
NAMED = "subscriptions: [{product: usdm, symbols: [BTCUSDT], streams: [aggTrade, depth]}]\n"
TOP = "subscriptions: [{product: spot, symbols: {quote: USDT, top: 2}, streams: [trade]}]\n"


@pytest.fixture
def market() -> Market:
    return Market(5)


@pytest.fixture
async def lab(market: Market) -> AsyncIterator[LabRest]:
    rest = LabRest(market)
    await rest.start()
    yield rest
    await rest.stop()


def write(folder: Path, text: str, rest: str | None = None) -> str:
    bases = ", ".join(
        f"{product}: {{streams: 'ws://unused', rest: '{rest}'}}" for product in ("spot", "usdm")
    )
    path = folder / "connector.yaml"
    path.write_text((f"exchange: {{{bases}}}\n" if rest else "") + HEAD + text)
    return str(path)


def run(*arguments: str) -> tuple[str, str]:
    """Run it; return standard output and standard error."""
    result = runner.invoke(app, ["plan", *arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout, result.stderr


async def run_beside(*arguments: str) -> tuple[str, str]:
    """Run it while servers of this event loop answer."""
    return await asyncio.to_thread(run, *arguments)


async def test_the_exchange_is_asked_for_the_top_symbols(
    market: Market, lab: LabRest, tmp_path: Path
) -> None:
    text, _ = await run_beside("-c", write(tmp_path, TOP, lab.url), "--json")

    found = json.loads(text)
    ranked = sorted(market.symbols["spot"], key=lambda symbol: -market.volume("spot", symbol))
    assert {shown["stream"] for shown in found["streams"]} == {
        f"{symbol.lower()}@trade" for symbol in ranked[:2]
    }
    [warning] = found["warnings"]
    assert warning.startswith("topics are not compared: Kafka: ")
    assert found["cost"]["pools"][0]["refresh"] == pytest.approx(20.0)


async def test_a_misspelt_symbol_is_warned_of_with_its_line(lab: LabRest, tmp_path: Path) -> None:
    path = write(tmp_path, NAMED.replace("BTCUSDT", "BTCUSTD"), lab.url)

    _, trouble = await run_beside("-c", path)

    flat = " ".join(trouble.split())
    assert "connector.yaml:4: subscriptions[0].symbols: BTCUSTD is not listed" in flat
    assert "did you mean BTCUSDT?" in flat


async def test_what_is_needed_and_cannot_be_asked_says_the_cure(tmp_path: Path) -> None:
    path = write(tmp_path, TOP, NOBODY)

    with pytest.raises(Retry, match="--exchange-info spot=FILE"):
        await run_beside("-c", path)


async def test_the_call_that_failed_is_named_with_its_own_cure(
    lab: LabRest, tmp_path: Path
) -> None:
    lab.refuse(503, times=9, path="/api/v3/ticker")
    path = write(tmp_path, TOP, lab.url)

    with pytest.raises(
        Retry, match=r"^127\.0\.0\.1/api/v3/ticker/24hr: HTTP 503: .*--tickers spot=FILE"
    ):
        await run_beside("-c", path)


async def test_volumes_that_no_symbol_needs_cost_nothing_but_a_warning(
    lab: LabRest, tmp_path: Path
) -> None:
    lab.refuse(503, times=9, path="/fapi/v1/ticker")

    text, trouble = await run_beside("-c", write(tmp_path, NAMED, lab.url))

    assert "btcusdt@aggTrade" in text
    assert (
        "traffic of usdm is estimated without volumes: 127.0.0.1/fapi/v1/ticker/24hr: HTTP 503"
        in " ".join(trouble.split())
    )


async def test_a_row_that_cannot_be_read_is_a_warning(
    market: Market, lab: LabRest, tmp_path: Path
) -> None:
    market.odd_keys["usdm", "ETHUSDT"] = {"contractType": None}

    text, trouble = await run_beside("-c", write(tmp_path, NAMED, lab.url))

    assert "btcusdt@aggTrade" in text
    assert "usdm exchangeInfo: ETHUSDT is left out: Expected `str`" in " ".join(trouble.split())


async def test_names_are_planned_without_the_exchange(tmp_path: Path) -> None:
    path = write(tmp_path, NAMED, NOBODY)

    text, trouble = await run_beside("-c", path)

    assert "btcusdt@aggTrade" in text
    assert "names of usdm are not checked" in trouble


def saved(folder: Path, coins: int = 3) -> tuple[str, str]:
    """An exchangeInfo answer and the 24 h tickers, in files; C1USDT is traded most."""
    numbers = range(coins, 0, -1)
    symbols = [
        {"symbol": f"C{n}USDT", "status": "TRADING", "baseAsset": f"C{n}", "quoteAsset": "USDT"}
        for n in numbers
    ]
    tickers = [
        {"symbol": f"C{n}USDT", "quoteVolume": str(100 - n), "lastPrice": "1"} for n in numbers
    ]
    info, day = folder / "info.json", folder / "day.json"
    info.write_text(json.dumps({"rateLimits": [], "symbols": symbols}))
    day.write_text(json.dumps(tickers))
    return f"spot={info}", f"spot={day}"


def test_saved_answers_stand_in_for_the_exchange(tmp_path: Path) -> None:
    info, day = saved(tmp_path)

    text, _ = run("-c", write(tmp_path, TOP), "--exchange-info", info, "--tickers", day, "--json")

    assert [shown["stream"] for shown in json.loads(text)["streams"]] == [
        "c1usdt@trade",
        "c2usdt@trade",
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--exchange-info", "{info}"), "give --tickers spot=FILE too"),
        (("--tickers", "{day}"), "--tickers alone"),
        (("--exchange-info", "forex=x"), "PRODUCT one of spot, usdm, coinm, options"),
        (("--exchange-info", "usdm=x"), "add --exchange-info spot=FILE"),
        (("--exchange-info", "spot=/nowhere"), "/nowhere: cannot read the file"),
        (("--exchange-info", "spot={config}"), "no exchangeInfo of spot"),
        (("--exchange-info", "{info}", "--tickers", "{day}", "--running", "x:1"), "give the URL"),
    ],
)
def test_wrong_options_are_refused_with_the_cure(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    info, day = saved(tmp_path)
    path = write(tmp_path, TOP)
    filled = [each.format(info=info, day=day, config=path) for each in arguments]

    with pytest.raises(Refused, match=words):
        run("-c", path, *filled)


def names_offline(tmp_path: Path) -> tuple[str, ...]:
    """A config of names, and the least that keeps anybody from being asked."""
    info = tmp_path / "usdm.json"
    listed = {"symbol": "XUSDT", "pair": "XUSDT", "baseAsset": "X", "quoteAsset": "USDT"}
    info.write_text(json.dumps({"symbols": [listed]}))
    return ("-c", write(tmp_path, NAMED), "--exchange-info", f"usdm={info}")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_names_are_whole_on_any_terminal(
    columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.cli.console.out._width", columns)

    text, _ = run(*names_offline(tmp_path))

    words = text.split()
    for whole in (
        "btcusdt@aggTrade",
        "binance.usdm.agg-trade",
        "wss://fstream.binance.com/market/stream",
        "wss://fstream.binance.com/public/stream",
    ):
        assert whole in words
    assert "2 streams on 2 connections into 2 topics" in text


def test_columns_stand_under_one_another() -> None:
    rows = [("stream", "kind", "topic", "msg/s"), ("btcusdt@trade", "trade", "a.topic", "6.0")]

    assert text_table.columns(rows, right=3) == [
        "stream         kind   topic    msg/s",
        "btcusdt@trade  trade  a.topic    6.0",
    ]


async def served(plan: Any) -> HttpServer:
    server = HttpServer({}, lambda _: (b"", ""), lambda: {"plan": plan})
    await server.start("127.0.0.1", 0)
    return server


async def compared(plan: Any, *arguments: str) -> str:
    server = await served(plan)
    try:
        url = f"http://127.0.0.1:{server.port}"
        return (await run_beside(*arguments, "--running", url))[0]
    finally:
        await server.stop()


async def test_the_difference_to_a_running_worker_is_shown(tmp_path: Path) -> None:
    running = {"usdm-market-7": ["btcusdt@aggTrade", "ethusdt@aggTrade"]}

    text = await compared(running, *names_offline(tmp_path), "--json")

    found = json.loads(text)["difference"]
    assert found == {
        "added": [{"product": "usdm", "stream": "btcusdt@depth", "connection": "usdm-public-1"}],
        "removed": [
            {"product": "usdm", "stream": "ethusdt@aggTrade", "connection": "usdm-market-7"}
        ],
        "moved": [],
    }


async def test_the_difference_is_told_in_words(tmp_path: Path) -> None:
    running = {"usdm-market-7": ["btcusdt@aggTrade", "ethusdt@aggTrade"]}

    lines = (await compared(running, *names_offline(tmp_path))).splitlines()

    assert "+ btcusdt@depth  usdm-public-1" in lines
    assert "- ethusdt@aggTrade  usdm-market-7" in lines
    assert "against the running worker: 1 stream more, 1 fewer, 0 moved" in lines


@pytest.mark.parametrize(("running", "stays"), [(9, True), (10, False)])
async def test_a_symbol_that_runs_leaves_the_top_late(
    running: int, stays: bool, tmp_path: Path
) -> None:
    """Top 8 of ten: who is read now stays up to rank 9."""
    info, day = saved(tmp_path, 10)
    path = write(tmp_path, TOP.replace("top: 2", "top: 8"))
    now = {"spot-1": [f"c{running}usdt@trade"]}

    text = await compared(now, "-c", path, "--exchange-info", info, "--tickers", day, "--json")

    assert (json.loads(text)["difference"]["removed"] == []) == stays


@pytest.mark.parametrize("plan", [None, ["spot-1"], {"spot-1": "x"}])
async def test_a_server_that_shows_no_plan_is_refused(plan: Any, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="has no plan"):
        await compared(plan, *names_offline(tmp_path))


async def test_a_worker_that_is_away_is_said(tmp_path: Path) -> None:
    url = NOBODY

    with pytest.raises(Retry, match="/status"):
        await run_beside(*names_offline(tmp_path), "--running", url)


def test_a_plan_over_a_limit_names_it(tmp_path: Path) -> None:
    info, _ = saved(tmp_path, 900)
    text = "subscriptions: [{product: spot, symbols: all, streams: [trade]}]\n"
    path = write(tmp_path, "limits: {share: 0.007}\n" + text)

    with pytest.raises(Refused, match=r"3 connections .* limits.share 0.007 leaves 2"):
        run("-c", path, "--exchange-info", info)
