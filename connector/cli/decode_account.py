"""Runs `bkc decode --account`: user data events of a file or of standard input, as records."""

import json
import time
from pathlib import Path
from typing import Any

from typer import echo

from connector.account.envelope import unwrap_user_frame
from connector.account.layouts import KIND
from connector.account.records import AccountRecorder
from connector.binance.account_events import account_product
from connector.binance.wsapi_messages import WsApiAnswer, event_type, parse_frame
from connector.cli.decode_run import json_lines
from connector.codec.avro import to_json
from connector.codec.schema import ACCOUNT_EVENTS, load
from connector.errors import BadMessage

ALIAS = "account"  # the key of the records: a capture does not say whose events it holds


def run(product: str, file: Path | None, *, avro: bool) -> int:
    """Print what becomes of each line; return how many became no record.

    Raises:
        Refused: no such product with accounts; no such file.
    """
    recorder, dead_letters = AccountRecorder(ALIAS, account_product(product)), 0
    for number, line in enumerate(json_lines(file), 1):
        shown = _decoded(recorder, line, avro=avro)
        if "dead_letter" in shown:  # not its text: nobody knows which part of it is a secret
            dead_letters += 1
            shown["message"] = number
        echo(json.dumps(shown, ensure_ascii=False))
    return dead_letters


def _decoded(recorder: AccountRecorder, line: bytes, *, avro: bool) -> dict[str, Any]:
    """Return what to print of one line."""
    answer = parse_frame(line)
    if isinstance(answer, WsApiAnswer) and not event_type(line):
        return {"control": f"request {answer.id} was answered: status {answer.status}"}
    try:
        frame = unwrap_user_frame(line)
        record = recorder.record(
            frame.payload,
            time.time_ns() // 1000,
            subscription_id=frame.subscription_id,
            secrets=[frame.stream] if frame.stream else [],
        )
    except BadMessage as error:
        return {"dead_letter": str(error)}
    value, topic = record.encode(0), f"binance.{ACCOUNT_EVENTS}"
    shown: dict[str, Any] = {"topic": topic, "key": ALIAS, "timestamp": record.timestamp}
    return shown | ({"avro": value.hex()} if avro else {"record": to_json(load(KIND).text, value)})
