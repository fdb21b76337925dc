"""Lists whose rows are independent: a row that cannot be read is left out and named. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from connector.binance.products import Product

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True)
class OddRow:
    """A row that was left out.

    Attributes:
        product: Whose list it was in.
        source: What the list is: `exchangeInfo`, `24 h tickers` or `rateLimits`.
        name: The row's symbol or type; `row 7` if it names none.
        cause: What is wrong with it, with the path of the key.
    """

    product: Product
    source: str
    name: str
    cause: str

    def __str__(self) -> str:
        return f"{self.product} {self.source}: {self.name} is left out: {self.cause}"


class _Named(msgspec.Struct, rename="camel"):
    symbol: str | None = None
    rate_limit_type: str | None = None


@dataclass(frozen=True, slots=True)
class IndependentRows(Generic[_Row]):
    """Reads the rows of one list: the list of a `product`, of what `source` (see OddRow)."""

    product: Product
    source: str
    decoder: msgspec.json.Decoder[_Row]

    def read(self, raws: Sequence[msgspec.Raw]) -> tuple[list[_Row], tuple[OddRow, ...]]:
        """Return the rows in order, and those that are left out.

        Raises:
            msgspec.DecodeError: there are rows, and none can be read: the list is another one.
        """
        rows: list[_Row] = []
        odd: list[OddRow] = []
        first: msgspec.DecodeError | None = None
        for number, raw in enumerate(raws, 1):
            try:
                rows.append(self.decoder.decode(raw))
            except msgspec.DecodeError as error:
                first = first or error
                name = _name(raw) or f"row {number}"
                odd.append(OddRow(self.product, self.source, name, str(error)))
        if first is not None and not rows:
            raise first
        return rows, tuple(odd)


def _name(raw: msgspec.Raw) -> str | None:
    try:
        named = msgspec.json.decode(raw, type=_Named)
    except msgspec.DecodeError:
        return None
    return named.symbol or named.rate_limit_type
