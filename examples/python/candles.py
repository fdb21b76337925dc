"""One-minute candles of trades, each held back until it is known to be complete.

    python examples/python/candles.py --brokers kafka-1:9092 --registry http://registry:8081 \\
        --topic binance.spot.trade

Copy what you need: it is plain consumer code. Three topics decide: the trades, `<prefix>.markers`
(what is missing) and `<prefix>.progress` (how far each series is complete). Trades that the
connector fetches after a gap come late, with their old time: the candle takes them, and is shown
once more if it had been shown. A minute without a trade has no candle.
Needs `pip install 'confluent-kafka[avro,schemaregistry]'`.
"""

import argparse
import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

Record = Mapping[str, Any]
Series = tuple[str, str, str]  # product, stream name, symbol
Window = tuple[Series, int]  # the int: epoch ms of its begin
# open: progress has not passed its end. filling: nor can it, because a gap is being filled.
# whole: nothing is missing. lacking: what is missing is lost. cut: reading began or ended in it.
Status = Literal["open", "filling", "whole", "lacking", "cut"]
KEPT_WINDOWS = 180  # settled ones of each series; later corrections of older ones are left out
CHECK_S = 1.0  # between two looks at progress


@dataclass(slots=True)
class Candle:
    """Prices and amounts of the trades of one window; `fetched` of them came by backfill."""

    first: tuple[int, Decimal]  # trade id, price
    last: tuple[int, Decimal]
    high: Decimal
    low: Decimal
    volume: Decimal = Decimal(0)
    value: Decimal = Decimal(0)  # price * quantity
    count: int = 0
    fetched: int = 0

    def add(self, number: int, price: Decimal, quantity: Decimal, *, fetched: bool) -> None:
        """Add a trade; they need not come in order."""
        self.first, self.last = min(self.first, (number, price)), max(self.last, (number, price))
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.volume, self.value = self.volume + quantity, self.value + price * quantity
        self.count, self.fetched = self.count + 1, self.fetched + fetched

    @property
    def vwap(self) -> Decimal:
        """The mean price, weighted by volume."""
        return self.value / self.volume if self.volume else self.last[1]


@dataclass(slots=True)
class Candles:
    """The candles of every series, and what is known of their completeness.

    Attributes:
        length_ms: Length of a window.
        complete_until: Epoch ms by series: all that is earlier has been read, or is marked.
        heard: What the newest progress of each series says; `complete_until` follows it.
        gaps: The last marker of each gap, by series and gap id.
        edges: Epoch ms by series at which reading of the exchange began or ended.
    """

    length_ms: int
    candles: dict[Window, Candle] = field(default_factory=dict)
    complete_until: dict[Series, int] = field(default_factory=dict)
    gaps: dict[Series, dict[str, Record]] = field(default_factory=dict)
    edges: dict[Series, set[int]] = field(default_factory=dict)
    heard: dict[Series, tuple[tuple[int, int], int]] = field(default_factory=dict)
    _shown: dict[Window, tuple[Any, ...]] = field(default_factory=dict)

    def add_trade(self, trade: Record) -> None:
        """Add a trade to the window of its time, unless it is an id without a fill (USD-M)."""
        at_ms, number, price = ms(trade["trade_time"]) or 0, trade["trade_id"], trade["price"]
        window = series_of(trade), at_ms - at_ms % self.length_ms
        if not trade["quantity"] or self._is_forgotten(window):
            return
        if window not in self.candles:
            self.candles[window] = Candle((number, price), (number, price), price, price)
        fetched = trade["origin"] == "backfill"
        self.candles[window].add(number, price, trade["quantity"], fetched=fetched)

    def add_marker(self, marker: Record) -> None:
        """Take a marker; of those of one gap the last one counts."""
        series = series_of(marker)
        if marker["state"] in ("started", "stopped"):
            edge = ms(marker["after_time" if marker["state"] == "started" else "before_time"])
            self.edges.setdefault(series, set()).add(edge or 0)
        else:
            self.gaps.setdefault(series, {})[marker["gap_id"]] = marker

    def add_progress(self, progress: Record) -> None:
        """Take a progress record; of those of one series the newest counts."""
        rank = progress["generation"] or 0, progress["commit_number"]
        series, until = series_of(progress), ms(progress["complete_until"]) or 0
        self.heard[series] = max(self.heard.get(series, (rank, until)), (rank, until))

    def status(self, window: Window) -> Status:
        """Say whether a window is complete."""
        series, start = window
        end = start + self.length_ms
        gaps = self.gaps.get(series, {}).values()
        states = {gap["state"] for gap in gaps if touches(gap, start, end)}
        if "opened" in states:
            return "filling"
        if self.complete_until.get(series, 0) < end:
            return "open"
        if any(start <= edge < end for edge in self.edges.get(series, ())):
            return "cut"
        return "lacking" if states & {"partial", "unfillable"} else "whole"

    def changed(self) -> Iterator[tuple[Window, Candle, Status]]:
        """Yield candles that are no longer open, when they or their status are new."""
        for window, candle in sorted(self.candles.items(), key=lambda item: item[0][1]):
            status = self.status(window)
            shown = (status,) if status in ("open", "filling") else (status, candle.count)
            if status != "open" and self._shown.get(window) != shown:
                self._shown[window] = shown
                yield window, candle, status
        for window in [each for each in self.candles if self._is_forgotten(each)]:
            del self.candles[window], self._shown[window]

    def _is_forgotten(self, window: Window) -> bool:
        series, start = window
        return start < self.complete_until.get(series, 0) - KEPT_WINDOWS * self.length_ms


def touches(gap: Record, start: int, end: int) -> bool:
    """Say whether events of a window may be in a gap; an unknown edge is as far as can be."""
    before, after = ms(gap["before_time"]), ms(gap["after_time"])
    return (before is None or before < end) and (after is None or after >= start)


def series_of(record: Record) -> Series:
    """Return what has one sequence of ids."""
    return record["product"], record["stream_name"], record["symbol"]


def ms(time: datetime | None) -> int | None:
    """Return epoch milliseconds."""
    return None if time is None else round(time.timestamp() * 1000)


def line(window: Window, candle: Candle, status: Status) -> str:
    """Return a candle as a line for people."""
    (_, _, symbol), start = window
    prices = (candle.first[1], candle.high, candle.low, candle.last[1])
    shown = " ".join(f"{price:.2f}" for price in prices)
    at = datetime.fromtimestamp(start / 1000).astimezone().strftime("%H:%M:%S")
    more = f", {candle.fetched} fetched" if candle.fetched else ""
    amounts = f"volume {candle.volume:.5f} vwap {candle.vwap:.4f}"
    return f"{at} {symbol} {shown} {amounts} {candle.count} trades{more}: {status}"


class Topics:
    """The records of some topics from their beginning, and how far they have been read."""

    def __init__(self, brokers: str, registry: str, topics: list[str]) -> None:
        conf = {"subject.name.strategy": topic_subject_name_strategy}  # else it asks on each record
        self._decode = AvroDeserializer(SchemaRegistryClient({"url": registry}), conf=conf)
        self._admin = AdminClient({"bootstrap.servers": brokers})
        own = {"group.id": "candles", "enable.auto.commit": False, "enable.partition.eof": True}
        conf = {"bootstrap.servers": brokers, "isolation.level": "read_committed", **own}
        self._consumer = Consumer(conf)
        known = self._admin.list_topics(timeout=10).topics
        if missing := [topic for topic in topics if topic not in known]:
            raise SystemExit(
                f"{brokers} has no topic {' or '.join(missing)}: see --topic, --prefix"
            )
        self._read: dict[tuple[str, int], int] = {
            (topic, partition): 0 for topic in topics for partition in known[topic].partitions
        }
        self._consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in self._read])

    def poll(self, seconds: float) -> tuple[str, Record] | None:
        """Return a topic and its next committed record, if one comes in time."""
        message = self._consumer.poll(seconds)
        if message is None:
            return None
        place, error = (message.topic(), message.partition()), message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
        # Of the commit marker at the end of a partition only this event tells.
        self._read[place] = message.offset() + (error is None)
        if error is not None or message.value() is None:
            return None
        context = SerializationContext(message.topic(), MessageField.VALUE)
        return message.topic(), self._decode(message.value(), context)

    def ends(self) -> dict[tuple[str, int], int]:
        """Return where each partition ends now, with what is not committed yet."""
        latest = {TopicPartition(*place): OffsetSpec.latest() for place in self._read}
        found = self._admin.list_offsets(latest, isolation_level=IsolationLevel.READ_UNCOMMITTED)
        return {(at.topic, at.partition): each.result().offset for at, each in found.items()}

    def have_been_read_to(self, ends: Mapping[tuple[str, int], int]) -> bool:
        """Say whether all that was there then has been read."""
        return all(self._read[place] >= end for place, end in ends.items())

    def close(self) -> None:
        """Leave."""
        self._consumer.close()


def follow(topics: Topics, candles: Candles) -> Iterator[tuple[Window, Candle, Status]]:
    """Read for ever; yield candles when they are settled, held back by a gap, or corrected.

    Progress may be visible a moment before the data it is about. So what it says counts when all
    topics have been read to the ends that they had after it.
    """
    waiting, checked_at = None, 0.0
    while True:
        topic, record = topics.poll(0.2) or ("", {})
        if topic.endswith(".progress"):
            candles.add_progress(record)
        elif topic.endswith(".markers"):
            candles.add_marker(record)
        elif topic:
            candles.add_trade(record)
        if waiting is None and time.monotonic() - checked_at > CHECK_S:
            waiting, checked_at = (dict(candles.heard), topics.ends()), time.monotonic()
        elif waiting is not None and topics.have_been_read_to(waiting[1]):
            candles.complete_until = {series: until for series, (_, until) in waiting[0].items()}
            waiting = None
            yield from candles.changed()


def main() -> None:
    """Print candles until Ctrl-C."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    shown = "%(default)s"
    options.add_argument("--brokers", default="localhost:9092", help=shown)
    options.add_argument("--registry", default="http://localhost:8081", help=shown)
    options.add_argument("--topic", default="binance.spot.trade", help=shown)
    options.add_argument("--prefix", default="binance", help="topics.prefix; " + shown)
    options.add_argument("--seconds", type=int, default=60, help="length of a candle; " + shown)
    given = options.parse_args()
    names = [given.topic, f"{given.prefix}.markers", f"{given.prefix}.progress"]
    topics = Topics(given.brokers, given.registry, names)
    with contextlib.closing(topics), contextlib.suppress(KeyboardInterrupt):
        for window, candle, status in follow(topics, Candles(given.seconds * 1000)):
            print(line(window, candle, status), flush=True)


if __name__ == "__main__":
    main()
