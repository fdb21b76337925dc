"""The loads, rendered before the run: frames in Binance's form, due times and connections.

Sends nothing. Payloads: payloads.py (five hot kinds), other_streams.py (all other kinds of a3).
"""

import itertools
import random
from dataclasses import dataclass

from bench.instruments import Instrument, instruments_of
from bench.other_streams import OtherMarkets, OtherStream
from bench.payloads import PAYLOADS

FRAMES = 300_000  # more than a round sends: after the last frame the load, and its ids, repeat
FRAMES_LONG = 1_500_000  # more than a search for the highest rate or a broker outage sends
SEED = 20261122
BURST = 20  # frames a write in a2
HotKind = tuple[str, str, str]  # product, path of the connection after the product's, kind


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of a load: product, path of its connection, name and kind."""

    product: str
    path: str
    name: str
    kind: str

    @property
    def topic(self) -> str:
        """Return the topic its records go to."""
        return f"binance.{self.product}.{self.kind}"


@dataclass(frozen=True, slots=True)
class Load:
    """A load, ready to be sent.

    Attributes:
        name: a1, a1k, a2 or a3.
        rate: Frames a second the due times are made for.
        streams: Every stream it has frames of.
        writes: Path, bytes (WebSocket framing included), frames in the bytes.
        due: Seconds from the start at which each write is due.
        period: Seconds from the start at which the load repeats.
        samples: Some messages without framing, for the comparison of records.
    """

    name: str
    rate: float
    streams: tuple[Stream, ...]
    writes: tuple[tuple[str, bytes, int], ...]
    due: tuple[float, ...]
    period: float
    samples: tuple[tuple[Stream, bytes], ...]

    @property
    def paths(self) -> dict[str, list[Stream]]:
        """Return the streams of each connection's path."""
        by_path: dict[str, list[Stream]] = {}
        for stream in self.streams:
            by_path.setdefault(stream.path, []).append(stream)
        return by_path


RATES = {"a1": 12_000.0, "a1k": 12_000.0, "a2": 16_000.0, "a3": 6_000.0}  # frames a second
NEW_KEY = ',"zz":"1"}'  # a1k: a key that the exchange has added to every trade

# bench/README.md, "Loads": relative message counts by kind and by product.
KIND_WEIGHTS = {
    "book-ticker": 1_993,
    "depth-diff": 229,
    "trade": 149,
    "agg-trade": 117,
    "kline": 47,
}
PRODUCT_WEIGHTS = {"spot": 40, "usdm": 40, "coinm": 10, "options": 10}
STREAM_NAMES: dict[HotKind, str] = {
    ("spot", "", "trade"): "{}@trade",
    ("spot", "", "agg-trade"): "{}@aggTrade",
    ("spot", "", "depth-diff"): "{}@depth@100ms",
    ("spot", "", "kline"): "{}@kline_1m",
    ("spot", "", "book-ticker"): "{}@bookTicker",
    ("usdm", "/public", "trade"): "{}@trade",
    ("usdm", "/market", "agg-trade"): "{}@aggTrade",
    ("usdm", "/public", "depth-diff"): "{}@depth@100ms",
    ("usdm", "/market", "kline"): "{}@kline_1m",
    ("usdm", "/public", "book-ticker"): "{}@bookTicker",
    ("coinm", "", "agg-trade"): "{}@aggTrade",
    ("coinm", "", "depth-diff"): "{}@depth@100ms",
    ("coinm", "", "kline"): "{}@kline_1m",
    ("coinm", "", "book-ticker"): "{}@bookTicker",
    ("options", "/public", "trade"): "{}@optionTrade",
    ("options", "/public", "depth-diff"): "{}@depth@100ms",
    ("options", "/market", "kline"): "{}@kline_1m",
    ("options", "/public", "book-ticker"): "{}@bookTicker",
}


def render(name: str, now_ms: int, frames: int = FRAMES) -> Load:
    """Render a load of `frames` frames; event times begin at `now_ms` (epoch ms)."""
    rng = random.Random(f"{SEED} {name}")  # noqa: S311 - must repeat
    rate, size = RATES[name], BURST if name == "a2" else 1
    messages = load_messages(rng, name, now_ms, frames)
    writes = tuple(
        (batch[0][0].path, b"".join(framed(message) for _, message in batch), len(batch))
        for batch in (messages[start : start + size] for start in range(0, frames, size))
    )
    due, period = _schedule(rng, len(writes), size / rate, evenly=name == "a2")
    streams = tuple(dict.fromkeys(stream for stream, _ in messages))
    first_of_each = {stream: (stream, message) for stream, message in reversed(messages)}
    samples = (*messages[:2_000], *first_of_each.values())
    return Load(name, rate, streams, writes, due, period, samples)


def load_messages(
    rng: random.Random, name: str, now_ms: int, frames: int
) -> list[tuple[Stream, bytes]]:
    """Return each frame's stream and its message: combined form, without framing."""
    rate, markets = RATES[name], OtherMarkets(SEED)
    others = markets.streams(set(KIND_WEIGHTS)) if name == "a3" else []
    hot = _hot_choices(*STREAM_NAMES) if name == "a3" else _hot_choices(("spot", "", "trade"))
    weights = _rates([weight for weight, _, _ in hot], others, rate)
    choices: list[tuple[Stream, Instrument | OtherStream]] = [
        *((stream, instrument) for _, stream, instrument in hot),
        *((_stream_of(other), other) for other in others),
    ]
    messages = []
    for number, (stream, source) in enumerate(rng.choices(choices, weights, k=frames)):
        event_ms = now_ms + int(number * 1000 / rate)
        if isinstance(source, OtherStream):
            data = markets.payload(source.stream, event_ms)
        else:
            data = PAYLOADS[stream.kind](source, event_ms)
            if name == "a1k":
                data = data[:-1] + NEW_KEY
        messages.append((stream, f'{{"stream":"{stream.name}","data":{data}}}'.encode()))
    return messages


def _stream_of(other: OtherStream) -> Stream:
    row = other.stream.row
    return Stream(
        row.product, f"/{row.product}{row.route or ''}/stream", other.stream.name, row.kind
    )


def _rates(weights: list[float], others: list[OtherStream], rate: float) -> list[float]:
    """Return messages a second: other streams have their own rate, hot ones share what is left."""
    remaining = rate - sum(other.rate for other in others)
    total = sum(weights)
    return [weight / total * remaining for weight in weights] + [other.rate for other in others]


def _schedule(
    rng: random.Random, writes: int, gap_s: float, *, evenly: bool
) -> tuple[tuple[float, ...], float]:
    """Return due times and their end: `gap_s` apart, or Poisson arrivals with that mean."""
    gaps = [gap_s if evenly else rng.expovariate(1 / gap_s) for _ in range(writes)]
    ends = list(itertools.accumulate(gaps))
    return (0.0, *ends[:-1]), ends[-1]


def _hot_choices(*hot_kinds: HotKind) -> list[tuple[float, Stream, Instrument]]:
    """Return each stream's weight, the stream and its instrument."""
    markets = {product: instruments_of(product, SEED) for product in PRODUCT_WEIGHTS}
    choices = []
    for product, route, kind in hot_kinds:
        instruments = markets[product]
        # The kinds of a product, and the symbols of a kind, share the product's weight.
        kinds = sum(KIND_WEIGHTS[k] for p, _, k in hot_kinds if p == product)
        share = PRODUCT_WEIGHTS[product] * KIND_WEIGHTS[kind] / kinds
        total = sum(instrument.weight for instrument in instruments)
        for instrument in instruments:
            name = STREAM_NAMES[product, route, kind].format(instrument.symbol.lower())
            stream = Stream(product, f"/{product}{route}/stream", name, kind)
            choices.append((share * instrument.weight / total, stream, instrument))
    return choices


def framed(payload: bytes) -> bytes:
    """Return a payload as an unmasked text frame (RFC 6455, 5.2)."""
    if len(payload) < 126:
        return bytes((0x81, len(payload))) + payload
    if len(payload) < 65_536:
        return b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload
    return b"\x81\x7f" + len(payload).to_bytes(8, "big") + payload
