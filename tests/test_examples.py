"""Each example is read and planned as it stands, with and without what the exchange lists."""

import os
from collections import Counter
from pathlib import Path

import pytest

from connector.binance.exchange_info import Listing, Universe
from connector.config.load import Loaded, is_account_file, load, load_account
from connector.config.plan import bases_of, plan_of
from connector.config.subscription import Filter
from connector.planning.model import Plan
from connector.planning.plan import make_plan
from tools.example import EXAMPLES

FOLDER = Path(__file__).parent.parent / "examples"
EXPIRIES = (1_798_185_600_000, 1_798_272_000_000)  # 2026-12-25 and the day after, 08:00 UTC
SPOT = tuple(
    Listing("spot", f"C{number:02}USDT", f"C{number:02}USDT", f"C{number:02}", "USDT", "",
            "TRADING", None)
    for number in range(70)
)  # fmt: skip
USDM = tuple(
    Listing("usdm", symbol, symbol, symbol[:3], "USDT", "PERPETUAL", "TRADING", None)
    for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT")
)
COINM = (
    Listing("coinm", "BTCUSD_PERP", "BTCUSD", "BTC", "USD", "PERPETUAL", "TRADING", None),
    Listing("coinm", "ETHUSD_PERP", "ETHUSD", "ETH", "USD", "PERPETUAL", "SETTLING", None),
)
OPTIONS = tuple(
    Listing("options", f"{coin}-{date}-100-{side[0]}", f"{coin}USDT", f"{coin}USDT", "USDT", side,
            "TRADING", expiry)
    for coin in ("BTC", "ETH")
    for date, expiry in zip(("261225", "261226"), EXPIRIES, strict=True)
    for side in ("CALL", "PUT")
)  # fmt: skip
UNIVERSE = Universe(
    {"spot": SPOT, "usdm": USDM, "coinm": COINM, "options": OPTIONS},
    {"spot": {listing.symbol: float(number) for number, listing in enumerate(SPOT)}},
)
ACCOUNT_FILES = [path for path in sorted(FOLDER.glob("*.yaml")) if is_account_file(path)]
FILES = sorted({*FOLDER.glob("*.yaml")} - {*ACCOUNT_FILES})


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("BKC_"):
            monkeypatch.delenv(name)


def test_the_example_of_the_account_worker_is_good() -> None:
    (path,) = ACCOUNT_FILES

    settings = load_account(path).settings

    assert [account.alias for account in settings.accounts] == ["desk-1", "desk-2"]


def plan(loaded: Loaded) -> Plan:
    settings = loaded.settings
    bases, prefix = bases_of(settings), settings.topic_prefix
    return make_plan(settings.subscriptions, bases, prefix, universe=UNIVERSE)


def streams(name: str) -> Counter[str]:
    """Return how many streams of an example go to each topic."""
    return Counter(planned.topic for planned in plan(load(FOLDER / name)).streams)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_example_is_read_and_planned_with_and_without_the_exchange(path: Path) -> None:
    loaded = load(path)

    whole = plan(loaded)

    assert whole.streams != []
    assert whole.pending == ()
    subscriptions = loaded.settings.subscriptions
    filtered = [each for each in subscriptions if each.selection.needs_listings]
    assert len(plan_of(loaded).pending) == len(filtered)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_example_begins_by_saying_what_it_shows(path: Path) -> None:
    assert path.read_text().startswith("# ")


def test_the_most_traded_fifty_are_fifty() -> None:
    assert streams("spot-top-50.yaml") == {
        "binance.spot.trade": 50,
        "binance.spot.depth-diff": 50,
        "binance.spot.kline": 50,
    }


def test_one_symbol_comes_from_all_four_products() -> None:
    made = plan(load(FOLDER / "one-symbol.yaml"))

    assert {planned.stream.product for planned in made.streams} == {
        "spot",
        "usdm",
        "coinm",
        "options",
    }
    assert {planned.time_unit for planned in made.streams if planned.stream.product == "spot"} == {
        "us"
    }
    assert sum(planned.stream.row.kind == "trade" for planned in made.streams) == 1 + 4


def test_options_of_one_underlying_follow_what_is_listed() -> None:
    names = {
        planned.stream.name
        for planned in plan(load(FOLDER / "options-of-one-underlying.yaml")).streams
    }

    assert names == {
        "btcusdt@optionMarkPrice",
        "btcusdt@optionIndexPrice",
        "btcusdt@openInterest@261225",
        "btcusdt@openInterest@261226",
        "btc-261225-100-c@optionTrade",
        "btc-261226-100-c@optionTrade",
        "btc-261225-100-c@depth@100ms",
        "btc-261226-100-c@depth@100ms",
    }


def test_the_testnet_has_topics_and_hosts_of_its_own() -> None:
    made = plan(load(FOLDER / "testnet.yaml"))

    assert set(made.topics) == {"testnet.binance.spot.trade", "testnet.binance.liquidations"}
    hosts = {connection.endpoint.split("/")[2] for connection in made.connections}
    assert hosts == {"stream.testnet.binance.vision", "fstream.binancefuture.com"}


def test_the_secured_example_reads_none_of_the_files_it_names() -> None:
    security = load(FOLDER / "secured.yaml").settings.kafka.security

    assert security.password_file is not None
    assert not security.password_file.exists()


def test_the_whole_language_is_in_one_file() -> None:
    made = plan(load(FOLDER / "everything.yaml"))

    assert streams("everything.yaml")["binance.perpetuals.agg-trade"] == 2
    assert {planned.key for planned in made.streams} == {"{symbol}", "{product}:{symbol}"}
    assert streams("everything.yaml")["binance.coinm.agg-trade"] == 1
    assert streams("everything.yaml")["binance.options.open-interest"] == 2


def test_examples_show_every_form_of_symbols() -> None:
    forms = [each.symbols for path in FILES for each in load(path).settings.subscriptions]

    assert any(isinstance(form, Filter) and form.top for form in forms)
    assert any(isinstance(form, Filter) and form.underlying for form in forms)
    assert any(not isinstance(form, Filter) and "all" in form for form in forms)
    assert any(not isinstance(form, Filter) and "*" in "".join(form) for form in forms)


def test_every_reader_of_topics_is_run_by_make_example() -> None:
    readers = {
        str(path.relative_to(FOLDER))
        for path in FOLDER.rglob("*.py")
        if '"--registry"' in path.read_text()
    }
    programs = {example.program for example in EXAMPLES.values()}

    assert {program for program in programs if program.endswith(".py")} == readers
    assert [program for program in programs if not (FOLDER / program).is_file()] == []
