"""Methods of the WS API as data: their weights, their signatures, and which of them trade. Pure.

Source: web-socket-api.md of binance-spot-api-docs, 2026-07-21; the WS API pages of USD-M and
COIN-M, 2026-05-28. A method that is not here is called too; the exchange's count corrects its
weight.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from connector.binance.rest_calls import DEPTH_WEIGHTS, weight_of
from connector.binance.signing import ApiParams
from connector.errors import Refused

WsApiProduct = Literal["spot", "usdm", "coinm"]
WS_API_PRODUCTS: tuple[WsApiProduct, ...] = ("spot", "usdm", "coinm")
Security = Literal["none", "key", "signed"]
# Weight of opening a connection.
CONNECT_WEIGHT: Mapping[WsApiProduct, int] = {"spot": 2, "usdm": 5, "coinm": 5}
LOG_ON, LOG_OFF = "session.logon", "session.logout"
SUBSCRIBE = "userDataStream.subscribe"
SUBSCRIBE_SIGNED = "userDataStream.subscribe.signature"
SUBSCRIBE_TOKEN = "userDataStream.subscribe.listenToken"  # noqa: S105 - a method's name
UNSUBSCRIBE = "userDataStream.unsubscribe"
SUBSCRIBING = frozenset({SUBSCRIBE, SUBSCRIBE_SIGNED, SUBSCRIBE_TOKEN})


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Attributes:
        weight: Request weight of a call.
        security: none: sent as it stands. key: with the API key. signed: with a signature too.
        weight_of_all: Weight where the call names no symbol; None: the same.
    """

    weight: int
    security: Security = "none"
    weight_of_all: int | None = None


UNKNOWN = Method(1, "signed")

_SPOT: Mapping[str, Method] = {
    "ping": Method(1),
    "time": Method(1),
    "exchangeInfo": Method(20),
    "depth": Method(5),
    "trades.recent": Method(25),
    "trades.historical": Method(25),
    "trades.aggregate": Method(4),
    "blockTrades.historical": Method(25),
    "klines": Method(2),
    "uiKlines": Method(2),
    "avgPrice": Method(2),
    "referencePrice": Method(2),
    "ticker.24hr": Method(2, weight_of_all=80),
    "ticker.tradingDay": Method(4, weight_of_all=200),
    "ticker": Method(4, weight_of_all=200),
    "ticker.price": Method(2, weight_of_all=4),
    "ticker.book": Method(2, weight_of_all=4),
    LOG_ON: Method(2, "signed"),
    LOG_OFF: Method(2),
    "session.status": Method(2),
    "session.subscriptions": Method(2),
    SUBSCRIBE: Method(2),
    SUBSCRIBE_SIGNED: Method(2, "signed"),
    SUBSCRIBE_TOKEN: Method(2),
    UNSUBSCRIBE: Method(2),
    "account.status": Method(20, "signed"),
    "account.commission": Method(20, "signed"),
    "account.rateLimits.orders": Method(40, "signed"),
    "openOrders.status": Method(6, "signed", weight_of_all=80),
    "allOrders": Method(20, "signed"),
    "orderList.status": Method(4, "signed"),
    "openOrderLists.status": Method(6, "signed"),
    "allOrderLists": Method(20, "signed"),
    "myTrades": Method(20, "signed"),
    "myPreventedMatches": Method(20, "signed"),
    "myAllocations": Method(20, "signed"),
    "myFilters": Method(40, "signed"),
}
_STREAM_KEY: Mapping[str, Method] = {
    "userDataStream.start": Method(1, "key"),
    "userDataStream.ping": Method(1, "key"),
    "userDataStream.stop": Method(1, "key"),
}
_FUTURES_SESSION: Mapping[str, Method] = {
    LOG_ON: Method(2, "signed"),
    LOG_OFF: Method(2),
    "session.status": Method(2),
}
_FUTURES_ACCOUNT: Mapping[str, Method] = {
    "account.status": Method(5, "signed"),
    "account.balance": Method(5, "signed"),
    "account.position": Method(5, "signed"),
}
_USDM: Mapping[str, Method] = {
    "depth": Method(20),
    "ticker.price": Method(1, weight_of_all=2),
    "ticker.book": Method(2, weight_of_all=5),
    "v2/account.status": Method(5, "signed"),
    "v2/account.balance": Method(5, "signed"),
    "v2/account.position": Method(5, "signed"),
    **_FUTURES_SESSION,
    **_FUTURES_ACCOUNT,
    **_STREAM_KEY,
}
METHODS: Mapping[WsApiProduct, Mapping[str, Method]] = {
    "spot": _SPOT,
    "usdm": _USDM,
    "coinm": {**_FUTURES_SESSION, **_FUTURES_ACCOUNT, **_STREAM_KEY},
}
_DEPTH_PATH: Mapping[WsApiProduct, str] = {"spot": "/api/v3/depth", "usdm": "/fapi/v1/depth"}
_DEPTH_LIMIT: Mapping[WsApiProduct, int] = {"spot": 100, "usdm": 500}  # where a call names none


def find_method(product: WsApiProduct, name: str) -> Method:
    """Return a method's facts; of an unknown one the guess `UNKNOWN`."""
    return METHODS[product].get(name, UNKNOWN)


def call_weight(product: WsApiProduct, name: str, params: ApiParams) -> int:
    """Return the request weight of a call with these parameters."""
    method = find_method(product, name)
    if name == "depth" and product in _DEPTH_PATH:
        levels = params.get("limit", _DEPTH_LIMIT[product])
        rows = int(levels) if isinstance(levels, int | str) and str(levels).isdecimal() else 1
        return weight_of(DEPTH_WEIGHTS[_DEPTH_PATH[product]], rows)
    if method.weight_of_all is not None and not {"symbol", "symbols"} & params.keys():
        return method.weight_of_all
    return method.weight


# Whatever places, changes, tests or cancels orders, or moves money. Words stand between dots and
# slashes; order.status reads, but is left out with its family (allOrders reads the same).
_TRADING = re.compile(
    r"""(^|[./])(order|sor|algoOrder|conditionalOrder)\.
      | \.(place|test|cancel|cancelAll|cancelReplace|modify|amend|keepPriority)([./]|$)
      | withdraw | transfer | borrow | repay | convert | redeem | purchase | deposit\.""",
    re.VERBOSE | re.IGNORECASE,
)


def refuse_trading(name: str) -> None:
    """Raise Refused for a method that trades or moves money: this program reads."""
    if _TRADING.search(name):
        raise Refused(
            f"{name}: this program reads, and calls no method that trades or moves money"
            " (order.*, sor.*, ...); orders are read with openOrders.status and allOrders"
        )
