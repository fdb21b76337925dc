"""Stream templates and symbols into wire names. Pure.

A template is a stream name without its symbol (`depth@100ms`), with places for what exchangeInfo
knows (`<underlying>@openInterest@<yymmdd>`), a whole-market stream (`!forceOrder@arr`), or a full
name. Whether a symbol exists is the caller's question.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from connector.binance.catalogue import rows_of
from connector.binance.exchange_info import Listing
from connector.binance.products import Product
from connector.binance.stream_name import EXAMPLES, Stream, is_event, parse
from connector.binance.stream_pattern import keyword, parameter_names
from connector.errors import Refused

PLACES = ("symbol", "pair", "underlying", "asset", "contractType", "yymmdd")
# What only exchangeInfo can fill in: a symbol as written says nothing of it.
LISTED_ONLY = frozenset({"contractType", "yymmdd"})
_PLACE = re.compile(r"<(\w+)>")

# A symbol in every form a stream name may take it, by place.
Forms = Mapping[str, str]


def expand(product: Product, template: str, symbols: Sequence[str]) -> list[str]:
    """Return the wire names of a stream template for symbols as written, whatever is listed.

    Raises:
        Refused: a per-symbol stream without symbols; a place that only exchangeInfo can fill.
    """
    return fill(product, template, [as_written(symbol) for symbol in symbols])


def fill(product: Product, template: str, forms: Sequence[Forms]) -> list[str]:
    """Return the wire names of a stream template, each once, in the order of the symbols.

    Raises:
        Refused: a per-symbol stream without symbols; a place that cannot be filled.
    """
    places = placeholders_of(product, template)
    if not places:
        return [template]
    if not forms:
        raise Refused(f"{template!r} is a stream per symbol: give symbols, [BTCUSDT]")
    _known(template, places, forms)
    whole = template if "<" in template else f"<{places[0]}>@{template}"
    return list(dict.fromkeys(_filled(whole, one) for one in forms))


def _filled(whole: str, one: Forms) -> str:
    return _PLACE.sub(lambda place: one[place.group(1)], whole)


@lru_cache(maxsize=4096)
def placeholders_of(product: Product, template: str) -> tuple[str, ...]:
    """Return what has to be filled into a template; nothing for a whole-market or full name."""
    named = tuple(_PLACE.findall(template))
    whole = template.startswith("!") or is_event(template)
    if named or whole or _is_full_name(product, template):
        return named
    return (_first_parameter(product, template),)


@lru_cache(maxsize=4096)
def trial(product: Product, template: str) -> Stream:
    """Return the stream of a template for some symbol: what it is, whatever is listed.

    Raises:
        Refused: no symbol makes a stream of it.
    """
    [name] = fill(product, template, [_sample(product)])
    try:
        return parse(product, name)
    except Refused as error:
        raise Refused(str(error).replace(repr(name), repr(template))) from error


def _sample(product: Product) -> Forms:
    listed = {"contractType": "perpetual", "yymmdd": "251226"}
    return {**as_written("btcusdt"), **listed, **EXAMPLES[product]}


def as_written(symbol: str) -> Forms:
    """Return the forms of a symbol of which only its name is known: the name itself."""
    return dict.fromkeys(("symbol", "pair", "underlying", "asset"), symbol.lower())


def as_listed(listing: Listing) -> Forms:
    """Return the forms of a listed symbol.

    An asset index is named after the base asset against USD (BTCUSD): the multi-assets mode page
    of developers.binance.com, 2026-05-28.
    """
    forms = {
        "symbol": listing.symbol,
        "pair": listing.pair,
        "underlying": listing.underlying,
        "asset": f"{listing.underlying}USD",
        "contractType": listing.contract_type,
    }
    if listing.expiry is not None:
        expiry = datetime.fromtimestamp(listing.expiry / 1000, tz=UTC)
        forms["yymmdd"] = expiry.strftime("%y%m%d")
    return {place: value.lower() for place, value in forms.items() if value}


def fitting(places: Iterable[str], forms: Iterable[Forms]) -> Iterator[Forms]:
    """Yield those that have a form for each place: a perpetual has no expiry, spot no contract."""
    needed = LISTED_ONLY.intersection(places)
    return (one for one in forms if needed <= one.keys())


def _known(template: str, places: Sequence[str], forms: Sequence[Forms]) -> None:
    for place in places:
        if place not in PLACES:
            named = ", ".join(f"<{known}>" for known in PLACES)
            raise Refused(f"{template!r} has <{place}>, which is none of {named}: write its value")
        if any(place not in one for one in forms):
            raise Refused(
                f"<{place}> of {template!r} is filled from exchangeInfo: write its value, or ask"
                " with `bkc plan`"
            )


def _is_full_name(product: Product, template: str) -> bool:
    """Say whether a symbol is in it; one in upper case is for `parse` to complain of."""
    head, separator, rest = template.partition("@")
    try:
        parse(product, f"{head.lower()}@{rest}" if separator else template)
    except Refused:
        return False
    return True


def _first_parameter(product: Product, template: str) -> str:
    """Return what a template without a symbol takes: the symbol where a row of that kind does."""
    wanted = keyword(f"<symbol>@{template}")
    firsts = [
        names[0]
        for row in rows_of(product)
        if keyword(row.pattern) == wanted and (names := parameter_names(row))
    ]
    return "symbol" if "symbol" in firsts or not firsts else firsts[0]
