"""How the events of an account are subscribed: methods, listenKey paths, URLs. Pure.

Sources: "User Data Streams" pages of developers.binance.com, 2026-05-28 to 2026-10; measurements
of 2026-07 to 2026-10 (which URL forms deliver). A form that does not deliver opens, answers pings
and stays silent, as a made-up listenKey does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import quote, urlsplit

from connector.binance.account_events.layout import AccountProduct
from connector.binance.products import Bases, Product
from connector.errors import Refused

# signature: userDataStream.subscribe.signature, any kind of key. session-logon: session.logon, then
# userDataStream.subscribe, Ed25519 keys alone.
SubscribeMethod = Literal["signature", "session-logon", "listen-token", "listen-key"]
UrlForm = Literal[
    "path",  # /ws/<key>
    "private-path",  # /private/ws/<key>
    "private-streams",  # /private/stream?streams=<key>
    "private-listen-key",  # /private/ws?listenKey=<key>
    "private-events",  # /private/ws?listenKey=<key>&events=<names>
]
_FORM_PATHS: Mapping[UrlForm, str] = {
    "path": "/ws/{key}",
    "private-path": "/private/ws/{key}",
    "private-streams": "/private/stream?streams={key}",
    "private-listen-key": "/private/ws?listenKey={key}",
    "private-events": "/private/ws?listenKey={key}&events={events}",
}
# The form "private-events" is an allow list: an event that is not named does not come. One project
# names ALGO_ORDER_UPDATE, which no page knows; a name too many is ignored.
USDM_EVENTS = (
    "ORDER_TRADE_UPDATE",
    "ACCOUNT_UPDATE",
    "ACCOUNT_CONFIG_UPDATE",
    "MARGIN_CALL",
    "TRADE_LITE",
    "ALGO_UPDATE",
    "ALGO_ORDER_UPDATE",
    "STRATEGY_UPDATE",
    "GRID_UPDATE",
    "CONDITIONAL_ORDER_TRIGGER_REJECT",
    "listenKeyExpired",
)


class AccountPlace(NamedTuple):
    """What has events and a progress of its own: a product, of isolated margin each symbol."""

    product: AccountProduct
    isolated_symbol: str | None = None

    @property
    def name(self) -> str:
        """How logs, metrics and keys call it: `spot`, `margin.BTCUSDT`."""
        symbol = self.isolated_symbol
        return self.product if symbol is None else f"{self.product}.{symbol}"


@dataclass(frozen=True, slots=True)
class PrivateStream:
    """How one product's events are had.

    Attributes:
        methods: Ways to subscribe; the first is the default.
        key_path: REST path that makes listenKeys (POST, PUT); "": it has none.
        market: The product of the market whose host serves its streams.
        prefix: Path before that of the URL form.
        names_key: PUT needs the listenKey as a parameter.
        forms: URL forms that may deliver; the first is the default in production.
        testnet_form: The form that delivers on testnet and demo.
        production_base: Host of its own in production; "": that of `market`.
    """

    methods: tuple[SubscribeMethod, ...]
    key_path: str = ""
    market: Product = "usdm"
    prefix: str = ""
    names_key: bool = False
    forms: tuple[UrlForm, ...] = ("path",)
    testnet_form: UrlForm = "path"
    production_base: str = ""


_LISTEN_KEY: tuple[SubscribeMethod, ...] = ("listen-key",)
# Only spot, margin, USD-M and COIN-M have been seen live. PM Pro's page does not say which path
# makes its keys; /fapi/v1/listenKey is what two projects use (2026-09). Margin risk and UTA margin:
# official clients of 2026-08 and 2026-10.
PRIVATE_STREAMS: Mapping[AccountProduct, PrivateStream] = {
    "spot": PrivateStream(("signature", "session-logon"), market="spot"),
    "margin": PrivateStream(("listen-token",), market="spot"),
    "margin_risk": PrivateStream(
        _LISTEN_KEY,
        "/sapi/v1/margin/listen-key",
        market="spot",
        names_key=True,
        production_base="wss://margin-stream.binance.com",
    ),
    "margin_uta": PrivateStream(
        _LISTEN_KEY, "/sapi/v2/margin/listen-key", names_key=True, forms=("private-path",)
    ),
    "usdm": PrivateStream(
        _LISTEN_KEY,
        "/fapi/v1/listenKey",
        forms=("private-streams", "private-path", "private-events", "private-listen-key", "path"),
    ),
    "coinm": PrivateStream(_LISTEN_KEY, "/dapi/v1/listenKey", market="coinm"),
    "options": PrivateStream(
        _LISTEN_KEY,
        "/eapi/v1/listenKey",
        market="options",
        forms=("private-path", "private-streams", "path"),
    ),
    "portfolio_margin": PrivateStream(_LISTEN_KEY, "/papi/v1/listenKey", prefix="/pm"),
    "portfolio_margin_pro": PrivateStream(_LISTEN_KEY, "/fapi/v1/listenKey", prefix="/pm-classic"),
}
TOKEN_PATH = "/sapi/v1/userListenToken"  # noqa: S105 - a path
URL_FORMS: tuple[UrlForm, ...] = tuple(_FORM_PATHS)
_TESTNET_HOSTS = ("binancefuture.com", "demo-fstream.binance.com", "demo-dstream.binance.com")


def find_private_stream(product: AccountProduct) -> PrivateStream:
    """Return how a product's events are had; raises Refused for stocks, whose are not read."""
    if product not in PRIVATE_STREAMS:
        known = ", ".join(PRIVATE_STREAMS)
        raise Refused(f"events of {product} accounts cannot be subscribed; products: {known}")
    return PRIVATE_STREAMS[product]


def default_form(product: AccountProduct, bases: Mapping[Product, Bases]) -> UrlForm:
    """Return the URL form that delivers at these hosts; elsewhere than Binance as in production."""
    stream = find_private_stream(product)
    host = urlsplit(bases[stream.market].streams[0]).hostname or ""
    return stream.testnet_form if host.endswith(_TESTNET_HOSTS) else stream.forms[0]


def stream_base(product: AccountProduct, bases: Mapping[Product, Bases]) -> str:
    """Return the base of a product's listenKey streams: scheme, host, port, prefix."""
    stream = find_private_stream(product)
    base = bases[stream.market].streams[0]
    if stream.production_base and (urlsplit(base).hostname or "").endswith("stream.binance.com"):
        base = stream.production_base
    return base + stream.prefix


def private_url(base: str, form: UrlForm, listen_key: str) -> str:
    """Return the URL of a listenKey's stream. It is a secret: it holds the key."""
    path = _FORM_PATHS[form]
    return base + path.format(key=quote(listen_key, safe=""), events="/".join(USDM_EVENTS))
