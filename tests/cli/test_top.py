"""The picture of `bkc top`, of workers that answer and of one that does not."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from connector.cli import app
from connector.cli.top_run import _status
from connector.cli.top_view import seconds, sparkline, view
from tests.support.waiting import until
from tests.support.worker import world

STATUS: dict[str, Any] = {
    "parts": {"kafka": {"met": False, "cause": "no broker [answers]"}},
    "lags": {
        "source": {"p50": 0.005, "p99": 0.05},
        "publish": {"p50": 0.1, "p99": 0.25},
        "end_to_end": {"p50": 0.1, "p99": 2.5},
        "oldest_unacked": 12.0,
        "silence": {"spot.trade": 30.0, "spot.kline": 0.2},
    },
    "queue": {"bytes": 25, "limit_bytes": 100},
    "rates": {"spot.kline": [1.0, 2.0], "spot.trade": [0.0, 5.0]},
    "open_gaps": [
        {"series": "spot/btcusdt@trade/BTCUSDT", "age_s": 75.0, "reason": "sequence", "missing": 7}
    ],
    "connections": {
        "spot-0": {
            "subscribed": 1, "streams": 2, "flowing": False, "stale": [], "age_s": None,
            "replaced_in_s": None,
        }
    },
    "problems": [
        {"time": "2026-12-01T10:11:12Z", "level": "warning", "event": "kafka_trouble",
         "count": 3, "fields": {"cause": "away [x]"}}
    ],
}  # fmt: skip


def drawn(answers: dict[str, Any], sort: str = "name") -> str:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(view(answers, sort))
    return console.export_text()


def test_a_worker_shows_what_is_wrong_with_it() -> None:
    text = drawn({"http://a": STATUS})

    for shown in (
        "not ready: kafka", "kafka: no broker [answers]", "end_to_end ≤2.5 s",
        "unacked 12.0 s  hold 25% full",
        "spot/btcusdt@trade/BTCUSDT", "no data", "10:11:12", "kafka_trouble x3", "cause: away [x]",
    ):  # fmt: skip
        assert shown in text


def test_an_account_worker_shows_its_accounts_and_no_table_without_rows() -> None:
    account = {"right": False, "cause": "asks", "events": {"new": 1200, "repeated": 34}}
    text = drawn({"http://a": {"accounts": {"desk-1/spot": account}, "uptime_s": 5.0}})

    assert re.search(r"desk-1/spot +not right +1,234 +asks", text)
    assert "lag" not in text
    assert "events/s" not in text


def test_a_standby_is_named_as_such() -> None:
    text = drawn({"http://a": {"role": "standby", "parts": {}, "uptime_s": 5.0}})

    assert "standby, ready, up" in text


def test_streams_are_sorted_as_asked() -> None:
    orders = {
        sort: re.findall(r"spot\.(trade|kline)", drawn({"http://a": STATUS}, sort))
        for sort in ("name", "rate", "silence")
    }

    assert orders == {
        "name": ["kline", "trade"], "rate": ["trade", "kline"], "silence": ["trade", "kline"],
    }  # fmt: skip


def test_a_worker_that_does_not_answer_stands_beside_one_that_does() -> None:
    text = drawn({"http://a": STATUS, "http://b": "nobody listens"})

    assert "nobody listens" in text
    assert "spot.trade" in text


def test_bars_are_relative_to_the_largest() -> None:
    assert (sparkline([0.0, 4.0, 8.0]), sparkline([]), sparkline([0.0])) == (" ▄█", "", " ")


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "-"), (0.25, "250 ms"), (5.0, "5.0 s"), (600.0, "10 min"), (9_000.0, "2.5 h")],
)
def test_times_are_for_people(number: float | None, text: str) -> None:
    assert seconds(number) == text


def test_with_once_and_nobody_there_the_exit_code_says_so() -> None:
    done = CliRunner().invoke(app, ["top", "--once", "http://127.0.0.1:1"])

    assert done.exit_code == 3
    assert "127.0.0.1:1" in done.stdout


@pytest.mark.lab
async def test_what_a_real_worker_shows_can_be_drawn(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.until_flowing()
        await until(lambda: here.published("btcusdt@trade") > 0)
        here.worker.history.look()
        url = f"http://127.0.0.1:{here.worker.server.port}"
        text = drawn({url: await _status(url)})
        assert isinstance(await _status(url.removeprefix("http://")), dict)

    assert "ready, up" in text
    assert "spot.trade" in text
    assert "flows" in text
