"""Every user data event has a sample: the frame, and the record it must become."""

import json
from pathlib import Path
from typing import Any

import pytest

from connector.account.envelope import unwrap_user_frame
from connector.binance.account_events import LAYOUTS, account_product
from tests.support.account import ACCOUNT, RECEIVED_US, record_of, shown

SAMPLES = sorted((Path(__file__).parent / "samples").glob("*/*.json"))
LISTEN_KEY = "A1b2C3d4" * 8
BINANCES_NAME = "XyZq"  # of the account, `i`


def event_of(sample: dict[str, Any]) -> str:
    payload = unwrap_user_frame(json.dumps(sample["frame"]).encode()).payload
    event: str = json.loads(payload)["e"]
    return event


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_event_becomes_the_record_and_timestamp_on_file(path: Path) -> None:
    sample = json.loads(path.read_text())
    frame = json.dumps(sample["frame"], separators=(",", ":")).encode()

    record = record_of(account_product(path.parent.name), frame)

    found = shown(record)
    raw = found.pop("raw_json")
    assert found == sample["record"] | {
        "account": ACCOUNT,
        "receive_time": RECEIVED_US // 1000,
        "receive_time_us": RECEIVED_US,
        "origin": "live",
    }
    assert record.timestamp == sample["timestamp"]
    sent = unwrap_user_frame(frame).payload.decode()
    for secret in (LISTEN_KEY, BINANCES_NAME):
        sent = sent.replace(f'"{secret}"', '"***"')
        assert secret not in repr(record.fields)
    assert raw == sent


def test_every_event_of_the_catalogue_has_a_sample() -> None:
    covered = {(path.parent.name, event_of(json.loads(path.read_text()))) for path in SAMPLES}

    assert covered == {(layout.product, layout.event) for layout in LAYOUTS}
    assert len(covered) == 56
