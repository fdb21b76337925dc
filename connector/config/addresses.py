"""URLs and Kafka's broker addresses; each error shows the value, and what to write instead."""

import contextlib
import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from connector.config.values import written_as

_URL = re.compile(r"(?P<scheme>[a-z]+)://(?P<host>[^\s/]+)(/\S*)?")
_BROKER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s\[\]:/@,]+):(?P<port>\d{1,5})")
_HIGHEST_PORT = 65_535


def _url(schemes: tuple[str, ...], example: str) -> AfterValidator:
    def check(value: str) -> str:
        match = _URL.fullmatch(value)
        if match is not None and "@" in match["host"]:
            raise ValueError("holds a user or password, which logs would show: put them in a file")
        if match is None or match["scheme"] not in schemes:
            raise ValueError(f"{value!r} is no URL of this sort: write {example}")
        return value

    return AfterValidator(check)


def _without(end: str, added: str) -> AfterValidator:
    """Refuse a base URL with an end that the connector appends itself; `added` names it."""

    def check(value: str) -> str:
        base = re.sub(end, "", value.rstrip("/"))
        if base != value.rstrip("/"):
            raise ValueError(f"{value!r}: leave out {added}: write {base}")
        return value

    return AfterValidator(check)


def _no_socks(value: str) -> str:
    scheme, _, rest = value.partition("://")
    if scheme.startswith("socks"):
        place = rest.rpartition("@")[2]  # never a password
        raise ValueError(
            f"{scheme}://{place}: SOCKS is not supported: name an HTTP proxy, http://host:port, or"
            " put one in front of it"
        )
    return value


Url = Annotated[str, _url(("http", "https"), "http://host:port"), written_as("http(s) URL")]
ProxyUrl = Annotated[
    str,
    AfterValidator(_no_socks),
    _url(("http", "https"), "http://host:port"),
    written_as("http(s) URL"),
]
_WEB_SOCKET = _url(("ws", "wss"), "wss://host:port"), written_as("ws(s) URL")
WebSocketUrl = Annotated[
    str, *_WEB_SOCKET, _without(r"(/(stream|ws))?(\?.*)?$", "/stream, which is added")
]
WebSocketBase = Annotated[
    str,
    *_WEB_SOCKET,
    _without(
        r"(/(public|market|private))?(/(stream|ws))?(\?.*)?$", "route and /stream, which are added"
    ),
]


def _joined(value: Any) -> Any:
    """Return a list of brokers as one text; an environment variable holds a list as JSON."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(ValueError):  # an IPv6 address begins so too
            value = json.loads(value)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return value


def _brokers(value: str) -> str:
    """Return the brokers separated by commas alone."""
    brokers = [broker.strip() for broker in value.split(",") if broker.strip()]
    if not brokers:
        raise ValueError(f"{value!r} names no broker: write host:port")
    if "@" in value:
        raise ValueError("holds a user or password, which logs would show: see kafka.security")
    for broker in brokers:
        match = _BROKER.fullmatch(broker)
        if match is None or not 0 < int(match["port"]) <= _HIGHEST_PORT:
            raise ValueError(f"{broker!r} is no host:port: {_broker_cure(broker)}")
    return ",".join(brokers)


def _broker_cure(broker: str) -> str:
    scheme, separator, rest = broker.partition("://")
    if separator:
        host = rest.rstrip("/")
        address = host if ":" in host else f"{host}:9092"
        return f"write {address}, and {scheme} as kafka.security.protocol if it is one"
    if ":" not in broker and " " not in broker:
        return f"write {broker}:9092, if that is its port"
    return f"write kafka-1:9092,kafka-2:9092; a port is 1 to {_HIGHEST_PORT}"


Brokers = Annotated[
    str, BeforeValidator(_joined), AfterValidator(_brokers), written_as("host:port, ...")
]
