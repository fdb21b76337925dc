"""User data events as records of `<prefix>.account-events`. Pure.

Nothing is dropped: an unknown key, or a value that does not fit its field, is kept in `extra`; an
event of an unknown type has its head and `raw_json`.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from connector.account import identity
from connector.account.layouts import (
    KIND,
    PASSED,
    ArrayTarget,
    FieldTarget,
    UnfitValue,
    WireTree,
    compile_layout,
)
from connector.account.redaction import redact, redact_value
from connector.binance.account_events import find_layout
from connector.binance.account_events.layout import (
    FILL_EXECUTIONS,
    AccountProduct,
    EventLayout,
    FillRule,
)
from connector.codec.record_encoder import RecordEncoder
from connector.codec.schema import load
from connector.errors import BadMessage

ZERO = b"\x00"  # Avro's bytes of the decimal 0
MAX_LAYOUTS = 256  # compiled ones: unknown types must not fill the memory
MAX_AHEAD_MS = 300_000  # a record is not stamped further ahead of our clock
# What is taken for the head of an event of unknown type.
_GUESSED = {"E": "event_time", "s": "symbol"}
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_encoder = RecordEncoder(load(KIND))
# Bare decimals stay exact: they are taken as texts.
_decode = msgspec.json.Decoder(float_hook=str).decode


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """One event's record.

    Attributes:
        fields: By the schema `account-event`, what is not null; decimals as Avro's bytes, times in
            epoch ms.
        digest: Of the payload: two events of one `dedupe_key` and two digests are both kept.
        is_known: The event's type has a layout.
        unknown: Wire paths whose values are in `extra`.
    """

    fields: dict[str, Any]
    digest: str
    is_known: bool
    unknown: tuple[str, ...]

    @property
    def timestamp(self) -> int:
        """Kafka's timestamp: the event's time, else ours; epoch milliseconds."""
        received: int = self.fields["receive_time"]
        event_time: int = self.fields.get("event_time", received)
        return event_time if event_time <= received + MAX_AHEAD_MS else received

    def encode(self, schema_id: int) -> bytes:
        """Return Confluent-framed Avro."""
        return _encoder.encode(schema_id, self.fields)


@dataclass(slots=True)
class _Draft:
    """A record that is being filled."""

    record: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def put(self, target: FieldTarget, value: Any) -> None:
        """Convert a value and put it into its field; raises UnfitValue."""
        converted = target.convert(value)
        if converted is None:
            return
        if not target.section:
            self.record[target.name] = converted
        elif target.in_array:
            self.record.setdefault(target.section, [{}])[0][target.name] = converted
        else:
            self.record.setdefault(target.section, {})[target.name] = converted

    def take(self, node: Mapping[str, Any], tree: WireTree, above: str = "") -> None:
        """Put every value of an object where the tree says, or into `extra`."""
        for key, value in node.items():
            known = tree.get(key)
            if value is None and known is not None:
                continue
            if isinstance(known, FieldTarget):
                self._take_value(known, value, above + key)
            elif isinstance(known, dict) and isinstance(value, dict):
                self.take(value, known, f"{above}{key}.")
            elif isinstance(known, ArrayTarget) and isinstance(value, list):
                self._take_items(known, value, above + key)
            elif known is not PASSED:
                self.extra[above + key] = value

    def _take_value(self, target: FieldTarget, value: Any, path: str) -> None:
        if value == "":
            return
        try:
            self.put(target, value)
        except UnfitValue:
            self.extra[path] = value

    def _take_items(self, array: ArrayTarget, values: list[Any], path: str) -> None:
        items = self.record.setdefault(array.section, [])
        for position, value in enumerate(values):
            if not isinstance(value, dict):
                self.extra[f"{path}.{position}"] = value
                continue
            item: dict[str, Any] = {}
            items.append(item)
            for key, part in value.items():
                self._take_part(array, item, f"{path}.{position}.{key}", key, part)

    def _take_part(
        self, array: ArrayTarget, item: dict[str, Any], path: str, key: str, part: Any
    ) -> None:
        target = array.keys.get(key)
        try:
            if target is None:
                self.extra[path] = part
            elif part is not None and part != "":
                item[target.name] = target.convert(part)
        except UnfitValue:
            self.extra[path] = part


class AccountRecorder:
    """Makes the records of one account and product; `account` is its alias."""

    def __init__(self, account: str, product: AccountProduct) -> None:
        self._account = account
        self._product = product
        self._layouts: dict[str, tuple[EventLayout, WireTree]] = {}

    def record(
        self,
        payload: bytes,
        received_us: int,
        *,
        subscription_id: int | None = None,
        secrets: Collection[str] = (),
        origin: str = "live",
        gap_id: str | None = None,
    ) -> AccountRecord:
        """Return the record of an event's payload.

        Args:
            payload: JSON of the event, without the wrapper.
            received_us: When it was read, epoch microseconds.
            subscription_id: Of the wrapper, if it has one.
            secrets: Values that must not be kept, such as the listenKey of the connection.
            origin: live, reconcile or snapshot.
            gap_id: The gap it belongs to.

        Raises:
            BadMessage: no JSON, no object, or without an event type.
        """
        loose, event = _decoded(payload)
        layout, tree = self._layout(event)
        is_known = layout.fields is not _GUESSED
        draft = _Draft()
        draft.take(loose, tree)
        digest = identity.payload_digest(payload)
        key = identity.dedupe_key(self._account, layout, loose, digest, subscription_id)
        self._settle_fill(layout, loose, draft.record)
        secrets = [secret for secret in secrets if secret != event]  # some wrappers name the event
        unknown = draft.extra if is_known else {}  # else all of it is in raw_json alone
        extra = redact_value(unknown, secrets)
        fields = draft.record | {
            "account": self._account,
            "product": layout.product,
            "event_type": event,
            "receive_time": received_us // 1000,
            "receive_time_us": received_us,
            "origin": origin,
            "gap_id": gap_id,
            "dedupe_key": key,
            "extra": json.dumps(extra, separators=(",", ":")) if extra else None,
            "raw_json": redact(payload, loose, secrets),
        }
        return AccountRecord(fields, digest, is_known, tuple(unknown))

    def _layout(self, event: str) -> tuple[EventLayout, WireTree]:
        """Return an event's layout, compiled; of an unknown type the guess at its head."""
        if event not in self._layouts:
            found = find_layout(self._product, event)
            layout = found or EventLayout(self._product, event, _GUESSED, ())
            if len(self._layouts) >= MAX_LAYOUTS:
                self._layouts.clear()
            self._layouts[event] = layout, compile_layout(layout)
        return self._layouts[event]

    def _settle_fill(
        self, layout: EventLayout, loose: Mapping[str, Any], record: dict[str, Any]
    ) -> None:
        """Keep the fill of an event that has one, with its key; else clear its fields."""
        if layout.fill is None or not _is_fill(layout.fill, loose, record):
            record.pop("fill", None)
            record.pop("trade_id", None)
        elif "symbol" in record and "order_id" in record:
            record["fill_key"] = identity.fill_key(
                self._account,
                layout.product,
                record["symbol"],
                record["trade_id"],
                record["order_id"],
                record.get("market"),
            )


def _is_fill(rule: FillRule, loose: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    if "fill" not in record or record.get("trade_id", rule.no_trade) == rule.no_trade:
        return False
    executed = not rule.execution or identity.value_at(loose, rule.execution) in FILL_EXECUTIONS
    return executed and record["fill"].get("quantity") != ZERO


def _decoded(payload: bytes) -> tuple[dict[str, Any], str]:
    """Return an event decoded, and its type."""
    try:
        loose = _decode(payload)
    except _UNREADABLE as error:
        raise BadMessage("json", str(error)) from error
    if not isinstance(loose, dict):
        raise BadMessage("shape", f"a {type(loose).__name__} where an object was expected")
    event = loose.get("e")
    if not isinstance(event, str) or not event:
        raise BadMessage("shape", "no event type: key `e` is missing or no text")
    return loose, event
