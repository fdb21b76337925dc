"""What a start says of itself: where from, where to."""

from pathlib import Path

import pytest
import structlog

from connector.codec.schema import own_topics
from connector.config.plan import plan_of
from connector.telemetry import events, logs
from connector.worker.start_summary import Facts, start_summary
from tests.support.config import GOOD, loaded

OWN = [*own_topics("binance"), "binance.dead-letter"]


def summary(folder: Path, text: str = GOOD) -> Facts:
    file = loaded(folder, text)
    return {
        **start_summary(file, plan_of(file), "binance.market.0", "native 1"),
        "config": "connector.yaml",
    }


def test_exchange_hosts_cluster_registry_and_topics_are_said(tmp_path: Path) -> None:
    assert summary(tmp_path) == {
        "config": "connector.yaml",
        "exchange": "production",
        "spot": "wss://stream.binance.com:9443; REST https://api.binance.com",
        "kafka": "kafka-1:9092, PLAINTEXT",
        "writer": "binance.market.0, exactly_once",
        "codec": "native 1",
        "registry": "http://registry:8081",
        "topics": ["binance.spot.trade", *OWN],
    }


def test_that_no_exchange_is_named_is_said(tmp_path: Path) -> None:
    silent = GOOD.replace("exchange: production\n", "")

    assert summary(tmp_path, silent)["exchange"] == "production (the config file names none)"


def test_addresses_of_the_file_are_said(tmp_path: Path) -> None:
    own = GOOD.replace("production", "{spot: {streams: 'ws://lab:1', rest: 'http://lab:2'}}")

    facts = summary(tmp_path, own)

    assert facts["exchange"] == "addresses of the config file"
    assert facts["spot"] == "ws://lab:1; REST http://lab:2"


def test_what_depends_on_listings_is_said_to_be_open(tmp_path: Path) -> None:
    facts = summary(tmp_path, GOOD.replace("[BTCUSDT]", "all"))

    assert facts["spot"] == "wss://stream.binance.com:9443; REST https://api.binance.com"
    assert facts["topics"] == [*OWN, "and those of the symbols that the exchange lists"]


def test_a_login_shows_the_user_and_never_the_password(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("open-sesame")
    security = (
        f"9092\n  security: {{protocol: SASL_SSL, mechanism: PLAIN, username: me,"
        f" password_file: {tmp_path}/word}}"
    )

    facts = summary(tmp_path, GOOD.replace("9092", security))

    assert facts["kafka"] == "kafka-1:9092, SASL_SSL as me"
    assert "open-sesame" not in str(facts)


def test_the_console_shows_a_block(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    logs.configure(json=False)
    events.starting("1.2.3", summary(tmp_path))
    structlog.reset_defaults()

    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith(" starting version=1.2.3")
    assert lines[1:] == [
        "    config    connector.yaml",
        "    exchange  production",
        "    spot      wss://stream.binance.com:9443; REST https://api.binance.com",
        "    kafka     kafka-1:9092, PLAINTEXT",
        "    writer    binance.market.0, exactly_once",
        "    codec     native 1",
        "    registry  http://registry:8081",
        f"    topics    {', '.join(['binance.spot.trade', *OWN])}",
    ]
