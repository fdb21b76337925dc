"""What was read against what was sent, per product and kind. No I/O."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.binance.stream_name import parse_any

HEADLINES = (
    "price",
    "last_price",
    "close_price",
    "bid_price",
    "mark_price",
    "index_price",
    "average_price",
    "reference_price",
)
Series = tuple[str, str, str]  # product, stream name, symbol
Identity = tuple[Any, ...]


@dataclass(slots=True)
class Tally:
    """One product and kind: events sent, read, missing, read more than once, and the newest."""

    product: str
    kind: str
    topic: str = ""
    sent: int = 0
    read: int = 0
    missing: int = 0
    repeated: int = 0
    last: str = ""


@dataclass(slots=True)
class Counts:
    """Every event read, by series and identity."""

    events: dict[Series, Counter[Identity]] = field(default_factory=dict)
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    sample: dict[str, Any] | None = None
    books: int = 0
    healed: list[str] = field(default_factory=list)

    def add_marker(self, marker: Mapping[str, Any]) -> None:
        """Note what became of a gap."""
        if marker["state"] == "filled":
            name = f"{marker['product']} {marker['stream_name']}"
            span = f"ids {marker['before_id'] + 1} to {marker['after_id'] - 1}"
            self.healed.append(f"{marker['recovered']} events of {name} ({span})")

    def add(self, topic: str, record: Mapping[str, Any]) -> None:
        """Count one record as the deserialiser gave it."""
        if record["origin"] == "snapshot":  # a book to start from: no event of the stream
            self.books += 1
            return
        product, name, symbol = record["product"], record["stream_name"], record["symbol"]
        row = parse_any(product, name).row
        identity = tuple(_plain(record[key]) for key in row.identity)
        self.events.setdefault((product, name, symbol), Counter())[identity] += 1
        tally = self.tallies.setdefault((product, row.kind), Tally(product, row.kind))
        tally.topic = topic
        tally.read += 1
        tally.last = _headline(record)
        if self.sample is None and row.kind == "trade":
            self.sample = dict(record)

    @property
    def read(self) -> int:
        """Records read in all."""
        return sum(tally.read for tally in self.tallies.values())

    def compare(self, sent: Mapping[Series, Iterable[Identity]]) -> list[Tally]:
        """Fill in sent, missing and repeated; return the tallies in order."""
        for tally in self.tallies.values():
            tally.sent = tally.missing = tally.repeated = 0
        for series, identities in sent.items():
            product, name, _ = series
            kind = parse_any(product, name).row.kind  # type: ignore[arg-type]
            tally = self.tallies.setdefault((product, kind), Tally(product, kind))
            wanted = Counter(tuple(identity) for identity in identities)
            found = self.events.get(series, Counter())
            tally.sent += wanted.total()
            tally.missing += (wanted - found).total()
            tally.repeated += (found - wanted).total()
        for series in self.events.keys() - sent.keys():
            kind = parse_any(series[0], series[1]).row.kind  # type: ignore[arg-type]
            self.tallies[series[0], kind].repeated += self.events[series].total()
        return sorted(self.tallies.values(), key=lambda tally: (tally.product, tally.kind))


def _plain(value: Any) -> Any:
    """Return a time as the epoch milliseconds that were on the wire."""
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value


def _headline(record: Mapping[str, Any]) -> str:
    """Return the one value a person would look at."""
    for key in HEADLINES:
        if record.get(key) is not None:
            return f"{record['symbol']} {record[key].normalize():f}"
    return f"{record['symbol']} {record.get('last_update_id', '')}"
