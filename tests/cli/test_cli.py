"""The commands as their users run them."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from connector.cli import app, main
from connector.errors import Fatal, Refused, Retry

SAMPLES = Path(__file__).parent.parent / "golden" / "samples"
FILES = sorted(SAMPLES.glob("*/*.json"))
runner = CliRunner()


def sample_id(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def run(*arguments: str, stdin: str = "") -> tuple[int, str]:
    result = runner.invoke(app, list(arguments), input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_streams_lists_75_rows() -> None:
    code, text = run("streams", "--json")

    rows = json.loads(text)
    assert (code, len(rows)) == (0, 75)
    by_name = {(row["product"], row["pattern"]): row for row in rows}
    row = by_name["usdm", "<symbol>@aggTrade"]
    assert (row["endpoint"], row["kind"], row["topic"]) == (
        "/market",
        "agg-trade",
        "binance.usdm.agg-trade",
    )
    assert by_name["spot", "!ticker@arr"]["status"] == "retired"


@pytest.mark.parametrize("command", [("streams",), ("backfill", "--stream", "trade")])
def test_a_wrong_choice_is_named_with_those_that_are_there(command: tuple[str, ...]) -> None:
    result = runner.invoke(app, [*command, "--product", "futures"])

    wrong = (
        "Invalid value for '--product': 'futures' is not one of 'spot', 'usdm', 'coinm', 'options'"
    )
    assert (result.exit_code, wrong in result.stderr) == (2, True)


def test_streams_of_one_product_as_a_table() -> None:
    code, text = run("streams", "--product", "options")

    assert code == 0
    assert "14 streams" in text


@pytest.mark.parametrize("path", FILES, ids=sample_id)
def test_decode_turns_every_sample_into_its_record(path: Path) -> None:
    sample = json.loads(path.read_text())
    frame = json.dumps({"stream": sample["stream"], "data": sample["data"]})

    code, text = run("decode", "--product", path.parent.name, stdin=frame + "\n")

    [shown] = lines(text)
    ours = ("receive_time", "receive_time_us")
    assert code == 0
    assert shown["key"] == sample["key"]
    assert {k: v for k, v in shown["record"].items() if k not in ours} == {
        k: v for k, v in sample["record"].items() if k not in ours
    }


@pytest.mark.parametrize("path", FILES, ids=sample_id)
def test_decode_recognises_a_raw_payload_or_asks_for_its_name(path: Path) -> None:
    sample = json.loads(path.read_text())
    raw = json.dumps(sample["data"])
    product = path.parent.name
    code, text = run("decode", "--product", product, stdin=raw)
    if code:
        assert "--stream" in text or "dead_letter" in text
        code, text = run("decode", "--product", product, "--stream", sample["stream"], stdin=raw)

    assert code == 0
    assert lines(text)[0]["key"] == sample["key"]


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("!ticker@arr", "symbol-ticker", "ticker"),
        ("!bookTicker", "symbol-bookTicker", "book-ticker"),
    ],
)
def test_decode_reads_retired_streams(name: str, data: str, kind: str) -> None:
    payload = json.loads((SAMPLES / "spot" / f"{data}.json").read_text())["data"]
    payload = [payload] if name.endswith("@arr") else payload

    code, text = run(
        "decode", "--product", "spot", stdin=json.dumps({"stream": name, "data": payload})
    )

    assert code == 0
    assert lines(text)[0]["topic"] == f"binance.spot.{kind}"


def test_decode_says_why_a_frame_is_a_dead_letter(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_text('{"stream":"btcusdt@trade","data":{"e":"trade"}}\nnonsense\n')

    code, text = run("decode", "--product", "spot", str(path))

    assert code == 1
    assert [shown["dead_letter"].split(":")[0] for shown in lines(text)] == ["field", "not JSON"]


def test_decode_tells_control_frames_from_dead_letters() -> None:
    frames = (
        '{"e":"serverShutdown","E":1}',
        '{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}',
        '{"result":null,"id":1}',
        '{"result":["btcusdt@trade"],"id":2}',
        '{"id":3,"error":{"code":2,"msg":"Invalid request"}}',
    )

    code, text = run("decode", "--product", "spot", stdin="\n".join(frames))

    assert code == 0
    assert [shown["control"] for shown in lines(text)] == [
        "serverShutdown: Binance is about to close this connection",
        "serverShutdown: Binance is about to close this connection",
        "request 1 was acknowledged",
        "request 2 was answered: ['btcusdt@trade']",
        "request 3 was refused: code 2, Invalid request",
    ]


def test_decode_shows_a_time_outside_the_calendar_as_a_dead_letter() -> None:
    sample = json.loads((SAMPLES / "spot" / "symbol-trade.json").read_text())
    frame = json.dumps({"stream": sample["stream"], "data": sample["data"] | {"E": 10**17}})

    code, text = run("decode", "--product", "spot", stdin=frame)

    assert code == 1
    assert lines(text)[0]["dead_letter"].endswith("`$.E`: '100000000000000000'")


def test_decode_reads_times_in_microseconds_where_told() -> None:
    sample = json.loads((SAMPLES / "spot" / "symbol-trade.json").read_text())
    micros = {"E": 1_789_964_484_110_321, "T": 1_789_964_484_109_654}
    frame = json.dumps({"stream": sample["stream"], "data": sample["data"] | micros})

    code, text = run("decode", "--product", "spot", "--time-unit", "us", stdin=frame)
    [shown] = lines(text)

    assert (code, shown["timestamp"]) == (0, 1_789_964_484_109)
    found = shown["record"]
    assert (found["event_time"], found["event_time_us"]) == (1_789_964_484_110, micros["E"])
    assert (found["trade_time"], found["trade_time_us"]) == (1_789_964_484_109, micros["T"])


def test_decode_refuses_microseconds_of_a_product_that_has_none() -> None:
    with pytest.raises(Refused, match="--time-unit us is for spot only, usdm has milliseconds"):
        run("decode", "--product", "usdm", "--time-unit", "us", stdin="{}")


def test_decode_prints_avro_in_hex() -> None:
    sample = json.loads((SAMPLES / "spot" / "symbol-trade.json").read_text())
    frame = json.dumps({"stream": sample["stream"], "data": sample["data"]})

    _, text = run("decode", "--product", "spot", "--avro", stdin=frame)

    assert bytes.fromhex(lines(text)[0]["avro"])[:5] == b"\x00\x00\x00\x00\x00"


def test_schema_prints_what_is_registered_and_the_page() -> None:
    _, avsc = run("schema", "trade")
    _, page = run("schema", "trade", "--format", "markdown")

    assert json.loads(avsc)["name"] == "Trade"
    assert page.startswith("# trade\n")


def test_schema_prints_our_own_records_too() -> None:
    _, avsc = run("schema", "marker")
    _, page = run("schema", "progress", "--format", "markdown")

    assert json.loads(avsc)["name"] == "Marker"
    assert "| `open_gaps` | array of strings | Ids of the gaps" in page


def test_schema_writes_a_topic_of_any_prefix_for_the_engines() -> None:
    _, table = run("schema", "md.spot.trade", "--format", "flink-ddl")
    _, module = run("schema", "trade", "--prefix", "md", "--format", "spark")
    _, named = run("schema", "force-order", "--topic", "risk.orders", "--format", "flink-ddl")
    _, document = run("schema", "--all", "--format", "asyncapi")

    assert "CREATE TABLE `md_spot_trade` (" in table
    assert named.count("CREATE TABLE") == named.count("'topic' = 'risk.orders'") == 1
    assert '"md.usdm.trade": "trade",' in module
    assert "binance-account-events" in json.loads(document)["channels"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name one topic or kind, or write --all"),
        (("trade", "--all"), "name one topic or kind, or write --all"),
        (("trad",), "did you mean 'trade'?"),
        (("--all", "--topic", "x"), "--topic is the name of one topic"),
        (("binance.dead-letter",), "binance.dead-letter has no schema"),
    ],
)
def test_schema_refuses_what_it_cannot_show(arguments: tuple[str, ...], message: str) -> None:
    result = runner.invoke(app, ["schema", *arguments])

    assert message in str(result.exception)


def test_check_shows_where_each_stream_goes_and_fits_80_columns(tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    path.write_text(
        "kafka: {bootstrap_servers: 'k:1'}\nschema_registry: {url: 'http://r:1'}\n"
        "subscriptions: [{product: usdm, symbols: [BTCUSDT], streams: [aggTrade]}]\n"
    )

    code, text = run("check", str(path))

    assert code == 0
    assert "btcusdt@aggTrade" in text
    assert "wss://fstream.binance.com/market/stream" in text
    assert max(map(len, text.splitlines()[:-1])) <= 80


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (Refused("wrong"), 2, "wrong"),
        (Retry("away"), 3, "could not reach: away"),
        (Fatal("over"), 4, "gave up: over"),
    ],
)
def test_each_kind_of_error_has_its_exit_code(
    error: Exception, code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise error

    written = io.StringIO()
    monkeypatch.setattr("connector.cli.app", fail)
    # A console of its own: undoing a changed `file` would pin the shared one to this test's.
    monkeypatch.setattr("connector.cli.console.err", Console(file=written, soft_wrap=True))
    monkeypatch.setattr(sys, "argv", ["bkc"])
    with pytest.raises(SystemExit) as caught:
        main()

    assert (caught.value.code, written.getvalue()) == (code, message + "\n")
