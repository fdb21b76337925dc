"""The four products: their hosts in each environment and the limits of one connection. Pure.

Which route (`/public`, `/market`) a stream needs is a column of the catalogue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Product = Literal["spot", "usdm", "coinm", "options"]
PRODUCTS: tuple[Product, ...] = ("spot", "usdm", "coinm", "options")

_COINM_TYPE = 2  # `st` of a COIN-M symbol; 1 is USD-M


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Binance's limits on market connections, and the times of its pings and disconnects.

    Attributes:
        messages_per_second: Messages we may send on one connection; our pongs count. Beyond it
            Binance closes the connection (seen: close 1008 "Too many requests").
        connects: Attempts allowed to one IP address within the sliding `connects_window_s`.
        ping_interval_s: Seconds between two pings of the server.
        pong_deadline_s: Seconds without our pong after which the server disconnects.
        life_s: Seconds after which the server closes any connection.
    """

    messages_per_second: int
    streams_per_connection: int
    connects: int = 300
    connects_window_s: float = 300.0
    ping_interval_s: float = 180.0
    pong_deadline_s: float = 600.0
    life_s: float = 86_400.0


# Spot: binance-spot-api-docs, web-socket-streams.md, 2026-07-21. Futures and options: the
# "Connect" pages of developers.binance.com, 2026-05-28. Only spot documents the limit on
# connection attempts; the other hosts are given the same one.
LIMITS: Mapping[Product, ConnectionLimits] = {
    "spot": ConnectionLimits(5, 1024, ping_interval_s=20.0, pong_deadline_s=60.0),
    "usdm": ConnectionLimits(10, 1024),
    "coinm": ConnectionLimits(10, 1024),
    "options": ConnectionLimits(10, 200, ping_interval_s=300.0, pong_deadline_s=900.0),
}


@dataclass(frozen=True, slots=True)
class Bases:
    """Base URLs of one product.

    Attributes:
        streams: WebSocket bases (scheme, host, port; no path); the first is the default.
        rest: REST base, without the path that the catalogue's backfill column begins with.
        ws_api: URL of the WS API; "": the product has none.
    """

    streams: tuple[str, ...]
    rest: str
    ws_api: str = ""


# binance-spot-api-docs 2026-07-21; Connect pages of developers.binance.com 2026-05-28. The
# .vision host serves market data only and can be reached where stream.binance.com is blocked; its
# REST sibling data-api.binance.vision has no historicalTrades, so REST stays with api.binance.com.
# Options live on the USD-M host since 2025-12-17; their old host nbstream is not used.
_PRODUCTION: Mapping[Product, Bases] = {
    "spot": Bases(
        (
            "wss://stream.binance.com:9443",
            "wss://stream.binance.com:443",
            "wss://data-stream.binance.vision",
            "wss://data-stream.binance.vision:9443",
        ),
        "https://api.binance.com",
        "wss://ws-api.binance.com:443/ws-api/v3",
    ),
    "usdm": Bases(
        ("wss://fstream.binance.com",),
        "https://fapi.binance.com",
        "wss://ws-fapi.binance.com/ws-fapi/v1",
    ),
    "coinm": Bases(
        ("wss://dstream.binance.com",),
        "https://dapi.binance.com",
        "wss://ws-dapi.binance.com/ws-dapi/v1",
    ),
    "options": Bases(("wss://fstream.binance.com",), "https://eapi.binance.com"),
}

# Spot: testnet page of binance-spot-api-docs 2026-07-21. Futures: connector-python 2026-08-21;
# stream.binancefuture.com is the older name and still worked on 2026-09-15. Its routing is laxer
# than production's: a stream that arrives here may still need another route there.
_TESTNET: Mapping[Product, Bases] = {
    "spot": Bases(
        ("wss://stream.testnet.binance.vision", "wss://stream.testnet.binance.vision:9443"),
        "https://testnet.binance.vision",
        "wss://ws-api.testnet.binance.vision/ws-api/v3",
    ),
    "usdm": Bases(
        ("wss://fstream.binancefuture.com", "wss://stream.binancefuture.com"),
        "https://testnet.binancefuture.com",
        "wss://testnet.binancefuture.com/ws-fapi/v1",
    ),
    "coinm": Bases(
        ("wss://dstream.binancefuture.com",),
        "https://testnet.binancefuture.com",
        "wss://testnet.binancefuture.com/ws-dapi/v1",
    ),
    "options": Bases(("wss://fstream.binancefuture.com",), "https://testnet.binancefuture.com"),
}

# Spot: demo mode page of binance-spot-api-docs 2026-07-21. Futures: documentation of 2026-09
# (demo-fapi is the same backend as testnet.binancefuture.com). No page names demo hosts for
# options: the testnet's are used instead, unverified. The WS API of demo futures is the testnet's:
# demo-fstream answers 404 on its path (measured 2026-09-15).
_DEMO: Mapping[Product, Bases] = {
    "spot": Bases(
        ("wss://demo-stream.binance.com", "wss://demo-stream.binance.com:9443"),
        "https://demo-api.binance.com",
        "wss://demo-ws-api.binance.com/ws-api/v3",
    ),
    "usdm": Bases(
        ("wss://demo-fstream.binance.com",),
        "https://demo-fapi.binance.com",
        "wss://testnet.binancefuture.com/ws-fapi/v1",
    ),
    "coinm": Bases(
        ("wss://demo-dstream.binance.com",),
        "https://demo-dapi.binance.com",
        "wss://testnet.binancefuture.com/ws-dapi/v1",
    ),
    "options": _TESTNET["options"],
}

ENVIRONMENTS: Mapping[str, Mapping[Product, Bases]] = {
    "production": _PRODUCTION,
    "testnet": _TESTNET,
    "demo": _DEMO,
}


def stream_url(base: str, route: str | None) -> str:
    """Return the URL of a connection in combined mode.

    Always `/stream`, never `/ws`: payloads of spot `@depth<levels>` have no symbol, and only the
    stream name in the wrapper says which symbol they are of (web-socket-streams.md, 2026-07-21).
    The route is the catalogue row's: `/public`, `/market` or None.
    """
    return f"{base}{route or ''}/stream"


def host_of(url: str) -> str:
    """Return host and port as the URL has them; Binance limits connection attempts per host."""
    return urlsplit(url).netloc


def product_of(symbol_type: int | None, symbol: str) -> Product:
    """Return the product of an event in a merged futures stream.

    Source: CM-UM integration notice, 2026-06-10.

    Args:
        symbol_type: `st` of the payload, 1 USD-M, 2 COIN-M; None in payloads before 2026-06-30,
            where the symbol decides: COIN-M contracts are BTCUSD_PERP and BTCUSD_260925, USD-M
            contracts are quoted in a coin.
        symbol: Symbol of the event.
    """
    if symbol_type is not None:
        return "coinm" if symbol_type == _COINM_TYPE else "usdm"
    pair, _, contract = symbol.partition("_")
    return "coinm" if contract and pair.endswith("USD") else "usdm"
