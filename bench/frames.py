"""The loads, rendered before the run: frames as Binance writes them, when each is due, on which
connection. Shapes: real frames of spot, USD-M, COIN-M and options, 2026-09. Sends nothing.
"""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

from bench.instruments import Instrument, fixed, market
from bench.mix import Other, Rest

FRAMES = 300_000  # longer than a round lasts: then the load, and its ids, would begin again
FRAMES_LONG = 1_500_000  # longer than a search for the highest rate, or Kafka away, lasts
SEED = 20261122
BURST = 20
MINUTE_MS = 60_000
# Product, path of the connection after the product's own, kind.
Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of a load: where it is served and what its records are."""

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
        writes: Path, bytes (WebSocket framing included), frames in them.
        due: Seconds after the start at which each write is due.
        period: Seconds after which it begins again.
        samples: Some of the payloads as text, to compare what subjects make of them.
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

# bench/README.md, "Loads": share of each kind, and how levels of depth events are distributed.
KIND_WEIGHTS = {
    "book-ticker": 1_993,
    "depth-diff": 229,
    "trade": 149,
    "agg-trade": 117,
    "kline": 47,
}
PRODUCT_WEIGHTS = {"spot": 40, "usdm": 40, "coinm": 10, "options": 10}
LEVELS = {
    "spot": ((6, 3), (7, 7)),
    "usdm": ((22, 24), (30, 18)),
    "coinm": ((16, 11), (9, 4)),
    "options": ((2, 2), (1, 3)),
}
PLACES: dict[Place, str] = {
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
    """Render a load; event times begin at `now_ms`."""
    rng = random.Random(f"{SEED} {name}")  # noqa: S311 - must repeat
    rate = RATES[name]
    choices = _choices(("spot", "", "trade")) if name != "a3" else _choices(*PLACES)
    weights = [weight for weight, _, _ in choices]
    made: list[tuple[Stream, bytes]] = []
    rest = Rest(SEED)
    others = rest.others(set(KIND_WEIGHTS)) if name == "a3" else []
    weights = _with_others(weights, others, rate)
    picked: list[tuple[float, Stream, Instrument | Other]] = list(choices)
    picked += [_other(one) for one in others]
    for number, (_, stream, source) in enumerate(rng.choices(picked, weights, k=frames)):
        millis = now_ms + int(number * 1000 / rate)
        if isinstance(source, Other):
            data = rest.render(source.stream, millis)
        else:
            data = RENDER[stream.kind](source, millis)
            if name == "a1k":
                data = data[:-1] + NEW_KEY
        made.append((stream, f'{{"stream":"{stream.name}","data":{data}}}'.encode()))
    size = BURST if name == "a2" else 1
    writes = tuple(
        (batch[0][0].path, b"".join(framed(payload) for _, payload in batch), len(batch))
        for batch in (made[start : start + size] for start in range(0, frames, size))
    )
    due, period = _schedule(rng, len(writes), size / rate, evenly=name == "a2")
    streams = tuple(dict.fromkeys(stream for stream, _ in made))
    firsts = {stream: (stream, payload) for stream, payload in reversed(made)}
    samples = (*made[:2_000], *firsts.values())
    return Load(name, rate, streams, writes, due, period, samples)


def _other(one: Other) -> tuple[float, Stream, Other]:
    """Return a stream of the rest of the market in the form of a choice."""
    row = one.stream.row
    path = f"/{row.product}{row.route or ''}/stream"
    return one.rate, Stream(row.product, path, one.stream.name, row.kind), one


def _with_others(weights: list[float], others: list[Other], rate: float) -> list[float]:
    """Return weights in messages a second: the rest has its own, the hot kinds share the others."""
    left = rate - sum(one.rate for one in others)
    total = sum(weights)
    return [weight / total * left for weight in weights] + [one.rate for one in others]


def _schedule(
    rng: random.Random, writes: int, gap: float, *, evenly: bool
) -> tuple[tuple[float, ...], float]:
    """Return when writes are due: evenly spaced, or at random (exponential gaps)."""
    gaps = [gap if evenly else rng.expovariate(1 / gap) for _ in range(writes)]
    ends = list(itertools.accumulate(gaps))
    return (0.0, *ends[:-1]), ends[-1]


def _choices(*places: Place) -> list[tuple[float, Stream, Instrument]]:
    """Return each stream with its instrument and weight."""
    markets = {product: market(product, SEED) for product in PRODUCT_WEIGHTS}
    found = []
    for product, route, kind in places:
        instruments = markets[product]
        # Kinds a product has, and symbols in it, share the product's weight.
        kinds = sum(KIND_WEIGHTS[k] for p, _, k in places if p == product)
        share = PRODUCT_WEIGHTS[product] * KIND_WEIGHTS[kind] / kinds
        total = sum(instrument.weight for instrument in instruments)
        for instrument in instruments:
            name = PLACES[product, route, kind].format(instrument.symbol.lower())
            stream = Stream(product, f"/{product}{route}/stream", name, kind)
            found.append((share * instrument.weight / total, stream, instrument))
    return found


def framed(payload: bytes) -> bytes:
    """Return a payload as an unmasked text frame (RFC 6455, 5.2)."""
    if len(payload) < 126:
        return bytes((0x81, len(payload))) + payload
    if len(payload) < 65_536:
        return b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload
    return b"\x81\x7f" + len(payload).to_bytes(8, "big") + payload


def _trade(market: Instrument, now: int) -> str:
    price, quantity = market.move(), market.quantity_text(market.quantity())
    maker = "true" if market.rng.random() < 0.5 else "false"
    number, sent = market.identity(), now + market.rng.randrange(2)
    if market.product == "spot":
        return (
            f'{{"e":"trade","E":{sent},"s":"{market.symbol}","t":{number},"p":"{price}",'
            f'"q":"{quantity}","T":{now},"m":{maker},"M":true}}'
        )
    side = ',"S":"SELL"' if market.product == "options" else ""
    return (
        f'{{"e":"trade","E":{sent},"T":{now},"s":"{market.symbol}","t":{number},"p":"{price}",'
        f'"q":"{quantity}","X":"MARKET"{side},"m":{maker}}}'
    )


def _agg_trade(market: Instrument, now: int) -> str:
    price, quantity = market.move(), market.quantity_text(market.quantity())
    number = market.identity()
    first = number * 2
    last = first + market.rng.randrange(4)
    normal = f'"nq":"{quantity}",' if market.product == "usdm" else ""
    maker = "true" if market.rng.random() < 0.5 else "false"
    tail = ',"M":true' if market.product == "spot" else _symbol_type(market)
    return (
        f'{{"e":"aggTrade","E":{now + 150},"a":{number},"s":"{market.symbol}","p":"{price}",'
        f'"q":"{quantity}",{normal}"f":{first},"l":{last},"T":{now},"m":{maker}{tail}}}'
    )


def _depth(market: Instrument, now: int) -> str:
    market.move()
    previous = market.last_update.get("depth") or market.identity()
    first = previous + 1 if market.product == "spot" else market.identity(200)
    last = market.last_update["depth"] = first + market.rng.randrange(1, 9_000)
    market.next_id = max(market.next_id, last)
    bids, asks = market.rng.choice(LEVELS[market.product])
    spot = market.product == "spot"
    stamp = "" if spot else f'"T":{now - 1},'
    chain = "" if spot else f'"pu":{previous},'
    return (
        f'{{"e":"depthUpdate","E":{now},{stamp}"s":"{market.symbol}",{_pair(market)}"U":{first},'
        f'"u":{last},{chain}"b":{market.levels(bids, -1)},"a":{market.levels(asks, 1)}'
        f"{_symbol_type(market)}}}"
    )


def _kline(market: Instrument, now: int) -> str:
    close = market.move()
    start = now - now % MINUTE_MS
    if start != market.opened_at:
        market.opened_at, market.opened, market.trades = start, market.price, 0
        market.high = market.low = market.price
        market.volume = 0
    market.high, market.low = max(market.high, market.price), min(market.low, market.price)
    market.volume += market.quantity()
    market.trades += market.rng.randrange(1, 9)
    quote = market.volume * market.price
    decimals = market.quantity_decimals + market.price_decimals
    quotes = [fixed(q // 10 ** max(0, decimals - 8), min(8, decimals)) for q in (quote, quote // 3)]
    last = market.identity(5)
    prices = [market.price_text(p) for p in (market.opened, market.high, market.low)]
    ignored = "" if market.product == "options" else ',"B":"0"'
    return (
        f'{{"e":"kline","E":{now},"s":"{market.symbol}","k":{{"t":{start},'
        f'"T":{start + MINUTE_MS - 1},"s":"{market.symbol}","i":"1m","f":{last - market.trades},'
        f'"L":{last},"o":"{prices[0]}","c":"{close}","h":"{prices[1]}","l":"{prices[2]}",'
        f'"v":"{market.quantity_text(market.volume)}","n":{market.trades},"x":false,'
        f'"q":"{quotes[0]}","V":"{market.quantity_text(market.volume // 3)}",'
        f'"Q":"{quotes[1]}"{ignored}}}}}'
    )


def _book_ticker(market: Instrument, now: int) -> str:
    bid = market.move()
    ask = market.price_text(market.price + market.tick)
    sizes = [market.quantity_text(market.quantity()) for _ in range(2)]
    spot = market.product == "spot"
    event = "" if spot else '"e":"bookTicker",'
    times = "" if spot else f',"T":{now},"E":{now}'
    return (
        f'{{{event}"u":{market.identity(7)},"s":"{market.symbol}",{_pair(market)}"b":"{bid}",'
        f'"B":"{sizes[0]}","a":"{ask}","A":"{sizes[1]}"{times}{_symbol_type(market)}}}'
    )


def _pair(market: Instrument) -> str:
    futures = market.product in ("usdm", "coinm")
    return f'"ps":"{market.symbol.removesuffix("_PERP")}",' if futures else ""


def _symbol_type(market: Instrument) -> str:
    return {"usdm": ',"st":1', "coinm": ',"st":2'}.get(market.product, "")


RENDER: dict[str, Callable[[Instrument, int], str]] = {
    "trade": _trade,
    "agg-trade": _agg_trade,
    "depth-diff": _depth,
    "kline": _kline,
    "book-ticker": _book_ticker,
}
