"""What a fault is aimed at: streams and REST paths that exist, of symbols that the market has."""

from collections.abc import Iterable

from connector.binance.catalogue import ROWS
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import EXAMPLES, Stream, parse_any
from connector.binance.stream_pattern import tail
from connector.errors import Refused, did_you_mean
from connector.lab.account.rest_routes import PATHS
from connector.lab.faults import AnyFault, SymbolStatus
from connector.lab.market import Market
from connector.lab.rest import paths

_WILDCARDS = frozenset("*?[")


def named(name: str, product: Product | None) -> list[Stream]:
    """Return the streams that a fault's name means, of one product or of all.

    Raises:
        Refused: no product has such a stream; says what is meant.
    """
    found, complaints = [], dict[str, None]()
    for candidate in PRODUCTS if product is None else (product,):
        try:
            found.append(parse_any(candidate, name))
        except Refused as error:
            complaints[str(error)] = None
    if found:
        return found
    if len(complaints) == 1:
        raise Refused(next(iter(complaints)))
    patterns = {tail(row.pattern): row.pattern for row in ROWS}
    near = did_you_mean(tail(name), patterns, cutoff=0.4)
    meant = f"did you mean {patterns[near]}?" if near else "`bkc streams` lists them"
    raise Refused(f"no product has a stream {name!r}; {meant}")


def matching(pattern: str, product: Product | None) -> None:
    """See that a pattern can match a stream, as far as its end without wildcards shows it.

    Raises:
        Refused: no product has such a stream.
    """
    symbol, _, end = pattern.partition("@")
    if not _WILDCARDS & set(pattern):
        named(pattern, product)
    elif end and not _WILDCARDS & set(end):
        heads = {value for values in EXAMPLES.values() for value in values.values()}
        streams = [f"{head}@{end}" for head in (heads if _WILDCARDS & set(symbol) else [symbol])]
        if not any(_exists(stream, product) for stream in streams):
            named(f"btcusdt@{end}", product)


def _exists(name: str, product: Product | None) -> bool:
    try:
        return bool(named(name, product))
    except Refused:
        return False


def check(faults: Iterable[AnyFault], market: Market) -> None:
    """See that the market makes the streams, and REST has the paths, that faults are aimed at.

    Raises:
        Refused: one of them does not exist: nothing would ever happen.
    """
    for fault in faults:
        name, path = getattr(fault, "stream", None), getattr(fault, "path", "/")
        if name is not None:
            _check_stream(name, getattr(fault, "product", None), market)
        known = (*PATHS, *(served.path for served in paths(market)))
        if not any(served.startswith(path) for served in known):
            raise Refused(f"fault of {path!r}: no path of REST begins like this")
        if isinstance(fault, SymbolStatus):
            _check_symbol(fault, market)


def _check_stream(name: str, product: Product | None, market: Market) -> None:
    targets = named(name, product)
    if not any(market.serves(stream) for stream in targets):
        listed = [symbol for target in targets for symbol in market.symbols.get(target.product, ())]
        known = ", ".join(dict.fromkeys(listed))
        raise Refused(f"fault of {name!r}: the market makes no such stream; it lists {known}")


def _check_symbol(fault: SymbolStatus, market: Market) -> None:
    listed = market.symbols.get(fault.product, ())
    if fault.symbol not in listed:
        known = ", ".join(listed)
        raise Refused(f"fault of {fault.symbol!r}: {fault.product} does not list it but {known}")
