"""A product's exchangeInfo and tickers, read and made small for another process. Pure.

Spot's exchangeInfo has about 15 MB, of which a plan needs a fiftieth. rest.py says why and when
this runs in a process of its own.
"""

import msgspec
from msgspec import Struct

from connector.binance.products import Product
from connector.binance.symbols import ExchangeInfo, read_exchange_info
from connector.binance.volumes import read_volumes
from connector.errors import Refused


class Condensed(Struct, frozen=True):
    """What is left of the answers.

    Args:
        info: Listings and limits.
        volumes: Symbol -> 24 h volume; empty when no tickers were given.
    """

    info: ExchangeInfo
    volumes: dict[str, float]


class _Outcome(Struct):
    """Either of the two: an exception cannot cross to the other process as bytes."""

    condensed: Condensed | None = None
    refused: str = ""


def condense(product: Product, info: bytes, tickers: bytes | None) -> Condensed:
    """Read the answers of one product.

    Raises:
        Refused: One of them is something else.
    """
    read = read_exchange_info(product, info)
    volumes = {} if tickers is None else read_volumes(product, tickers, read.listings)
    return Condensed(read, volumes)


def pack(product: Product, info: bytes, tickers: bytes | None) -> bytes:
    """Condense the answers into bytes, a refusal included: what the worker process calls."""
    try:
        outcome = _Outcome(condense(product, info, tickers))
    except Refused as error:
        outcome = _Outcome(refused=str(error))
    return msgspec.msgpack.encode(outcome)


def unpack(raw: bytes) -> Condensed:
    """Return what `pack` condensed.

    Raises:
        Refused: what `condense` refused.
    """
    outcome = msgspec.msgpack.decode(raw, type=_Outcome)
    if outcome.condensed is None:
        raise Refused(outcome.refused)
    return outcome.condensed
