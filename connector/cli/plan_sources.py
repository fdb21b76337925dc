"""Listings and volumes for `bkc plan`: from the exchange, or from saved answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connector.binance.exchange_info import Listing, Universe, read_exchange_info
from connector.binance.products import PRODUCTS, Product
from connector.binance.rest_calls import EXCHANGE_INFO, TICKERS, Call
from connector.binance.rows import OddRow
from connector.binance.tickers import read_tickers
from connector.config.model import Settings
from connector.config.plan import bases_of
from connector.config.secrets import proxy_of
from connector.errors import Refused, Retry
from connector.planning.model import Needs
from connector.transport import tls
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
    listings: dict[Product, tuple[Listing, ...]] = {}
    volumes: dict[Product, Mapping[str, float]] = {}
    odd: list[OddRow] = []
    for product, path in infos.items():
        info = read_exchange_info(product, _bytes(path))
        listings[product] = info.listings
        odd += info.odd
    for product, path in tickers.items():
        listed = listings.get(product, ())
        volumes[product], rows = read_tickers(product, _bytes(path), listed)
        odd += rows
    for product in needed.volumes & listings.keys():
        if product not in volumes:
            raise Refused(
                f"symbols of {product} are chosen by 24 h volume (top): give --tickers"
                f" {product}=FILE too, an answer of the 24 h tickers of all symbols"
            )
    return Universe(listings, volumes, tuple(odd))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: cannot read the file: {error.strerror}") from error


async def ask_universe(
    settings: Settings, products: Iterable[Product], needed: Needs
) -> tuple[Universe, list[str]]:
    """Ask the exchange for listings and volumes of each product.

    A call without an answer gives a warning, or Retry if the plan needs what it asks for.
    """
    trust, share = tls.client_context(settings.ca_file), settings.limits.share
    rest = RestClient(bases_of(settings), share=share, proxy=proxy_of(settings), tls=trust)
    asked = _Asked(rest, needed)
    await rest.start()
    try:
        for product in products:
            await asked.ask(product)
    finally:
        await rest.close()
    return Universe(asked.listings, asked.volumes, tuple(asked.odd)), asked.warnings


@dataclass
class _Asked:
    """What the exchange has answered so far."""

    rest: RestClient
    needed: Needs
    listings: dict[Product, tuple[Listing, ...]] = field(default_factory=dict)
    volumes: dict[Product, Mapping[str, float]] = field(default_factory=dict)
    odd: list[OddRow] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    async def ask(self, product: Product) -> None:
        """Ask for a product's listings, then for its volumes; raises Retry if they are needed."""
        try:
            info = await self.rest.exchange_info(product)
        except Retry as error:
            if product in self.needed.listings:
                raise _with_cure(product, error, EXCHANGE_INFO, "--exchange-info") from error
            self.warnings.append(f"names of {product} are not checked: {error}")
            return
        self.listings[product] = info.listings
        self.odd += info.odd
        try:
            volumes, odd = await self.rest.volumes(product, info.listings)
        except Retry as error:
            if product in self.needed.volumes:
                raise _with_cure(product, error, TICKERS, "--tickers") from error
            self.warnings.append(f"traffic of {product} is estimated without volumes: {error}")
            return
        self.volumes[product] = volumes
        self.odd += odd


def _with_cure(product: Product, error: Retry, calls: Mapping[Product, Call], option: str) -> Retry:
    """Return the error with how to do without the call; its text begins with the call itself."""
    path = calls[product].path
    saved = "" if calls is EXCHANGE_INFO else f" and --exchange-info {product}=FILE"
    return Retry(
        f"{error}; the symbols of {product} depend on it: give an answer of {path} that you saved,"
        f" {option} {product}=FILE{saved}, or see with `bkc check` what is known without it",
        error.after_s,
    )
