"""Topic and endpoint of a stream. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from connector.binance.catalogue.row import Row
from connector.binance.products import ENVIRONMENTS, PRODUCTS, Bases, Product, stream_url
from connector.binance.stream_name import Stream
from connector.errors import Refused

TOPIC_PLACEHOLDERS = ("prefix", "product", "kind", "symbol")
DEFAULT_TOPIC = "{prefix}.{product}.{kind}"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NOT_IN_A_TOPIC = re.compile(r"[^A-Za-z0-9._-]")
_MAX_TOPIC_LENGTH = 249  # Kafka's limit
# web-socket-streams.md of binance-spot-api-docs, 2026-07-21: an option of the URL, spot only.
MICROSECONDS = "?timeUnit=MICROSECOND"


def topic_of(template: str | None, prefix: str, stream: Stream) -> str:
    """Return a stream's topic; without a template, the default.

    Raises:
        Refused: an unknown placeholder, `{symbol}` for a stream of several symbols, a name that
            Kafka does not accept.
    """
    template = template or DEFAULT_TOPIC
    values = {"prefix": prefix, "product": stream.product, "kind": stream.row.kind}
    if "{symbol}" in template:
        values["symbol"] = _symbol(stream)

    def value(found: re.Match[str]) -> str:
        if found[1] not in TOPIC_PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in TOPIC_PLACEHOLDERS)
            raise Refused(f"topic {template!r} has {found[0]}, which is none of {known}")
        return values[found[1]]

    topic = _PLACEHOLDER.sub(value, template)
    if bad := _NOT_IN_A_TOPIC.search(topic):
        raise Refused(
            f"topic {topic!r} has {bad[0]!r}, and Kafka accepts only letters, digits and . _ -:"
            " leave {symbol} out of the topic, or name it yourself"
        )
    if topic in ("", ".", "..") or len(topic) > _MAX_TOPIC_LENGTH:
        raise Refused(
            f"topic {topic!r} is no name Kafka accepts: 1 to {_MAX_TOPIC_LENGTH} characters"
        )
    return topic


def _symbol(stream: Stream) -> str:
    values = stream.parameters
    symbol = values.get("symbol") or values.get("pair") or values.get("asset")
    if not symbol or stream.row.array:
        raise Refused(
            f"the topic is named after {{symbol}}, but {stream.name} carries several symbols:"
            " leave {symbol} out, or give this stream a topic of its own"
        )
    return symbol.upper()


def endpoint_of(
    stream: Stream, endpoint: str | None, bases: Mapping[Product, Bases], unit: str
) -> str:
    """Return the URL of the connection that serves a stream; the unit of its times is ms or us.

    `endpoint` is the subscription's base and route; None: they are from `bases` and the catalogue.

    Raises:
        Refused: the product has no base; microseconds of another product than spot.
    """
    product = stream.product
    if product not in bases:
        raise Refused(
            f"exchange gives no base for {product}: add {product}: {{streams: ...}} to it"
        )
    if unit == "us" and product != "spot":
        raise Refused(f"time_unit us is an option of spot alone: leave it out for {product}")
    base = endpoint.rstrip("/") if endpoint else bases[product].streams[0]
    url = stream_url(base, None if endpoint else stream.row.route)
    return url + MICROSECONDS if unit == "us" else url


_ROUTE_AT_END = re.compile(r"/(public|market|private)$")


def endpoint_problem(row: Row, endpoint: str) -> str | None:
    """Return why an endpoint cannot serve a row's streams; None: nothing is known against it.

    Binance acknowledges a stream on a wrong host or route and sends no data. A host that is not
    Binance's may be a proxy or a simulator: only its route can be checked.
    """
    parts = urlsplit(endpoint.rstrip("/"))
    base = _ROUTE_AT_END.sub("", f"{parts.scheme}://{parts.netloc}{parts.path}")
    serves = [product for product in PRODUCTS if parts.hostname in _hosts(product)]
    route = parts.path.removeprefix(urlsplit(base).path)
    stream = f"{row.product} {row.pattern}"
    if serves and row.product not in serves:
        own = [each + (row.route or "") for each in ENVIRONMENTS["production"][row.product].streams]
        return (
            f"{endpoint!r} does not carry {stream}: this host serves {' and '.join(serves)};"
            f" write {' or '.join(own)}, or leave it out"
        )
    if route == (row.route or "") or not (route or serves) or not (row.route or serves):
        return None
    fact = f"Binance sends it on {row.route}" if row.route else f"{row.product} has no routes"
    return (
        f"{endpoint!r} does not carry {stream}: {fact}; write {base}{row.route or ''}, or leave"
        " it out: then each stream has its own"
    )


def _hosts(product: Product) -> set[str | None]:
    bases = (base for environment in ENVIRONMENTS.values() for base in environment[product].streams)
    return {urlsplit(base).hostname for base in bases}
