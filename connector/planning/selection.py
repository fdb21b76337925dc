"""Which symbols of a product a subscription means: names, globs, filters, the most traded. Pure.

Never asks anybody: listings and 24 h volumes are arguments (`symbols.Universe`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from connector.binance.exchange_info import Listing

GLOB = frozenset("*?[")  # a symbol with one of these is a pattern
UNLISTED = "UNLISTED"  # the status of a name that exchangeInfo does not know


@dataclass(frozen=True, slots=True)
class Selection:
    """The symbols of one subscription; a filter with nothing in it lets everything pass.

    Attributes:
        names: Exact symbols, as written: they need no exchangeInfo, and no filter touches them.
        match: Globs on the symbol (BTC*).
        everything: `all`: whatever the filters below let pass, `match` or not.
        status: Only symbols in one of these states.
        quote: Only symbols quoted in one of these assets.
        contract_type: Only contracts of one of these types (PERPETUAL, CALL, ...).
        underlying: Only symbols of one of these underlyings; for options the index (BTCUSDT).
        top: Only so many, by 24 h volume: a symbol enters at rank N and leaves beyond 1.2 N.
        exclude: Never these symbols or globs.
    """

    names: tuple[str, ...] = ()
    match: tuple[str, ...] = ()
    everything: bool = False
    status: tuple[str, ...] = ("TRADING",)
    quote: tuple[str, ...] = ()
    contract_type: tuple[str, ...] = ()
    underlying: tuple[str, ...] = ()
    top: int | None = None
    exclude: tuple[str, ...] = ()

    @property
    def needs_listings(self) -> bool:
        """Whether exchangeInfo has to be asked: anything but exact names is wanted."""
        filtered = self.match or self.quote or self.contract_type or self.underlying
        return bool(self.everything or filtered or self.top is not None)

    @property
    def needs_volumes(self) -> bool:
        """Whether the 24 h tickers have to be asked."""
        return self.top is not None


def select(
    selection: Selection,
    listings: Sequence[Listing],
    volumes: Mapping[str, float],
    before: Collection[str] = (),
) -> list[Listing]:
    """Return the listings a selection means: those named, in their order, then the others.

    A name that is not listed is kept, with the status UNLISTED and itself as pair and underlying
    (people also name pairs and underlyings). Without any listings there is no product to tell:
    nothing is returned, use `selection.names`.

    Args:
        selection: What is wanted.
        listings: What the product lists.
        volumes: 24 h volume by symbol, comparable within the product.
        before: The symbols selected last time: these leave later than they entered.
    """
    if not listings:
        return []
    listed = {listing.symbol: listing for listing in listings}
    product = listings[0].product
    chosen = {
        name: listed.get(name) or Listing(product, name, name, name, "", "", UNLISTED, None)
        for name in selection.names
    }
    if selection.needs_listings:
        passing = [listing for listing in listings if _passes(selection, listing)]
        if selection.top is not None:
            passing = _most_traded(passing, volumes, selection.top, before)
        for listing in passing:
            chosen.setdefault(listing.symbol, listing)
    return list(chosen.values())


def describe(selection: Selection) -> str:
    """Return a selection in words: `top 50 by 24 h volume of quote USDT without USDCUSDT`."""
    parts = [*selection.names]
    if selection.needs_listings:
        parts.append(" ".join(_filter_words(selection)))
    return ", ".join(parts) or "no symbols"


def _filter_words(selection: Selection) -> list[str]:
    words = [] if selection.top is None else [f"top {selection.top} by 24 h volume of"]
    filters = (
        ("status", () if selection.status == ("TRADING",) else selection.status),
        ("quote", selection.quote),
        ("contract type", selection.contract_type),
        ("underlying", selection.underlying),
        ("symbols like", () if selection.everything else selection.match),
        ("without", selection.exclude),
    )
    given = [f"{name} {'|'.join(values)}" for name, values in filters if values]
    if all(each.startswith("without") for each in given):
        given.insert(0, "all")
    return words + given


def _passes(selection: Selection, listing: Listing) -> bool:
    wanted = (
        (selection.status, listing.status),
        (selection.quote, listing.quote),
        (selection.contract_type, listing.contract_type),
        (selection.underlying, listing.underlying),
    )
    if not all(value in allowed for allowed, value in wanted if allowed):
        return False
    if selection.match and not selection.everything and not _like(selection.match, listing.symbol):
        return False
    return not _like(selection.exclude, listing.symbol)


def _like(globs: Sequence[str], symbol: str) -> bool:
    return any(fnmatchcase(symbol, glob) for glob in globs)


def _most_traded(
    passing: Sequence[Listing], volumes: Mapping[str, float], top: int, before: Collection[str]
) -> list[Listing]:
    """Return the first `top` by volume, and those of last time up to 1.2 `top`, rounded down.

    Two neighbours in rank would take turns without this margin. Equal volumes: by symbol.
    """
    ranked = sorted(passing, key=lambda one: (-volumes.get(one.symbol, 0.0), one.symbol))
    kept = frozenset(before)
    stay = [one for one in ranked[top : top * 6 // 5] if one.symbol in kept]
    return [*ranked[:top], *stay]
