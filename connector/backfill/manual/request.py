"""The request of a manual backfill: its planned stream, and the ids or candles of its times."""

import asyncio
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from connector.backfill.pages import RestPage, Span, locate, located_for_s, newest_page, next_page
from connector.backoff import Backoff
from connector.binance.candles import next_open, open_time
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import RestEvent, recover, rows_in
from connector.config.load import Loaded
from connector.config.model import ShardSettings
from connector.config.plan import plan_of
from connector.errors import BadMessage, Refused, Retry, did_you_mean
from connector.planning.model import Plan, PlannedStream
from connector.planning.plan import needs
from connector.transport.rest import RestClient

MAX_ATTEMPTS = 6  # until REST's answer is one: about 16 s
Parsed = TypeVar("Parsed")
OUT_OF_ORDER_MS = 60_000  # ids that follow one another may be stamped so far out of order


@dataclass(frozen=True, slots=True)
class FillRequest:
    """The stream and the span that a user wants to be filled: from a record time or from an id."""

    product: Product
    stream: str  # wire name as Binance writes it, with or without its symbol
    symbol: str | None = None  # of the series; None: it is in the stream's name
    since: int | None = None  # first record time, epoch milliseconds
    until: int | None = None  # record time after the last one
    first: int | None = None  # id
    last: int | None = None  # id; with neither `until` nor `last`: up to what is stored

    @property
    def open_ended(self) -> bool:
        """Whether the span ends with what the writer has stored."""
        return self.until is None and self.last is None

    def check(self) -> None:
        """Check that it makes a span.

        Raises:
            Refused: neither or both of time and id, or the end lies before the beginning.
        """
        times, ids = (self.since, self.until), (self.first, self.last)
        if (self.since is None) == (self.first is None):
            raise Refused("give the beginning: --from a time, or --from-id an id")
        if times != (None, None) and ids != (None, None):
            raise Refused("give times (--from, --to) or ids (--from-id, --to-id), not both")
        for number, option in ((self.first, "--from-id"), (self.last, "--to-id")):
            if number is not None and number < 0:
                raise Refused(f"{option} {number}: ids are not negative")
        for (begin, end), option in ((times, "--to"), (ids, "--to-id")):
            if begin is not None and end is not None and end < begin:
                raise Refused(f"{option} {end} lies before the beginning, {begin}")


async def planned_stream(
    loaded: Loaded, request: FillRequest, rest: RestClient
) -> tuple[PlannedStream, str]:
    """Return the requested stream as it is planned, and the symbol of the series.

    exchangeInfo is fetched only if the file alone does not name the stream.

    Raises:
        Refused: the file plans no such stream, REST has nothing of its past, or the symbol is
            missing. Retry: exchangeInfo is needed and cannot be fetched.
    """
    all_shards = loaded.settings.model_copy(update={"shard": ShardSettings()})
    whole = replace(loaded, settings=all_shards)
    plan = plan_of(whole)
    planned = _find(plan, request)
    if planned is None and plan.pending:
        needed = needs(all_shards.subscriptions)
        plan = plan_of(whole, await rest.universe(needed.listings, needed.volumes))
        planned = _find(plan, request)
    if planned is None:
        raise Refused(_no_such_stream(plan, request))
    if not planned.stream.row.fillable:
        raise Refused(f"{planned.stream.name}: REST has only its present state, not its past")
    return planned, _symbol(planned.stream, request.symbol)


def _find(plan: Plan, request: FillRequest) -> PlannedStream | None:
    names = {request.stream, f"{(request.symbol or '').lower()}@{request.stream}"}
    streams = (each for each in plan.streams if each.stream.product == request.product)
    return next((each for each in streams if each.stream.name in names), None)


def _no_such_stream(plan: Plan, request: FillRequest) -> str:
    names = [each.stream.name for each in plan.streams if each.stream.product == request.product]
    wanted = request.stream
    if "@" not in wanted and request.symbol:
        wanted = f"{request.symbol.lower()}@{wanted}"
    near = did_you_mean(wanted, names)
    hint = f"; did you mean {near}?" if near else ""
    return f"the file plans no {request.product} stream {wanted!r}, so it has no topic{hint}"


def _symbol(stream: Stream, given: str | None) -> str:
    """Return the symbol of the series, in the spelling of payloads."""
    own = stream.parameters
    named = stream.symbol or own.get("symbol") or own.get("pair") or own.get("asset")
    if named is None and given is None:
        raise Refused(f"{stream.name} carries several symbols: say which one with --symbol")
    if named is not None and given is not None and named.upper() != given.upper():
        raise Refused(f"--symbol {given}: {stream.name} is about {named.upper()}")
    return (named or given or "").upper()


class SpanResolver:
    """Turns the times of a request into ids, or open times of candles, with the help of REST."""

    def __init__(self, rest: RestClient, stream: Stream, symbol: str) -> None:
        self._rest, self._stream, self._symbol = rest, stream, symbol
        self._interval = stream.parameters.get("interval", "")
        self._zone = stream.row.zone_ms

    async def span(self, request: FillRequest, stored: int | None) -> Span:
        """Return the span of a request.

        stored: last id, or open time of the last closed candle, that the writer has stored: the end
        of an open-ended request.

        Raises:
            Refused: REST cannot tell what the times mean. Retry: it does not answer.
        """
        if self._stream.row.sequence.rule == "candle":
            return self._candles(request, stored)
        self._check_look_back(request)
        last = request.last
        if request.open_ended:
            last = stored if stored is not None else await self._newest()
        elif last is None and request.until is not None:
            after = await self._first_at(request.until)
            last = await self._newest() if after is None else after - 1
        first = request.first
        if first is None:
            assert request.since is not None  # noqa: S101 - FillRequest.check
            first = await self._first_at(request.since, request.until)
        if first is None or last is None:
            raise Refused(
                f"REST has no {self._stream.row.kind} of {self._symbol} in that time: it may not"
                " look back so far; give ids (--from-id, --to-id) if you know them"
            )
        return Span(first, last)

    def _check_look_back(self, request: FillRequest) -> None:
        """Check that REST finds ids of so long ago: it would silently begin later."""
        seconds = located_for_s(self._stream)
        if request.since is None or seconds is None:
            return
        earliest = round(self._now_ms - seconds * 1000)
        if request.since < earliest:
            raise Refused(
                f"--from {_utc(request.since)}: of {self._stream.product} REST finds ids by time"
                f" for the last {seconds / 3600:.0f} h only, from {_utc(earliest)} on; for more"
                " give ids (--from-id)"
            )

    def _candles(self, request: FillRequest, stored: int | None) -> Span:
        if request.since is None:
            raise Refused(f"{self._stream.name}: candles have no ids; give --from and --to")
        begin = open_time(self._interval, request.since, self._zone)
        if begin < request.since:
            begin = next_open(self._interval, begin, self._zone)
        # The candle that is open now changes still: the last closed one ends before it.
        running = open_time(self._interval, round(self._now_ms), self._zone)
        until = running if request.until is None else min(request.until, running)
        last = open_time(self._interval, until - 1, self._zone)
        if request.until is None and stored is not None:
            last = min(last, stored)
        return Span(begin, last)

    async def _first_at(self, at_ms: int, until: int | None = None) -> int | None:
        """Return the first id at or after a time; None when there is none up to `until`."""
        end = round(self._now_ms) if until is None else until
        while at_ms < end:
            page, key = locate(self._stream, self._symbol, at_ms)
            found = await self._read(page, functools.partial(_lowest, key=key))
            if found is not None:
                return found
            at_ms = page.until + 1
        return None

    async def _newest(self) -> int | None:
        """Return the newest id REST knows."""
        found = await self._read(newest_page(self._stream, self._symbol), self._events)
        return max((event.last for event in found), default=None)

    async def read_from(self, request: FillRequest, span: Span) -> int | None:
        """Return the record time from which the topic must be read; None: from its beginning."""
        if self._stream.row.sequence.rule == "candle":
            return span.first
        at_ms = request.since if request.since is not None else await self._time_of(span.first)
        return None if at_ms is None else at_ms - OUT_OF_ORDER_MS

    async def _time_of(self, number: int) -> int | None:
        """Return the record time of an id; None where REST does not give it."""
        try:
            page = next_page(self._stream, Span(number, number), self._symbol)
            found = await self._read(page, self._events)
        except Refused:
            return None
        return next((event.time_ms for event in found if event.first == number), None)

    @property
    def _now_ms(self) -> float:
        return self._rest.exchange_clock.now_ms(self._stream.product)

    def _events(self, raw: bytes) -> list[RestEvent]:
        return recover(self._stream, raw, self._symbol)

    async def _read(self, page: RestPage, read: Callable[[bytes], Parsed]) -> Parsed:
        """Return what `read` makes of an answer; one that is none is asked for again.

        Raises:
            Refused: the exchange does not take the call. Retry: it gives no answer.
        """
        call = self._stream.product, page.path, page.params, page.weight
        backoff, cause = Backoff(), ""
        for _ in range(MAX_ATTEMPTS):
            try:
                return read(await self._rest.get(*call, keyed=page.keyed))
            except BadMessage as error:
                cause = error.detail
                await asyncio.sleep(backoff.delay(0.0, None, 1.0))
        raise Retry(f"{page.path}: no answer in {MAX_ATTEMPTS} attempts: {cause}")


def _lowest(raw: bytes, key: str) -> int | None:
    """Return the lowest number under a key of an answer's rows; None: it has no rows."""
    try:
        return min((int(row[key]) for row in rows_in(raw)), default=None)
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage("field", f"a row from REST without {key}: {raw[:80]!r}") from error


def _utc(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
