"""What is asked for by hand: the planned stream it means, and times turned into ids by REST."""

import difflib
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from connector.backfill.pages import RestPage, Span, locate, located_for_s, newest_page, next_page
from connector.binance.candles import next_open, open_time
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.codec.rest_rows import recover, rows_in
from connector.config.load import Loaded
from connector.config.model import Shard
from connector.config.plan import plan_of
from connector.errors import BadMessage, Refused
from connector.planning.model import Plan, PlannedStream
from connector.planning.plan import needs
from connector.transport.rest import RestClient

EARLIER_MS = 60_000  # ids that follow one another may be stamped a little out of order


@dataclass(frozen=True, slots=True)
class FillRequest:
    """What a user wants to be filled.

    Args:
        product: The product.
        stream: Wire name as Binance writes it, with or without its symbol.
        symbol: Symbol of the series; None: the stream's name says it.
        since: Record time from which, epoch milliseconds; else `first`.
        until: Record time up to which, not included. Without it and `last`: up to what is stored.
        first: First id.
        last: Last id.
    """

    product: Product
    stream: str
    symbol: str | None = None
    since: int | None = None
    until: int | None = None
    first: int | None = None
    last: int | None = None

    @property
    def open_ended(self) -> bool:
        """Whether it reaches as far as the writer has come."""
        return self.until is None and self.last is None

    def check(self) -> None:
        """Refuse what makes no span.

        Raises:
            Refused: neither or both of time and id, or the end lies before the beginning.
        """
        times, ids = (self.since, self.until), (self.first, self.last)
        if (self.since is None) == (self.first is None):
            raise Refused("give the beginning: --from a time, or --from-id an id")
        if any(one is not None for one in times) and any(one is not None for one in ids):
            raise Refused("give times (--from, --to) or ids (--from-id, --to-id), not both")
        for number, option in ((self.first, "--from-id"), (self.last, "--to-id")):
            if number is not None and number < 0:
                raise Refused(f"{option} {number}: ids are not negative")
        for (begin, end), option in ((times, "--to"), (ids, "--to-id")):
            if begin is not None and end is not None and end < begin:
                raise Refused(f"{option} {end} lies before the beginning, {begin}")


async def planned_stream(
    loaded: Loaded, asked: FillRequest, rest: RestClient
) -> tuple[PlannedStream, str]:
    """Return the stream of the plan that is meant, and the symbol of the series.

    Asks exchangeInfo only when the file alone does not name the stream.

    Raises:
        Refused: the file plans no such stream, REST has nothing of its past, or which symbol is
            meant is not said. Retry: exchangeInfo is needed and cannot be had.
    """
    everybody = loaded.settings.model_copy(update={"shard": Shard()})
    whole = replace(loaded, settings=everybody)
    plan = plan_of(whole)
    found = _named(plan, asked)
    if found is None and plan.pending:
        needed = needs(everybody.subscriptions)
        plan = plan_of(whole, await rest.universe(needed.listings, needed.volumes))
        found = _named(plan, asked)
    if found is None:
        raise Refused(_no_such_stream(plan, asked))
    if not found.stream.row.fillable:
        raise Refused(f"{found.stream.name}: REST has only its present state, not its past")
    return found, _symbol(found.stream, asked.symbol)


def _named(plan: Plan, asked: FillRequest) -> PlannedStream | None:
    names = {asked.stream}
    if asked.symbol:
        names.add(f"{asked.symbol.lower()}@{asked.stream}")
    same = (one for one in plan.streams if one.stream.product == asked.product)
    return next((one for one in same if one.stream.name in names), None)


def _no_such_stream(plan: Plan, asked: FillRequest) -> str:
    names = [one.stream.name for one in plan.streams if one.stream.product == asked.product]
    wanted = asked.stream if "@" in asked.stream or not asked.symbol else None
    wanted = wanted or f"{(asked.symbol or '').lower()}@{asked.stream}"
    near = difflib.get_close_matches(wanted, names, n=3)
    meant = f"; did you mean {', '.join(near)}?" if near else ""
    return f"the file plans no {asked.product} stream {wanted!r}, so it has no topic{meant}"


def _symbol(stream: Stream, given: str | None) -> str:
    """Return the symbol of the series, in payloads' spelling."""
    own = stream.parameters
    named = stream.symbol or own.get("symbol") or own.get("pair") or own.get("asset")
    if named is None and given is None:
        raise Refused(f"{stream.name} carries several symbols: say which one with --symbol")
    if named is not None and given is not None and named.upper() != given.upper():
        raise Refused(f"--symbol {given}: {stream.name} is about {named.upper()}")
    return (named or given or "").upper()


class SpanResolver:
    """Turns what is asked for into ids, or opening times of candles, by asking REST."""

    def __init__(self, rest: RestClient, stream: Stream, symbol: str) -> None:
        self._rest = rest
        self._stream = stream
        self._symbol = symbol
        self._interval = stream.parameters.get("interval", "")
        self._zone = stream.row.zone_ms

    async def span(self, asked: FillRequest, stored: int | None) -> Span:
        """Return the span; where its end is left open, up to what is stored.

        Args:
            asked: What is asked for.
            stored: Last id, or opening time of the last closed candle, that the writer has stored.

        Raises:
            Refused: REST cannot tell what the times mean. Retry: it does not answer.
        """
        if self._stream.row.sequence.rule == "candle":
            return self._candles(asked, stored)
        self._check_look_back(asked)
        last = asked.last
        if asked.open_ended:
            last = stored if stored is not None else await self._newest()
        elif last is None and asked.until is not None:
            after = await self._first_at(asked.until)
            last = await self._newest() if after is None else after - 1
        first = asked.first
        if first is None:
            assert asked.since is not None  # noqa: S101 - Asked.check
            first = await self._first_at(asked.since, asked.until)
        if first is None or last is None:
            raise Refused(
                f"REST has no {self._stream.row.kind} of {self._symbol} in that time: it may not"
                " look back so far; give ids (--from-id, --to-id) if you know them"
            )
        return Span(first, last)

    def _check_look_back(self, asked: FillRequest) -> None:
        """See that REST finds ids of so long ago: it would begin later and say nothing."""
        seconds = located_for_s(self._stream)
        if asked.since is None or seconds is None:
            return
        earliest = round((time.time() - seconds) * 1000)
        if asked.since < earliest:
            raise Refused(
                f"--from {_utc(asked.since)}: of {self._stream.product} REST finds ids by time for"
                f" the last {seconds / 3600:.0f} h only, from {_utc(earliest)} on; for more give"
                " ids (--from-id)"
            )

    def _candles(self, asked: FillRequest, stored: int | None) -> Span:
        if asked.since is None:
            raise Refused(f"{self._stream.name}: candles have no ids; give --from and --to")
        now = round(time.time() * 1000)
        begin = open_time(self._interval, asked.since, self._zone)
        if begin < asked.since:
            begin = next_open(self._interval, begin, self._zone)
        # The candle that is open now changes still: the last closed one ends before it.
        running = open_time(self._interval, now, self._zone)
        until = running if asked.until is None else min(asked.until, running)
        last = open_time(self._interval, until - 1, self._zone)
        if asked.until is None and stored is not None:
            last = min(last, stored)
        return Span(begin, last)

    async def _first_at(self, at_ms: int, until: int | None = None) -> int | None:
        """Return the first id at or after a time; None when there is none up to `until`."""
        end = round(time.time() * 1000) if until is None else until
        while at_ms < end:
            asked, key = locate(self._stream, self._symbol, at_ms)
            rows = rows_in(await self._get(asked))
            if rows:
                return int(rows[0][key])
            at_ms = asked.until + 1
        return None

    async def _newest(self) -> int | None:
        """Return the newest id REST knows."""
        raw = await self._get(newest_page(self._stream, self._symbol))
        return max((one.last for one in recover(self._stream, raw, self._symbol)), default=None)

    async def read_from(self, asked: FillRequest, span: Span) -> int | None:
        """Return the record time from which the topic must be read; None: from its beginning."""
        if self._stream.row.sequence.rule == "candle":
            return span.first
        at_ms = asked.since if asked.since is not None else await self._time_of(span.first)
        return None if at_ms is None else at_ms - EARLIER_MS

    async def _time_of(self, number: int) -> int | None:
        """Return the record time of an id; None where REST does not tell."""
        try:
            raw = await self._get(next_page(self._stream, Span(number, number), self._symbol))
            found = recover(self._stream, raw, self._symbol)
        except (Refused, BadMessage):
            return None
        return next((one.time_ms for one in found if one.first == number), None)

    async def _get(self, asked: RestPage) -> bytes:
        return await self._rest.get(
            self._stream.product, asked.path, asked.params, asked.weight, keyed=asked.keyed
        )


def _utc(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
