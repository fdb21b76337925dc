"""Whom `bkc plan` asks: the exchange or files for what is listed, a worker for what it runs."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from connector.binance.exchange_info import Listing, Universe, read_listings
from connector.binance.products import PRODUCTS, Product
from connector.binance.rest_calls import EXCHANGE_INFO
from connector.binance.tickers import read_volumes
from connector.config.model import Settings
from connector.config.plan import bases_of
from connector.config.secrets import proxy_of
from connector.errors import Refused, Retry
from connector.planning.diff import Running
from connector.planning.model import Needs
from connector.transport.rest import RestClient

TIMEOUT_S = 10.0


def files(option: str, given: Sequence[str]) -> dict[Product, Path]:
    """Return the files of an option given as PRODUCT=FILE, any number of times.

    Raises:
        Refused: not of that form, or no product.
    """
    found: dict[Product, Path] = {}
    for each in given:
        product, equals, path = each.partition("=")
        if not equals or product not in PRODUCTS:
            named = ", ".join(PRODUCTS)
            raise Refused(f"{option} {each!r}: give PRODUCT=FILE, with PRODUCT one of {named}")
        found[product] = Path(path)
    return found


def read_universe(
    infos: Mapping[Product, Path], tickers: Mapping[Product, Path], needed: Needs
) -> Universe:
    """Return what saved answers say.

    Raises:
        Refused: a file that cannot be read or is no such answer; volumes are needed and not given.
    """
    listings = {product: read_listings(product, _bytes(path)) for product, path in infos.items()}
    volumes = {
        product: read_volumes(product, _bytes(path), listings.get(product, ()))
        for product, path in tickers.items()
    }
    for product in needed.volumes & listings.keys():
        if product not in volumes:
            raise Refused(
                f"symbols of {product} are chosen by 24 h volume (top): give --tickers"
                f" {product}=FILE too, an answer of the 24 h tickers of all symbols"
            )
    return Universe(listings, volumes)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: cannot read the file: {error.strerror}") from error


async def ask_universe(
    settings: Settings, products: Iterable[Product], needed: Needs
) -> tuple[Universe, list[str]]:
    """Ask the exchange what each product lists and trades; say which it could do without.

    Raises:
        Retry: an answer that the plan needs cannot be had.
    """
    rest = RestClient(bases_of(settings), share=settings.limits.share, proxy=proxy_of(settings))
    listings: dict[Product, tuple[Listing, ...]] = {}
    volumes: dict[Product, Mapping[str, float]] = {}
    without: list[str] = []
    await rest.start()
    try:
        for product in products:
            try:
                answer = await rest.universe([product], [product])
            except Retry as error:
                if product in needed.listings:
                    raise _cannot_ask(product, error) from error
                without.append(f"names of {product} are not checked: {error}")
            else:
                listings[product] = answer.listings[product]
                volumes[product] = answer.volumes[product]
    finally:
        await rest.close()
    return Universe(listings, volumes), without


def _cannot_ask(product: Product, error: Retry) -> Retry:
    return Retry(
        f"{error}; the symbols of {product} depend on exchangeInfo: give an answer of"
        f" {EXCHANGE_INFO[product].path} that you saved, --exchange-info {product}=FILE, or see"
        " with `bkc check` what is known without it",
        error.after_s,
    )


def ask_running(url: str) -> Running:
    """Ask a worker what it runs.

    Args:
        url: Where it serves its probes: http://host:8080.

    Raises:
        Retry: it does not answer.
        Refused: no URL, or no worker that tells its plan.
    """
    if not url.startswith(("http://", "https://")):
        raise Refused(f"--running {url!r}: give the URL of a worker, http://host:8080")
    address = f"{url.rstrip('/')}/status"
    # A worker is asked directly, whatever proxy the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=TIMEOUT_S) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        raise Refused(f"--running: {address} answers {error.code}: is it a worker?") from error
    except OSError as error:
        raise Retry(f"{address}: {getattr(error, 'reason', error)}") from error
    return Running(_names(body, address))


def _names(body: bytes, address: str) -> dict[str, list[str]]:
    try:
        told: Any = json.loads(body)
    except ValueError:
        told = None
    plan = told.get("plan") if isinstance(told, dict) else None
    if not isinstance(plan, dict) or not all(isinstance(each, list) for each in plan.values()):
        raise Refused(f"--running: {address} tells no plan: is it a worker of this version?")
    return plan
