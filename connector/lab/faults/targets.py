"""What a fault is aimed at: a stream that there is, of a symbol that the market has."""

import difflib
from collections.abc import Iterable

from connector.binance.catalogue import ROWS
from connector.binance.products import PRODUCTS, Product
from connector.binance.stream_name import Stream, parse_any
from connector.binance.stream_pattern import tail
from connector.errors import Refused
from connector.lab.faults import Fault
from connector.lab.market import Market


def named(name: str, product: Product | None) -> list[Stream]:
    """Return the streams that a fault's name means, of one product or of all.

    Raises:
        Refused: no product has such a stream; says what is meant.
    """
    found, complaints = [], dict[str, None]()
    for one in PRODUCTS if product is None else (product,):
        try:
            found.append(parse_any(one, name))
        except Refused as error:
            complaints[str(error)] = None
    if found:
        return found
    if len(complaints) == 1:
        raise Refused(next(iter(complaints)))
    patterns = {tail(row.pattern): row.pattern for row in ROWS}
    near = difflib.get_close_matches(tail(name), patterns, n=1, cutoff=0.4)
    meant = f"did you mean {patterns[near[0]]}?" if near else "`bkc streams` lists them"
    raise Refused(f"no product has a stream {name!r}; {meant}")


def check(faults: Iterable[Fault], market: Market) -> None:
    """See that the market makes the streams that faults are aimed at.

    Raises:
        Refused: it never makes one of them: nothing would ever happen.
    """
    for fault in faults:
        name = getattr(fault, "stream", None)
        if name is None:
            continue
        meant = named(name, getattr(fault, "product", None))
        if not any(market.serves(stream) for stream in meant):
            listed = [symbol for one in meant for symbol in market.symbols.get(one.product, ())]
            known = ", ".join(dict.fromkeys(listed))
            raise Refused(f"fault of {name!r}: the market makes no such stream; it lists {known}")
