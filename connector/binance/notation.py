"""Symbols in the notations of other tools, and how Binance writes them. Pure.

ccxt: BTC/USDT, BTC/USDT:USDT, BTC/USD:BTC-261225. cryptofeed and others: BTC-USDT, BTC-USDT-PERP.
tardis and others: BTCUSDT_PERP on USD-M. TradingView: BINANCE:BTCUSDT.P. Nautilus:
BTCUSDT-PERP.BINANCE.
"""

import re

from connector.binance.products import Product

_SEPARATORS = re.compile(r"[/\-_.]")
_DATE = re.compile(r"[0-9]{6}")
_PERPETUAL = frozenset({"PERP", "PERPETUAL", "SWAP", "P"})
_OPTION_PARTS = 3  # expiry, strike, C or P


def binance_symbol(product: Product, written: str) -> str | None:
    """Return how Binance writes a symbol of another tool's notation, upper case.

    None: it is Binance's own, or in no notation that is known here.
    """
    text = written.upper().removeprefix("BINANCE:").removesuffix(".BINANCE")
    pair, _, settlement = text.partition(":")
    parts = [*_SEPARATORS.split(pair), *settlement.split("-")[1:]]
    if not all(parts) or parts == [written.upper()]:
        return None
    first = next((n for n, part in enumerate(parts) if n and _ends_names(part)), len(parts))
    name, contract = "".join(parts[:first]), parts[first:]
    symbol = _symbol(product, parts[0], name, contract)
    return None if symbol == written.upper() else symbol


def _ends_names(part: str) -> bool:
    return part in _PERPETUAL or _DATE.fullmatch(part) is not None


def _symbol(product: Product, base: str, name: str, contract: list[str]) -> str | None:
    """Return Binance's symbol: of `BTC`, `BTCUSDT` and what the contract is (PERP, 261225)."""
    dated = bool(contract) and _DATE.fullmatch(contract[0]) is not None
    if product == "options":
        is_option = dated and len(contract) == _OPTION_PARTS
        return "-".join((base, *contract)) if is_option else None if contract else name
    if len(contract) > 1:
        return None
    if dated:
        return None if product == "spot" else f"{name}_{contract[0]}"
    return f"{name}_PERP" if product == "coinm" else name
