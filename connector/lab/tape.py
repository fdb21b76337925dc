"""What one symbol traded: trades, their aggregates, candles and window statistics. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice, takewhile
from typing import Literal, NamedTuple

from connector.binance.candles import DAY_MS
from connector.lab.candles import Amounts, Candle, CandleSeries
from connector.lab.trade_history import RETENTION, TradeRow

Kind = Literal["trade", "agg-trade"]
PRIOR_TRADES = 5_000  # trades of the day before the start, in 24 h statistics
_EIGHT_PLACES, _TWO_PLACES = Decimal("0.00000001"), Decimal("0.01")


class Traded(NamedTuple):
    """One trade or aggregate."""

    kind: Kind
    row: TradeRow


@dataclass(slots=True)
class Tape:
    """The trades of one symbol; every candle and statistic of it is computed from them.

    Args:
        trade_id: Last id used; begins before the first trade.
        agg_id: Last id used.
        start_price: Price before the first trade.
        contract_size: USD a contract (COIN-M); None: quantities are in the base asset.

    Attributes:
        prior_value: Volume of the day before the start, in the quote asset.
        last: The last trade; None before the first.
        fresh: What was traded since the market last took it.
    """

    trade_id: int
    agg_id: int
    start_price: str
    contract_size: int | None = None
    prior_value: Decimal = Decimal(0)
    last: TradeRow | None = None
    fresh: list[Traded] = field(default_factory=list)
    _began_ms: int | None = None
    _start_id: int = field(init=False)
    _minutes: CandleSeries = field(init=False)
    _series: dict[tuple[str, int], CandleSeries] = field(default_factory=dict)
    _recent: deque[TradeRow] = field(default_factory=lambda: deque(maxlen=RETENTION))

    def __post_init__(self) -> None:
        self._start_id = self.trade_id
        self._minutes = self._series["1m", 0] = CandleSeries("1m", 0, self.start_price)

    def begin(self, now_ms: int) -> None:
        """Note the time of an event: REST's candles begin with the earliest."""
        self._began_ms = now_ms if self._began_ms is None else min(self._began_ms, now_ms)

    def skip_id(self, now_ms: int) -> TradeRow:
        """Spend a trade id without a fill (USD-M): price and quantity 0, in no candle."""
        self.trade_id += 1
        row = TradeRow(self.trade_id, "0", "0", now_ms, maker=False, is_listed=False)
        self.fresh.append(Traded("trade", row))
        return row

    def execute(
        self, now_ms: int, price: str, quantities: Sequence[str], *, is_sale: bool
    ) -> TradeRow:
        """Fill one taker order in one trade a quantity; return the aggregate."""
        self.begin(now_ms)
        first = self.trade_id + 1
        for quantity in quantities:
            self.trade_id += 1
            self._add(TradeRow(self.trade_id, price, quantity, now_ms, maker=is_sale))
        self.agg_id += 1
        total = f"{sum(map(Decimal, quantities)):f}"
        aggregate = TradeRow(self.agg_id, price, total, now_ms, is_sale, first, self.trade_id)
        self.fresh.append(Traded("agg-trade", aggregate))
        return aggregate

    def _add(self, row: TradeRow) -> None:
        self.last = row
        self._recent.append(row)
        self.fresh.append(Traded("trade", row))
        amounts = self._amounts(row)
        for series in self._series.values():
            series.add(row.time, row.id, row.price, amounts)

    def _amounts(self, row: TradeRow) -> Amounts:
        price, quantity = Decimal(row.price), Decimal(row.quantity)
        size = self.contract_size
        value = quantity * price if size is None else quantity * size / price
        return Amounts(price, quantity, value.quantize(_EIGHT_PLACES), bought=not row.maker)

    def series(self, interval: str, zone_ms: int = 0) -> CandleSeries:
        """Return the candles of an interval, built from what was traded so far."""
        key = (interval, zone_ms)
        if key not in self._series:
            made = self._series[key] = CandleSeries(interval, zone_ms, self.start_price)
            if interval.endswith("s"):
                self._replay(made, self._recent)
            else:
                for minute in self._minutes.traded(0):
                    made.merge(minute)
        return self._series[key]

    def _replay(self, series: CandleSeries, rows: Iterable[TradeRow]) -> None:
        for row in rows:
            series.add(row.time, row.id, row.price, self._amounts(row))

    def between(
        self, series: CandleSeries, start_ms: int | None, end_ms: int, now_ms: int, limit: int
    ) -> list[Candle]:
        """Return candles that open in a span, both ends included, as REST shows them at `now_ms`.

        Args:
            start_ms: None: the last ones of the span, else the first ones.
            limit: Maximum number of candles.
        """
        began = series.open_time(now_ms if self._began_ms is None else self._began_ms)
        newest = min(end_ms, now_ms)
        if start_ms is None:
            opens = list(islice(takewhile(began.__le__, series.back_from(newest)), limit))[::-1]
        else:
            forward = series.open_times(max(began, start_ms))
            opens = list(islice(takewhile(newest.__ge__, forward), limit))
        return [self._at(series, opened, now_ms) for opened in opens]

    def _at(self, series: CandleSeries, opened: int, now_ms: int) -> Candle:
        """Return a candle without the trades that are later than `now_ms`."""
        candle = series.at(opened)
        if candle.closes < now_ms or self.last is None or self.last.time <= now_ms:
            return candle
        early = CandleSeries(series.interval, series.zone_ms, series.price_before(opened))
        rows = [row for row in self._recent if opened <= row.time <= now_ms]
        self._replay(early, rows)
        return early.at(opened)

    def statistics(self, now_ms: int, length_ms: int) -> Candle:
        """Return what was traded in a time window that ends now, to the minute.

        A window of a day or more includes the day before the start while it reaches back to it.
        """
        start = now_ms - length_ms
        began = now_ms if self._began_ms is None else self._began_ms
        if length_ms >= DAY_MS and start <= began:
            total = self._prior(start, now_ms)
        else:
            price = self._minutes.price_before(start)
            total = Candle(start, now_ms, price, price, price, price)
        for minute in self._minutes.traded(start):
            total.merge(minute)
        return total

    def _prior(self, start: int, now_ms: int) -> Candle:
        """Return the day before the start: one price, `PRIOR_TRADES` trades."""
        price = self.start_price
        total = Candle(start, now_ms, price, price, price, price, count=PRIOR_TRADES)
        total.first_id, total.last_id = self._start_id - PRIOR_TRADES + 1, self._start_id
        if self.contract_size is None:
            total.volume = (self.prior_value / Decimal(price)).quantize(_TWO_PLACES)
            total.value = self.prior_value
        else:
            total.volume = self.prior_value // self.contract_size
            total.value = total.volume * self.contract_size / Decimal(price)
            total.value = total.value.quantize(_EIGHT_PLACES)
        return total

    def average(self, total: Candle) -> Decimal:
        """Return the mean price of `statistics`, weighted by quantity; the last one if none."""
        if not total.volume:
            return Decimal(total.close)
        if self.contract_size is None:
            return total.value / total.volume
        return total.volume * self.contract_size / total.value
