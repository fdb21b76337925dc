"""The REST calls for the past of a stream, one page at a time. PURE.

codec/rest_rows.py turns the answers into payloads, backfill/scheduler.py makes the calls. Paths,
weights and limits: the catalogue's backfill column; weights by rows asked for: the market data
pages of developers.binance.com, 2026-05-28.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from connector.binance.candles import DAY_MS, HOUR_MS, candles_between, next_open, open_time
from connector.binance.catalogue import rows_of
from connector.binance.catalogue.row import RestHistory, Row
from connector.binance.products import Product
from connector.binance.rest_calls import CANDLE_WEIGHTS, DEPTH_LEVELS, DEPTH_WEIGHTS, weight_of
from connector.binance.stream_name import Stream
from connector.continuity.gap import Gap
from connector.errors import Refused

LISTING_LOOK_BACK_MS = 6 * HOUR_MS  # candles of a new listing are asked for from here on
# One call of COIN-M candles spans less than 200 days (page 2026-05-28).
_MAX_SPAN_MS = {"coinm": 200 * DAY_MS - 1}
# aggTrades takes a window of less than an hour on futures (page 2026-05-28).
_MAX_WINDOW_MS = HOUR_MS - 1
_UPPER_CASE = ("symbol", "pair", "contractType")  # parameters that REST takes in upper case


@dataclass(frozen=True, slots=True)
class Span:
    """Events in a row, both ends included: ids, or open times of candles in epoch milliseconds."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class RestPage:
    """One REST call: its path, query parameters and request weight."""

    path: str
    params: Mapping[str, str | int]
    weight: int
    keyed: bool  # it carries an API key in its header
    until: int  # last id or open time that it reaches for
    limit: int = 1  # rows it asks for


def count_of(stream: Stream, span: Span) -> int:
    """Return how many events or candles a span has."""
    if stream.row.sequence.rule != "candle":
        return span.last - span.first + 1
    return candles_between(stream.parameters["interval"], span.first, span.last, stream.row.zone_ms)


def after(stream: Stream, reached: int) -> int:
    """Return the id or open time that follows one."""
    if stream.row.sequence.rule != "candle":
        return reached + 1
    zone = stream.row.zone_ms
    interval = stream.parameters["interval"]
    return next_open(interval, open_time(interval, reached, zone), zone)


def span_left(stream: Stream, gap: Gap) -> Span:
    """Return what of a gap is not filled yet: ids, or open times of candles."""
    candle = stream.row.sequence.rule == "candle"
    before = gap.before_id if gap.filled_to is None else gap.filled_to
    assert gap.after_id is not None, "no right edge"  # noqa: S101 - FillPolicy.why_unfillable
    if before is None:  # a new listing: an id before any; of candles none is older than some hours
        before = gap.after_id - LISTING_LOOK_BACK_MS if candle else -1
    if not candle:
        return Span(before + 1, gap.after_id - 1)
    interval, zone = stream.parameters["interval"], stream.row.zone_ms
    first = next_open(interval, open_time(interval, before, zone), zone)
    return Span(first, open_time(interval, gap.after_id - 1, zone))


def expires_ms(row: Row, before_ms: float) -> float:
    """Return when REST stops to have an event: epoch milliseconds, infinity for never.

    Latest rows only (`by="state"`): at once, since any new event may push it out. before_ms: record
    time of the event.
    """
    backfill = _backfill(row)
    if backfill.by == "state":
        return before_ms
    return float("inf") if backfill.lookback_s is None else before_ms + backfill.lookback_s * 1000


def next_page(stream: Stream, span: Span, symbol: str, *, wide: bool = False) -> RestPage:
    """Return the call that fetches a span from its beginning, as far as one page reaches.

    Candles are asked for up to the one behind the span: if REST shows it, those before it are all
    there.

    Args:
        stream, span, symbol: What is missing.
        wide: Ask for as many rows as a page takes, not as many as are missing.

    Raises:
        Refused: REST has nothing of this stream's past.
    """
    backfill = _backfill(stream.row)
    if not stream.row.fillable:
        raise Refused(f"{stream.name}: REST has only its present state, not its past")
    rows = count_of(stream, span)
    until = span.last
    params = _named(stream, symbol)
    if backfill.by == "id":
        params["fromId"] = span.first
    elif backfill.by == "time":
        rows += 1
        until = after(stream, span.last)
        until = min(until, span.first + _MAX_SPAN_MS.get(stream.product, until))
        params |= {"startTime": span.first, "endTime": until}
    if wide or backfill.by == "state":  # the latest rows: the more, the farther back
        rows = backfill.limit
    limit = params["limit"] = max(1, min(backfill.limit, rows))
    tiered = backfill.by == "time" and stream.product in {"usdm", "coinm"}
    weight = weight_of(CANDLE_WEIGHTS, limit) if tiered else backfill.weight
    return RestPage(backfill.path, params, weight, backfill.needs_key, until, limit)


def snapshot(stream: Stream, symbol: str, levels: int | None = None) -> RestPage:
    """Return the call that fetches the present state of the book of a stream of depth changes.

    levels: levels a side, the row's own by default; more weigh more.

    Raises:
        Refused: the stream is no book's, or the number of levels is not allowed.
    """
    backfill = _backfill(stream.row)
    weights = DEPTH_WEIGHTS.get(backfill.path)
    if weights is None or not stream.row.has_snapshots:
        raise Refused(f"{stream.name}: it has no book to take a snapshot of")
    limit = backfill.limit if levels is None else levels
    _check_levels(stream, limit, weights[-1][0])
    params: dict[str, str | int] = {"symbol": symbol, "limit": limit}
    return RestPage(backfill.path, params, weight_of(weights, limit), backfill.needs_key, 0)


def fewer_levels(stream: Stream, levels: int) -> int | None:
    """Return the next smaller number of levels that `snapshot` takes; None: there is none."""
    if stream.row.kind == "rpi-depth":  # REST gives it whole
        return None
    return max((allowed for allowed in DEPTH_LEVELS if allowed < levels), default=None)


def _check_levels(stream: Stream, levels: int, max_levels: int) -> None:
    if stream.product == "spot":
        good, gives = 0 < levels <= max_levels, f"1 to {max_levels}"
    else:
        allowed = (max_levels,) if stream.row.kind == "rpi-depth" else DEPTH_LEVELS
        good, gives = levels in allowed, ", ".join(map(str, allowed))
    if not good:
        raise Refused(f"{stream.name}: {levels} levels; {stream.product} gives {gives}")


def newest_page(stream: Stream, symbol: str) -> RestPage:
    """Return the call that fetches the newest event REST has of a stream.

    Raises:
        Refused: REST gives no events of this stream.
    """
    backfill = _backfill(stream.row)
    if not stream.row.fillable:
        raise Refused(f"{stream.name}: REST has only its present state, not its past")
    if stream.row.kind == "block-trade":
        raise Refused(f"{stream.name}: REST wants to know the id to begin with")
    params = {**_named(stream, symbol), "limit": 1}
    return RestPage(backfill.path, params, backfill.weight, backfill.needs_key, 0)


def locate(stream: Stream, symbol: str, at_ms: int) -> tuple[RestPage, str]:
    """Return the call that finds the first id at or after a time, and the answer's key for it.

    Trades cannot be asked for by time: the aggregate that holds them can.

    Raises:
        Refused: no call finds ids of the stream by time.
    """
    aggregates = _aggregates(stream.product)
    if aggregates is None or stream.row.kind not in {"trade", "agg-trade"}:
        raise Refused(f"{stream.name}: no REST call leads from a time to its ids; give ids")
    until = at_ms + _MAX_WINDOW_MS
    params: dict[str, str | int] = {"symbol": symbol, "limit": 1}
    params |= {"startTime": at_ms, "endTime": until}
    page = RestPage(aggregates.path, params, aggregates.weight, keyed=False, until=until)
    return page, "a" if stream.row.kind == "agg-trade" else "f"


def located_for_s(stream: Stream) -> float | None:
    """Return how many seconds back `locate` finds ids; None: without a limit."""
    aggregates = _aggregates(stream.product)
    return None if aggregates is None else aggregates.lookback_s


def _aggregates(product: Product) -> RestHistory | None:
    """Return REST's history of aggregate trades; None: the product has none."""
    return next((row.backfill for row in rows_of(product) if row.kind == "agg-trade"), None)


def _backfill(row: Row) -> RestHistory:
    if row.backfill is None:
        raise Refused(f"{row.product} {row.pattern}: REST knows nothing of it")
    return row.backfill


def _named(stream: Stream, symbol: str) -> dict[str, str | int]:
    """Return the parameters that name the series."""
    own = stream.parameters
    named: dict[str, str | int] = {name: own[name].upper() for name in _UPPER_CASE if name in own}
    named = named or {"symbol": symbol}
    if "interval" in own:
        named["interval"] = own["interval"]
    if zone := stream.row.zone_ms:
        named["timeZone"] = str(zone // HOUR_MS)
    return named
