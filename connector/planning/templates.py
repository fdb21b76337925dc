"""Stream templates filled in with symbols: wire names. Pure.

A template is a name without its symbol (`depth@100ms`) or with placeholders for what exchangeInfo
knows (`<underlying>@openInterest@<yymmdd>`), a whole-market stream (`!forceOrder@arr`), or a full
name. Whether a symbol is listed is not checked here.
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

PLACEHOLDERS = ("symbol", "pair", "underlying", "asset", "contractType", "yymmdd")
# Placeholders that exchangeInfo alone can fill: a symbol's name does not contain their values.
LISTED_ONLY = frozenset({"contractType", "yymmdd"})
_PLACEHOLDER = re.compile(r"<(\w+)>")

SymbolForms = Mapping[str, str]  # placeholder -> how a symbol is written there, lower case


def fill(product: Product, template: str, symbols: Sequence[SymbolForms]) -> list[str]:
    """Return the wire names of a template, each once, in the order of the symbols.

    Raises:
        Refused: a per-symbol stream without symbols; a placeholder that cannot be filled.
    """
    placeholders = placeholders_of(product, template)
    if not placeholders:
        return [template]
    if not symbols:
        raise Refused(f"{template!r} is a stream per symbol: give symbols, [BTCUSDT]")
    _check(template, placeholders, symbols)
    whole = template if "<" in template else f"<{placeholders[0]}>@{template}"

    def filled(forms: SymbolForms) -> str:
        return _PLACEHOLDER.sub(lambda found: forms[found[1]], whole)

    return list(dict.fromkeys(map(filled, symbols)))


@lru_cache(maxsize=4096)
def placeholders_of(product: Product, template: str) -> tuple[str, ...]:
    """Return what has to be filled into a template; empty for a whole-market or full name."""
    written = tuple(_PLACEHOLDER.findall(template))
    whole = template.startswith("!") or is_event(template)
    if written or whole or _is_full_name(product, template):
        return written
    return (_first_parameter(product, template),)


@lru_cache(maxsize=4096)
def trial(product: Product, template: str) -> Stream:
    """Return the stream of a template for an example symbol.

    Raises:
        Refused: no symbol makes a stream of it.
    """
    listed = {"contractType": "perpetual", "yymmdd": "251226"}
    example = {**forms_of_name("btcusdt"), **listed, **EXAMPLES[product]}
    [name] = fill(product, template, [example])
    try:
        return parse(product, name)
    except Refused as error:
        raise Refused(str(error).replace(repr(name), repr(template))) from error


def forms_of_name(symbol: str) -> SymbolForms:
    """Return the forms of a symbol that was not looked up: its name everywhere."""
    return dict.fromkeys(("symbol", "pair", "underlying", "asset"), symbol.lower())


def forms_of_listing(listing: Listing) -> SymbolForms:
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
        forms["yymmdd"] = f"{datetime.fromtimestamp(listing.expiry / 1000, tz=UTC):%y%m%d}"
    return {placeholder: value.lower() for placeholder, value in forms.items() if value}


def with_placeholders(
    placeholders: Iterable[str], symbols: Iterable[SymbolForms]
) -> Iterator[SymbolForms]:
    """Yield the symbols that can fill them: a perpetual has no expiry, spot no contract type."""
    needed = LISTED_ONLY.intersection(placeholders)
    return (forms for forms in symbols if needed <= forms.keys())


def _check(template: str, placeholders: Sequence[str], symbols: Sequence[SymbolForms]) -> None:
    """Refuse a placeholder that is unknown, or that one of the symbols has no form for."""
    for placeholder in placeholders:
        if placeholder not in PLACEHOLDERS:
            known = ", ".join(f"<{name}>" for name in PLACEHOLDERS)
            text = f"{template!r} has <{placeholder}>, which is none of {known}: write its value"
            raise Refused(text)
        if any(placeholder not in forms for forms in symbols):
            raise Refused(
                f"<{placeholder}> of {template!r} is filled from exchangeInfo: write its value, or"
                " ask with `bkc plan`"
            )


def _is_full_name(product: Product, template: str) -> bool:
    """Return whether a template contains a symbol, in whatever case: `parse` refuses upper case."""
    head, at, rest = template.partition("@")
    try:
        parse(product, head.lower() + at + rest if at else template)
    except Refused:
        return False
    return True


def _first_parameter(product: Product, template: str) -> str:
    """Return the parameter that a template lacks: the symbol, where a row of that name has one."""
    wanted = keyword(f"<symbol>@{template}")
    rows = [row for row in rows_of(product) if keyword(row.pattern) == wanted]
    firsts = [names[0] for row in rows if (names := parameter_names(row))]
    return "symbol" if "symbol" in firsts or not firsts else firsts[0]
