"""Streams of load a3 besides the five hot kinds: names from examples/demo.yaml, rates from the
catalogue, payloads from the lab's seeded market.
"""

import json
from dataclasses import dataclass
from typing import Any

import yaml

from bench.processes import ROOT
from connector.binance.products import Product
from connector.binance.stream_name import Stream, parse
from connector.lab.market import Market
from connector.planning.templates import fill, forms_of_name

ROWS = 40  # symbols of a whole-market array
PRODUCTS: tuple[Product, ...] = ("spot", "usdm", "coinm", "options")
# Messages a second by kind, where the catalogue has no period: update speeds of the exchange's
# pages (250 ms candles, 100 ms books). Kinds that are not here: RARE_RATE, an assumption.
RATES = {
    "depth-partial": 10.0,
    "rpi-depth": 2.0,
    "continuous-kline": 4.0,
    "index-price-kline": 4.0,
    "mark-price-kline": 4.0,
    "kline": 4.0,
    "ticker": 1.0,
}
RARE_RATE = 0.2


@dataclass(frozen=True, slots=True)
class OtherStream:
    """A stream that is of no hot kind; `rate` in messages a second."""

    rate: float
    stream: Stream


class OtherMarkets:
    """Renders payloads of every kind from one seeded market a product.

    A merged array then holds rows of one product only, so that floors and connector write to the
    same topics.
    """

    def __init__(self, seed: int) -> None:
        self._markets = {
            product: Market(seed, {product: _symbols(product)}) for product in PRODUCTS
        }

    def streams(self, hot_kinds: set[str]) -> list[OtherStream]:
        """Return the streams of examples/demo.yaml with a default topic and no hot kind."""
        text = (ROOT / "examples" / "demo.yaml").read_text(encoding="utf-8")
        streams = []
        for subscription in yaml.safe_load(text)["subscriptions"]:
            if "topic" in subscription:  # the floors write to default topics only
                continue
            product = subscription["product"]
            symbols = [forms_of_name(symbol) for symbol in subscription.get("symbols", [])]
            for template in subscription["streams"]:
                for name in fill(product, template, symbols):
                    stream = parse(product, name)
                    if stream.row.kind not in hot_kinds:
                        streams.append(OtherStream(_rate(stream), stream))
        return streams

    def payload(self, stream: Stream, event_ms: int) -> str:
        """Return the next payload of a stream as JSON."""
        events = self._markets[stream.product].next_events(stream, event_ms)
        data: Any = [event.data for event in events] if stream.row.array else events[0].data
        return json.dumps(data, separators=(",", ":"))


def _rate(stream: Stream) -> float:
    period = stream.row.period_s
    return RATES.get(stream.row.kind, RARE_RATE) if period is None else 1 / period


def _symbols(product: Product) -> list[str]:
    """Return the symbols of a product's market, those of examples/demo.yaml first."""
    assets = [f"C{number}" for number in range(ROWS - 2)]
    return {
        "spot": ["BTCUSDT", "ETHUSDT", *(f"{name}USDT" for name in assets)],
        "usdm": ["BTCUSDT", "ETHUSDT", *(f"{name}USDT" for name in assets)],
        "coinm": ["BTCUSD_PERP", "ETHUSD_PERP", *(f"{name}USD_PERP" for name in assets)],
        "options": [
            f"BTC-261225-{60_000 + 2_000 * n}-{side}" for n in range(ROWS) for side in "CP"
        ],
    }[product]
