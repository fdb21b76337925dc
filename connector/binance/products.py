"""The four products: their hosts in each environment and the limits of one connection.

Never opens a connection. Which route (`/public`, `/market`) a stream needs is a column of the
catalogue; `stream_url` puts host and route together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Product = Literal["spot", "usdm", "coinm", "options"]
PRODUCTS: tuple[Product, ...] = ("spot", "usdm", "coinm", "options")


@dataclass(frozen=True, slots=True)
class Limits:
    """What Binance allows on its stream connections, and how it watches over them.

    Args:
        messages_per_second: Messages we may send on one connection; our pongs count. Beyond it
            Binance closes the connection (seen: close 1008 "Too many requests").
        streams_per_connection: Most subscriptions on one connection.
        connects: Connection attempts one IP address may make within `connects_window_s`.
        connects_window_s: The sliding window of `connects`, in seconds.
        ping_interval_s: Seconds between two pings of the server.
        pong_deadline_s: Seconds without our pong after which the server disconnects.
        life_s: Seconds after which the server cuts any connection.
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
# connection attempts; the other hosts are held to the same one.
LIMITS: Mapping[Product, Limits] = MappingProxyType(
    {
        "spot": Limits(5, 1024, ping_interval_s=20.0, pong_deadline_s=60.0),
        "usdm": Limits(10, 1024),
        "coinm": Limits(10, 1024),
        "options": Limits(10, 200, ping_interval_s=300.0, pong_deadline_s=900.0),
    }
)


@dataclass(frozen=True, slots=True)
class Bases:
    """Where one product is served.

    Args:
        streams: WebSocket bases (scheme, host, port; no path); the first is the default.
        rest: REST base, without the path that the catalogue's backfill column begins with.
    """

    streams: tuple[str, ...]
    rest: str


# binance-spot-api-docs 2026-07-21; Connect pages of developers.binance.com 2026-05-28. The
# .vision host serves market data only and answers where stream.binance.com is blocked; its REST
# sibling data-api.binance.vision lists no historicalTrades, so REST stays with api.binance.com.
# Options live on the USD-M host since 2025-12-17; their old host nbstream is not used.
_PRODUCTION: Mapping[Product, Bases] = MappingProxyType(
    {
        "spot": Bases(
            (
                "wss://stream.binance.com:9443",
                "wss://stream.binance.com:443",
                "wss://data-stream.binance.vision",
                "wss://data-stream.binance.vision:9443",
            ),
            "https://api.binance.com",
        ),
        "usdm": Bases(("wss://fstream.binance.com",), "https://fapi.binance.com"),
        "coinm": Bases(("wss://dstream.binance.com",), "https://dapi.binance.com"),
        "options": Bases(("wss://fstream.binance.com",), "https://eapi.binance.com"),
    }
)

# Spot: testnet page of binance-spot-api-docs 2026-07-21. Futures: connector-python 2026-08-21;
# stream.binancefuture.com is the older name and still answered on 2026-09-15. Routing is laxer
# here than in production, so a testnet that delivers proves nothing about a route.
_TESTNET: Mapping[Product, Bases] = MappingProxyType(
    {
        "spot": Bases(
            (
                "wss://stream.testnet.binance.vision",
                "wss://stream.testnet.binance.vision:9443",
            ),
            "https://testnet.binance.vision",
        ),
        "usdm": Bases(
            ("wss://fstream.binancefuture.com", "wss://stream.binancefuture.com"),
            "https://testnet.binancefuture.com",
        ),
        "coinm": Bases(("wss://dstream.binancefuture.com",), "https://testnet.binancefuture.com"),
        "options": Bases(("wss://fstream.binancefuture.com",), "https://testnet.binancefuture.com"),
    }
)

# Spot: demo mode page of binance-spot-api-docs 2026-07-21. Futures: documentation of 2026-09
# (demo-fapi is the same backend as testnet.binancefuture.com). No page names demo hosts for
# options: the testnet's stand in, unverified.
_DEMO: Mapping[Product, Bases] = MappingProxyType(
    {
        "spot": Bases(
            ("wss://demo-stream.binance.com", "wss://demo-stream.binance.com:9443"),
            "https://demo-api.binance.com",
        ),
        "usdm": Bases(("wss://demo-fstream.binance.com",), "https://demo-fapi.binance.com"),
        "coinm": Bases(("wss://demo-dstream.binance.com",), "https://demo-dapi.binance.com"),
        "options": _TESTNET["options"],
    }
)

ENVIRONMENTS: Mapping[str, Mapping[Product, Bases]] = MappingProxyType(
    {"production": _PRODUCTION, "testnet": _TESTNET, "demo": _DEMO}
)


def stream_url(base: str, route: str | None) -> str:
    """The URL of a combined connection, to be subscribed by JSON.

    Always `/stream`, never `/ws`: spot `@depth<levels>` carries no symbol in its payload and can
    be told apart only by the wrapper's stream name (web-socket-streams.md, 2026-07-21).

    Args:
        base: One of `Bases.streams`, or a custom one.
        route: `/public`, `/market` or None, as the catalogue row says.
    """
    return f"{base}{route or ''}/stream"
