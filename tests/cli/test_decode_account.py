"""`bkc decode --account`: what private messages become, and what leaves the terminal."""

import json
from pathlib import Path

import pytest

from connector.errors import Refused
from tests.account.test_samples import LISTEN_KEY, SAMPLES
from tests.cli.test_cli import run


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_sample_becomes_a_record(path: Path) -> None:
    sample = json.loads(path.read_text())

    code, text = run(
        "decode", "--account", "--product", path.parent.name, stdin=json.dumps(sample["frame"])
    )

    shown = json.loads(text)
    assert code == 0
    assert (shown["topic"], shown["key"]) == ("binance.account-events", "account")
    assert shown["timestamp"] == sample["timestamp"]
    assert shown["record"]["event_type"] == sample["record"]["event_type"]
    assert LISTEN_KEY not in text


def test_a_message_that_becomes_no_record_is_named_by_its_number_alone(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_text('{"e":"x","E":1}\n\n{"listenKey":"s3cret"}\nnot json s3cret\n')

    code, text = run("decode", "--account", "--product", "usdm", str(path))

    lines = [json.loads(line) for line in text.splitlines()]
    assert code == 1
    assert [line.get("message") for line in lines] == [None, 2, 3]
    assert lines[1]["dead_letter"] == "shape: no event type: key `e` is missing or no text"
    assert "s3cret" not in text


def test_answers_of_the_ws_api_are_control() -> None:
    answer = '{"id":"u1","status":200,"result":{"subscriptionId":0}}'

    code, text = run("decode", "--account", "--product", "spot", stdin=answer)

    assert (code, json.loads(text)) == (0, {"control": "request u1 was answered: status 200"})


def test_an_unknown_event_with_an_id_is_no_answer() -> None:
    code, text = run("decode", "--account", "--product", "spot", stdin='{"e":"x","id":5}')

    assert code == 0
    assert json.loads(text)["record"]["raw_json"] == '{"e":"x","id":5}'


def test_a_wrapper_that_names_the_event_hides_nothing_of_it() -> None:
    frame = '{"stream":"balanceUpdate","data":{"e":"balanceUpdate","E":1}}'

    _, text = run("decode", "--account", "--product", "spot", stdin=frame)

    assert json.loads(text)["record"]["raw_json"] == '{"e":"balanceUpdate","E":1}'


def test_avro_is_printed_in_hex() -> None:
    _, text = run("decode", "--account", "--avro", "--product", "spot", stdin='{"e":"x"}')

    assert json.loads(text)["avro"].startswith("00000000000e6163636f756e74")  # "account"


def test_a_product_without_streams_needs_account() -> None:
    with pytest.raises(Refused, match="margin has no market streams, only accounts"):
        run("decode", "--product", "margin", stdin="{}")
