"""`bkc check` as its users run it: what a file means, offline."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.cli import app
from connector.errors import Refused

DEMO = Path(__file__).parents[2] / "examples" / "demo.yaml"
HEAD = "kafka: {bootstrap_servers: 'k:1'}\nschema_registry: {url: 'http://r:1'}\nsubscriptions:\n"


def check(folder: Path, *subscriptions: str) -> list[str]:
    """Return the lines `bkc check` prints, the folder left out."""
    path = folder / "connector.yaml"
    path.write_text(HEAD + "".join(f"  - {line}\n" for line in subscriptions))
    result = CliRunner().invoke(app, ["check", str(path)])
    if isinstance(result.exception, Refused):
        raise result.exception
    assert result.exit_code == 0
    return result.stdout.replace(f"{folder}/", "").splitlines()


def test_a_file_of_names_is_shown_whole(tmp_path: Path) -> None:
    lines = check(tmp_path, "{product: spot, symbols: [BTCUSDT, ETHUSDT], streams: trade}")

    assert [line.split() for line in lines[:3]] == [
        ["stream", "topic", "connection"],
        ["btcusdt@trade", "binance.spot.trade", "spot-1"],
        ["ethusdt@trade", "binance.spot.trade", "spot-1"],
    ]
    assert lines[-1] == "connector.yaml is good: 2 streams on 1 connection into 1 topic"


def test_what_only_the_exchange_knows_is_said_and_no_error(tmp_path: Path) -> None:
    lines = check(tmp_path, "{product: spot, symbols: {quote: USDT, top: 50}, streams: trade}")

    assert lines == [
        "connector.yaml:4: subscriptions[0].symbols: spot top 50 by 24 h volume of quote USDT:"
        " asked at the start; bkc plan shows them",
        "",
        "connector.yaml is good: what it reads is asked of the exchange at the start",
    ]


def test_names_are_shown_beside_what_is_asked_for(tmp_path: Path) -> None:
    lines = check(
        tmp_path,
        "{product: usdm, symbols: [BTCUSDT, 'ETH*'], streams: aggTrade}",
        "{product: options, symbols: [BTCUSDT], streams: '<underlying>@openInterest@<yymmdd>'}",
    )

    assert "btcusdt@aggTrade" in lines[1]
    assert lines[-4:] == [
        "connector.yaml:4: subscriptions[0].symbols: usdm BTCUSDT, symbols like ETH*:"
        " asked at the start; bkc plan shows them",
        "connector.yaml:5: subscriptions[1].streams[0]: <yymmdd> of"
        " <underlying>@openInterest@<yymmdd> is asked at the start; bkc plan shows them",
        "",
        "connector.yaml is good: 1 stream on 1 connection into 1 topic,"
        " and what the exchange lists",
    ]


def test_a_warning_has_its_place(tmp_path: Path) -> None:
    lines = check(
        tmp_path,
        "{product: usdm, symbols: [BTCUSDT], streams: [markPrice@1s]}",
        "{product: usdm, streams: ['!markPrice@arr@1s']}",
    )

    [warning] = [line for line in lines if line.startswith("warning: ")]
    assert warning.startswith("warning: connector.yaml:5: subscriptions[1].streams[0]: ")


def test_each_thing_to_know_of_the_demos_file_is_one_line() -> None:
    result = CliRunner().invoke(app, ["check", str(DEMO)])

    warnings = [line for line in result.stdout.splitlines() if line.startswith("warning: ")]
    assert [warning.count("has the events of") for warning in warnings] == [1, 0]
    assert [warning.count("without an API key") for warning in warnings] == [0, 1]


def test_a_wrong_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"connector\.yaml:4: subscriptions\[0\]\.streams\[0\]: "):
        check(tmp_path, "{product: spot, symbols: [BTCUSDT], streams: trades}")


KEYED = "{product: usdm, symbols: [BTCUSDT, ETHUSDT], streams: [trade, aggTrade]}"


def test_streams_whose_backfill_needs_a_key_that_is_not_there_are_warned_of(
    tmp_path: Path,
) -> None:
    lines = check(tmp_path, KEYED)

    [warning] = [line for line in lines if line.startswith("warning: ")]
    assert warning == (
        "warning: usdm <symbol>@trade (2 streams): what is missed cannot be fetched without an API"
        " key: name its file in backfill.api_key_file (the key needs no permission), or set"
        " backfill.enabled: false"
    )


@pytest.mark.parametrize("backfill", ["{api_key_file: /etc/bkc/api-key}", "{enabled: false}"])
def test_with_a_key_or_without_backfill_there_is_nothing_to_warn_of(
    tmp_path: Path, backfill: str
) -> None:
    lines = check(tmp_path, KEYED + f"\nbackfill: {backfill}\n#")
    assert [line for line in lines if "what is missed cannot be fetched" in line] == []


def test_a_file_that_is_not_there_is_warned_of(tmp_path: Path) -> None:
    lines = check(tmp_path, KEYED + "\nbackfill: {api_key_file: /nowhere/api-key}\n#")

    [warning] = [line for line in lines if line.startswith("warning: ")]
    assert warning == (
        "warning: connector.yaml:5: backfill.api_key_file: cannot read /nowhere/api-key:"
        " No such file or directory; the worker needs it"
    )


def test_the_file_may_be_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + "  - {product: spot, symbols: [BTCUSDT], streams: trade}\n")
    monkeypatch.setenv("BKC_CONFIG_FILE", str(path))

    result = CliRunner().invoke(app, ["check"])

    assert (result.exit_code, "btcusdt@trade" in result.stdout) == (0, True)


def test_the_kafka_of_an_account_worker_is_looked_at_by_the_doctor() -> None:
    path = DEMO.parent / "account.yaml"

    result = CliRunner().invoke(app, ["check", "--online", str(path)])

    assert str(result.exception) == (
        f"--online is for the market worker's file; run: bkc doctor account {path}"
    )


def test_an_account_workers_file_is_shown_by_account_and_product() -> None:
    path = DEMO.parent / "account.yaml"

    lines = CliRunner().invoke(app, ["check", str(path)]).stdout.splitlines()

    assert [line.split() for line in lines[1:7]] == [
        ["desk-1", "spot", "session-logon", "binance.account-events"],
        ["desk-1", "margin", "listen-token", "binance.account-events"],
        ["desk-1", "usdm", "listen-key", "binance.account-events"],
        ["desk-1", "coinm", "listen-key", "binance.account-events"],
        ["desk-2", "spot", "signature", "binance.account-events-desk-2"],
        ["desk-2", "margin.BTCUSDT", "listen-token", "binance.account-events-desk-2"],
    ]
    assert lines[-1] == f"{path} is good: 6 subscriptions of 2 accounts"
