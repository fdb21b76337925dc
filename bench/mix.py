"""The rest of the market for load a3: every stream of examples/demo.yaml that is of none of the
five hot kinds, with the rate the catalogue gives it, its payloads from the lab's seeded market.
"""

import json
from dataclasses import dataclass
from typing import Any

import yaml

from bench.processes import ROOT
from connector.binance.products import Product
from connector.binance.stream_name import Stream, parse
from connector.lab.market import Market
from connector.planning.templates import expand

ROWS = 40  # symbols of a whole-market array
# Messages a second of streams the catalogue gives no period for, by kind; the update speeds of
# the exchange's pages (250 ms candles, 100 ms books), and a guess for what is rare.
RATES = {
    "depth-partial": 10.0,
    "rpi-depth": 2.0,
    "continuous-kline": 4.0,
    "index-price-kline": 4.0,
    "mark-price-kline": 4.0,
    "kline": 4.0,
    "ticker": 1.0,
}
RARE = 0.2


@dataclass(frozen=True, slots=True)
class Other:
    """One stream of the rest: how many messages a second, and its name."""

    rate: float
    stream: Stream


class Rest:
    """Renders payloads of the rest of the market."""

    def __init__(self, seed: int) -> None:
        # A market for each product: a merged array then holds rows of one product only, so that
        # floor and connector write the same topics.
        self._markets = {
            product: Market(seed, {product: _symbols(product)}) for product in _PRODUCTS
        }

    def others(self, hot: set[str]) -> list[Other]:
        """Return the streams of the demo's file with a default topic whose kind is not hot."""
        text = (ROOT / "examples" / "demo.yaml").read_text(encoding="utf-8")
        found = []
        for subscription in yaml.safe_load(text)["subscriptions"]:
            if "topic" in subscription:  # the floors write to default topics only
                continue
            product = subscription["product"]
            for template in subscription["streams"]:
                for name in expand(product, template, subscription.get("symbols", [])):
                    stream = parse(product, name)
                    if stream.row.kind not in hot:
                        found.append(Other(_rate(stream), stream))
        return found

    def render(self, stream: Stream, now: int) -> str:
        """Return the next payload of a stream as JSON."""
        events = self._markets[stream.product].next_events(stream, now)
        data: Any = [event.data for event in events] if stream.row.array else events[0].data
        return json.dumps(data, separators=(",", ":"))


_PRODUCTS: tuple[Product, ...] = ("spot", "usdm", "coinm", "options")


def _rate(stream: Stream) -> float:
    period = stream.row.period_s
    return RATES.get(stream.row.kind, RARE) if period is None else 1 / period


def _symbols(product: Product) -> list[str]:
    """Return the symbols of a product's market: the demo's own first."""
    more = [f"C{number}" for number in range(ROWS - 2)]
    return {
        "spot": ["BTCUSDT", "ETHUSDT", *(f"{name}USDT" for name in more)],
        "usdm": ["BTCUSDT", "ETHUSDT", *(f"{name}USDT" for name in more)],
        "coinm": ["BTCUSD_PERP", "ETHUSD_PERP", *(f"{name}USD_PERP" for name in more)],
        "options": [
            f"BTC-261225-{60_000 + 2_000 * n}-{side}" for n in range(ROWS) for side in "CP"
        ],
    }[product]
