"""What a reconciliation asks: a picture's queries, their weight, what is forgotten. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connector.account.progress import market_and_symbol
from connector.binance.account_events.layout import AccountProduct
from connector.binance.account_queries import (
    DAY_MS,
    MarketQueries,
    QueryKind,
    QueryName,
    queries_of,
)

PICTURE: tuple[QueryName, ...] = (
    "account",
    "balances",
    "risk",
    "positions",
    "open_orders",
    "open_algo_orders",
)
PER_SYMBOL: tuple[QueryName, ...] = ("fills", "orders", "algo_orders")


@dataclass(frozen=True, slots=True)
class Query:
    """One call. It reads, is signed, and may be made again.

    Attributes:
        market: Whose rows it answers: see `MarketQueries`.
    """

    name: QueryName
    kind: QueryKind
    params: Mapping[str, str | int] = field(default_factory=dict)
    market: str | None = None

    @property
    def weight(self) -> int:
        """Request weight of the call."""
        if "symbol" in self.params or self.kind.weight_of_all is None:
            return self.kind.weight
        return self.kind.weight_of_all


def query(asked: MarketQueries, name: QueryName, **params: str | int) -> Query:
    """Return a query; KeyError: the market does not have it."""
    kind = asked.kinds[name]
    return Query(name, kind, {**kind.params, **params}, asked.market)


def market_of(markets: Iterable[MarketQueries], name: str | None) -> MarketQueries | None:
    """Return the queries of a market; None: there are none."""
    return next((asked for asked in markets if asked.market == name), None)


def picture_queries(markets: Iterable[MarketQueries], symbols: Iterable[str]) -> tuple[Query, ...]:
    """Return the queries of the whole account, in their order.

    `symbols`: by their keys; asked one by one where a market's open orders need a symbol.
    """
    found: list[Query] = []
    places = [market_and_symbol(key) for key in symbols]
    for name in PICTURE:
        for asked in markets:
            kind = asked.kinds.get(name)
            if kind is not None and name == "open_orders" and kind.weight_of_all is None:
                own = [symbol for market, symbol in places if market == asked.market]
                found += [query(asked, name, symbol=symbol) for symbol in own]
            elif kind is not None:
                found.append(query(asked, name))
    return tuple(found)


def symbol_weight(asked: MarketQueries) -> int:
    """Return the weight of asking for one symbol, if every list is one page."""
    return sum(asked.kinds[name].weight for name in PER_SYMBOL if name in asked.kinds)


def predicted_weight(
    product: AccountProduct, symbols: tuple[str, ...], isolated_symbol: str | None = None
) -> int:
    """Return the weight of a reconciliation of one round, if every list is one page.

    `symbols`: the keys of `AccountProgress.symbols`.
    """
    markets = queries_of(product, isolated_symbol)
    pictures = 2 * sum(each.weight for each in picture_queries(markets, symbols))
    income = sum(each.kinds["income"].weight for each in markets if each.names_movers)
    found = (market_of(markets, market_and_symbol(key)[0]) for key in symbols)
    return pictures + income + sum(symbol_weight(asked) for asked in found if asked)


def memory_fault(markets: Iterable[MarketQueries], since_ms: int, now_ms: int) -> str | None:
    """Return what the exchange no longer shows of a break; None: it shows all of it."""
    gone = {
        f"{name} older than {kind.memory_ms // DAY_MS} days": None
        for asked in markets
        for name, kind in asked.kinds.items()
        if name in PER_SYMBOL and kind.memory_ms is not None and since_ms < now_ms - kind.memory_ms
    }
    return f"the exchange no longer shows {', '.join(gone)}" if gone else None
