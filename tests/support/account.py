"""Account records as tests compare them: what is not null, in JSON's types."""

from typing import Any

from connector.account.envelope import unwrap_user_frame
from connector.account.layouts import KIND
from connector.account.records import AccountRecord, AccountRecorder
from connector.binance.account_events.layout import AccountProduct
from connector.codec.schema import load
from tests.golden.test_golden import plain
from tests.support import avro_oracle

ACCOUNT = "desk-1"
RECEIVED_US = 1_794_000_005_000_123


def record_of(product: AccountProduct, frame: bytes, **options: Any) -> AccountRecord:
    """Return the record of a frame, wrapped or raw."""
    taken = unwrap_user_frame(frame)
    secrets = (taken.stream,) if taken.stream else ()
    return AccountRecorder(ACCOUNT, product).record(
        taken.payload,
        RECEIVED_US,
        subscription_id=taken.subscription_id,
        secrets=secrets,
        **options,
    )


def shown(record: AccountRecord) -> dict[str, Any]:
    """Return what another reader of Avro finds in a record's bytes, without nulls."""
    read: dict[str, Any] = _without_nulls(
        plain(avro_oracle.read_avro(load(KIND), record.encode(7)))
    )
    return read


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_nulls(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None and item != []}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
