"""URLs of listenKey streams: their forms, and which of them deliver. Pure.

Every form opens and answers pings; a form that is not in `DELIVERING` stays silent, as a made-up
key does. Measured in 2026-07 to 2026-10; sources disagree about the forms of USD-M, so a test
chooses: `exchange.accounts.forms["usdm"] = TESTNET_FORMS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from connector.binance.products import Product

PATH, STREAMS = "/ws/<key>", "/stream?streams=<key>"
PRIVATE_PATH, PRIVATE_STREAMS = "/private/ws/<key>", "/private/stream?streams=<key>"
PRIVATE_RAW = "/private/ws?listenKey=<key>"
PRIVATE_RAW_EVENTS = "/private/ws?listenKey=<key>&events=<names>"
PRIVATE_WRAPPED = "/private/stream?listenKey=<key>"
PRIVATE_WRAPPED_EVENTS = "/private/stream?listenKey=<key>&events=<names>"
PRODUCTION_FORMS = frozenset(
    {
        PRIVATE_PATH,
        PRIVATE_STREAMS,
        PRIVATE_RAW,
        PRIVATE_RAW_EVENTS,
        PRIVATE_WRAPPED,
        PRIVATE_WRAPPED_EVENTS,
    }
)
TESTNET_FORMS = frozenset({PATH})
DELIVERING: Mapping[str, frozenset[str]] = {
    "usdm": PRODUCTION_FORMS,
    "coinm": frozenset({PATH, STREAMS}),
    "options": frozenset({PRIVATE_PATH, PRIVATE_STREAMS}),
    "portfolio_margin": frozenset({"/pm/ws/<key>"}),
    "portfolio_margin_pro": frozenset({"/pm-classic/ws/<key>"}),
    "margin_risk": frozenset({PATH}),
    "margin_uta": frozenset({PRIVATE_PATH}),
}
# Product -> whose host has its listenKey streams.
STREAM_HOSTS: Mapping[str, Product] = {
    "usdm": "usdm",
    "coinm": "coinm",
    "options": "options",
    "portfolio_margin": "usdm",
    "portfolio_margin_pro": "usdm",
    "margin_risk": "spot",
    "margin_uta": "usdm",
}


def key_product(product: str) -> str:
    """Return the product whose listenKey a stream takes: portfolio margin pro takes USD-M's."""
    return "usdm" if product == "portfolio_margin_pro" else product


@dataclass(frozen=True, slots=True)
class PrivateUrl:
    """The keys that a URL names; other names in it are streams of the market.

    Attributes:
        form: One of the forms above; "": the URL names nothing.
        keys: Key -> the events that it asks for; None: all.
    """

    form: str
    keys: Mapping[str, frozenset[str] | None]

    def wants(self, key: str, event: str) -> bool:
        """Return whether it asks for an event of a key."""
        if key not in self.keys:
            return False
        events = self.keys[key]
        return events is None or event in events


def read_url(target: str) -> PrivateUrl:
    """Return what a request target (path and query) names."""
    parts = urlsplit(target)
    pairs = parse_qsl(parts.query)
    names = [name for name, _ in pairs]
    if "listenKey" in names:
        suffix = "&events=<names>" if "events" in names else ""
        return PrivateUrl(f"{parts.path}?listenKey=<key>{suffix}", _listen_keys(pairs))
    if "streams" in names:
        keys = dict(pairs)["streams"].split("/")
        return PrivateUrl(f"{parts.path}?streams=<key>", dict.fromkeys(keys))
    head, separator, rest = parts.path.partition("/ws/")
    if not separator:
        return PrivateUrl("", {})
    return PrivateUrl(f"{head}/ws/<key>", dict.fromkeys(rest.split("/")))


def _listen_keys(pairs: list[tuple[str, str]]) -> dict[str, frozenset[str] | None]:
    """Return each key with the events that stand behind it."""
    keys: dict[str, frozenset[str] | None] = {}
    last = ""
    for name, value in pairs:
        if name == "listenKey":
            last = value
            keys[last] = None
        elif name == "events":
            keys[last] = frozenset(value.split("/"))
    return keys
