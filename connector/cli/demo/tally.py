"""Events read compared with events sent, by product and kind. No I/O."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.binance.stream_name import parse_any

_SHOWN_FIELDS = (  # the first that a record has is shown
    *("price", "last_price", "close_price", "bid_price", "mark_price", "index_price"),
    *("average_price", "reference_price"),
)
StreamSymbol = tuple[str, str, str]  # product, stream name, symbol
EventKey = tuple[Any, ...]  # values of the row's identity fields


@dataclass(slots=True)
class Tally:
    """Counts of one product and kind."""

    product: str
    kind: str
    topic: str = ""
    sent: int = 0
    read: int = 0
    missing: int = 0  # events without a record
    repeated: int = 0  # records beyond the first of their event
    last: str = ""  # the newest value, for display


@dataclass(slots=True)
class Counts:
    """Every event read.

    Attributes:
        events: How often each was read, by series and event.
        tallies: Counts by product and kind.
        sample: One record, for display.
        filled: A sentence for each gap that was filled.
    """

    events: dict[StreamSymbol, Counter[EventKey]] = field(default_factory=dict)
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    sample: dict[str, Any] | None = None
    dead_letters: int = 0
    filled: list[str] = field(default_factory=list)

    def add_marker(self, marker: Mapping[str, Any]) -> None:
        """Add a marker: a filled gap is described."""
        if marker["state"] == "filled":
            name = f"{marker['product']} {marker['stream_name']}"
            span = f"ids {marker['before_id'] + 1} to {marker['after_id'] - 1}"
            self.filled.append(f"{marker['recovered']} events of {name} ({span})")

    def add(self, topic: str, record: Mapping[str, Any]) -> None:
        """Count one record, as the deserialiser returned it."""
        if record["origin"] == "snapshot":  # an order book from REST: no event of the stream
            return
        product, name, symbol = record["product"], record["stream_name"], record["symbol"]
        row = parse_any(product, name).row
        event = tuple(_on_wire(record[key]) for key in row.identity)
        self.events.setdefault((product, name, symbol), Counter())[event] += 1
        tally = self._tally(product, row.kind)
        tally.topic = topic
        tally.read += 1
        tally.last = _shown(record)
        if self.sample is None and row.kind == "trade":
            self.sample = dict(record)

    def _tally(self, product: str, kind: str) -> Tally:
        return self.tallies.setdefault((product, kind), Tally(product, kind))

    @property
    def read(self) -> int:
        """Records read in all."""
        return sum(tally.read for tally in self.tallies.values())

    def compare(self, sent: Mapping[StreamSymbol, Iterable[EventKey]]) -> list[Tally]:
        """Fill in sent, missing and repeated; return the tallies in order."""
        for tally in self.tallies.values():
            tally.sent = tally.missing = tally.repeated = 0
        for series, events in sent.items():
            product, name, _ = series
            tally = self._tally(product, parse_any(product, name).row.kind)  # type: ignore[arg-type]
            made = Counter(tuple(event) for event in events)
            read = self.events.get(series, Counter())
            tally.sent += made.total()
            tally.missing += (made - read).total()
            tally.repeated += (read - made).total()
        for series in self.events.keys() - sent.keys():
            kind = parse_any(series[0], series[1]).row.kind  # type: ignore[arg-type]
            self.tallies[series[0], kind].repeated += self.events[series].total()
        return sorted(self.tallies.values(), key=lambda tally: (tally.product, tally.kind))


def _on_wire(value: Any) -> Any:
    """Return a time as epoch milliseconds, as it was on the wire."""
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value


def _shown(record: Mapping[str, Any]) -> str:
    """Return symbol and price, or update id, for display."""
    for key in _SHOWN_FIELDS:
        if record.get(key) is not None:
            return f"{record['symbol']} {record[key].normalize():f}"
    return f"{record['symbol']} {record.get('last_update_id', '')}"
