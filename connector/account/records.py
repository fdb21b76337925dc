"""User data events, and facts fetched about an account, as records of `account-events`. Pure.

Nothing is dropped: an unknown key, or a value that does not fit its field, is kept in `extra`; an
event of an unknown type has its head and `raw_json`.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from connector.account import identity
from connector.account.draft import RecordDraft
from connector.account.layouts import KIND, WireTree, compile_layout
from connector.account.redaction import redact, redact_value
from connector.binance.account_events import find_fact_layout, find_layout
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
        return event_time if 0 <= event_time <= received + MAX_AHEAD_MS else received

    def encode(self, schema_id: int) -> bytes:
        """Return Confluent-framed Avro."""
        return _encoder.encode(schema_id, self.fields)


class _Compiled(NamedTuple):
    layout: EventLayout
    tree: WireTree
    is_known: bool


class AccountRecorder:
    """Makes the records of one account and product.

    Args:
        account: Its alias.
        product: Its product.
        isolated_symbol: Symbol of an isolated margin account: `market` of its records; else None.
    """

    def __init__(
        self, account: str, product: AccountProduct, isolated_symbol: str | None = None
    ) -> None:
        self._account = account
        self._product = product
        self._market = isolated_symbol
        self._layouts: dict[str, _Compiled] = {}

    def record(
        self,
        payload: bytes,
        received_us: int,
        *,
        subscription_id: int | None = None,
        secrets: Collection[str] = (),
        gap_id: str | None = None,
    ) -> AccountRecord:
        """Return the record of an event's payload, with origin `live`.

        Args:
            payload: JSON of the event, without the wrapper.
            received_us: When it was read, epoch microseconds.
            subscription_id: Of the wrapper, if it has one.
            secrets: Values that must not be kept, such as the listenKey of the connection.
            gap_id: The gap it ends.

        Raises:
            BadMessage: no JSON, no object, or without an event type.
        """
        loose = _decoded(payload)
        event = loose.get("e")
        if not isinstance(event, str) or not event:
            raise BadMessage("shape", "no event type: key `e` is missing or no text")
        compiled = self._layout(event, find_layout(self._product, event))
        values = {"subscriptionId": subscription_id}
        head = {"receive_time_us": received_us, "origin": "live", "gap_id": gap_id}
        head |= {} if self._market is None else {"market": self._market}
        return self._build(payload, loose, compiled, values, secrets, head)

    def fact(
        self,
        event: str,
        row: bytes,
        received_us: int,
        *,
        as_of_ms: int,
        origin: str,
        gap_id: str | None = None,
        market: str | None = None,
        happened_ms: int | None = None,
    ) -> AccountRecord:
        """Return the record of a fact that was fetched: one row of an answer.

        Args:
            event: order_state, fill, balance_state, position_state or risk_state.
            row: JSON of the row.
            received_us: When its answer came, epoch microseconds.
            as_of_ms: When the exchange answered, epoch milliseconds.
            origin: reconcile or snapshot.
            gap_id: The gap it belongs to.
            market: UM or CM of portfolio margin: which market's answer it is from.
            happened_ms: Its transaction time, where the row has none that can be relied on.

        Raises:
            BadMessage: no JSON, or no object.
        """
        compiled = self._layout(f"fact {event}", find_fact_layout(self._product, event), event)
        head = {"receive_time_us": received_us, "origin": origin, "gap_id": gap_id}
        head["as_of"] = as_of_ms
        market = self._market if market is None else market
        head |= {} if market is None else {"market": market}
        head |= {} if happened_ms is None else {"transaction_time": happened_ms}
        return self._build(row, _decoded(row), compiled, {"as_of": as_of_ms}, (), head)

    def _build(
        self,
        payload: bytes,
        loose: dict[str, Any],
        compiled: _Compiled,
        values: Mapping[str, Any],
        secrets: Collection[str],
        head: dict[str, Any],
    ) -> AccountRecord:
        """Return a record.

        `values` beside the payload may be part of its dedupe key. What the payload says goes before
        `head`.
        """
        layout = compiled.layout
        draft = RecordDraft(dict(head))
        draft.take(loose, compiled.tree)
        self._settle_fill(layout, loose, draft.record)
        digest = identity.payload_digest(payload)
        # Some wrappers name the event: that is no secret.
        hidden = {*secrets, *identity.secrets_of(layout, loose)} - {layout.event}
        unknown = draft.extra if compiled.is_known else {}  # else it is in raw_json alone
        extra = redact_value(unknown, hidden)
        fields = {
            **draft.record,
            "account": self._account,
            "product": layout.product,
            "event_type": layout.event,
            "receive_time": head["receive_time_us"] // 1000,
            "dedupe_key": identity.dedupe_key(
                self._account, layout, {**loose, **values}, digest, head.get("market")
            ),
            "extra": json.dumps(extra, separators=(",", ":")) if extra else None,
            "raw_json": redact(payload, loose, hidden),
        }
        return AccountRecord(fields, digest, compiled.is_known, tuple(unknown))

    def _layout(self, name: str, found: EventLayout | None, event: str = "") -> _Compiled:
        """Return a layout, compiled; of an unknown type the guess at its head."""
        if name not in self._layouts:
            layout = found or EventLayout(self._product, event or name, _GUESSED, ())
            if len(self._layouts) >= MAX_LAYOUTS:
                self._layouts.clear()
            tree = compile_layout(layout)
            self._layouts[name] = _Compiled(layout, tree, found is not None)
        return self._layouts[name]

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
    execution = identity.value_at(loose, rule.execution) if rule.execution else ""
    executed = not rule.execution or (isinstance(execution, str) and execution in FILL_EXECUTIONS)
    return executed and record["fill"].get("quantity") != ZERO


def _decoded(payload: bytes) -> dict[str, Any]:
    """Return an event or a row, decoded."""
    try:
        loose = _decode(payload)
    except _UNREADABLE as error:
        raise BadMessage("json", str(error)) from error
    if not isinstance(loose, dict):
        raise BadMessage("shape", f"a {type(loose).__name__} where an object was expected")
    return loose
