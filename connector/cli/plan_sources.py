"""Listings and volumes for `bkc plan`: from the exchange, or from saved answers."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from connector.binance.exchange_info import Listing, Universe, read_listings
from connector.binance.products import PRODUCTS, Product
from connector.binance.rest_calls import EXCHANGE_INFO
from connector.binance.tickers import read_volumes
from connector.config.model import Settings
from connector.config.plan import bases_of
from connector.config.secrets import proxy_of
from connector.errors import Refused, Retry
from connector.planning.model import Needs
from connector.transport.rest import RestClient


def files(option: str, values: Sequence[str]) -> dict[Product, Path]:
    """Return the files of an option given as PRODUCT=FILE; raises Refused for another form."""
    paths: dict[Product, Path] = {}
    for value in values:
        product, equals, path = value.partition("=")
        if not equals or product not in PRODUCTS:
            known = ", ".join(PRODUCTS)
            raise Refused(f"{option} {value!r}: give PRODUCT=FILE, with PRODUCT one of {known}")
        paths[product] = Path(path)
    return paths


def read_universe(
    infos: Mapping[Product, Path], tickers: Mapping[Product, Path], needed: Needs
) -> Universe:
    """Return listings and volumes of saved answers; raises Refused if one is bad or missing."""
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
    """Ask the exchange for listings and volumes of each product.

    Without an answer a product gives a warning, or Retry if the plan needs its listings.
    """
    rest = RestClient(bases_of(settings), share=settings.limits.share, proxy=proxy_of(settings))
    listings: dict[Product, tuple[Listing, ...]] = {}
    volumes: dict[Product, Mapping[str, float]] = {}
    warnings: list[str] = []
    await rest.start()
    try:
        for product in products:
            try:
                answer = await rest.universe([product], [product])
            except Retry as error:
                if product in needed.listings:
                    raise _with_cure(product, error) from error
                warnings.append(f"names of {product} are not checked: {error}")
            else:
                listings[product] = answer.listings[product]
                volumes[product] = answer.volumes[product]
    finally:
        await rest.close()
    return Universe(listings, volumes), warnings


def _with_cure(product: Product, error: Retry) -> Retry:
    return Retry(
        f"{error}; the symbols of {product} depend on exchangeInfo: give an answer of"
        f" {EXCHANGE_INFO[product].path} that you saved, --exchange-info {product}=FILE, or see"
        " with `bkc check` what is known without it",
        error.after_s,
    )
