"""One manual backfill: what a topic lacks of a span is fetched, written and marked."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from connector.backfill.manual.filler import ManualFiller, gaps_of, unfinished_markers
from connector.backfill.manual.missing import PresentEvents, SpanIndex
from connector.backfill.manual.report import FillReport, OnProgress
from connector.backfill.manual.request import FillRequest, SpanResolver, planned_stream
from connector.backfill.manual.topic_state import TopicState, WriterState
from connector.backfill.manual.writer import ManualWriter, new_producer
from connector.backfill.pages import Span
from connector.backfill.publisher import RestEventPublisher
from connector.backfill.scheduler import BackfillScheduler
from connector.codec.schema import DEAD_LETTER, MARKERS, OWN_TOPICS, PROGRESS
from connector.config.load import Loaded
from connector.config.model import Settings
from connector.config.plan import bases_of
from connector.config.secrets import api_key_of, proxy_of
from connector.continuity.audit.coverage import Marker
from connector.continuity.gap import Gap
from connector.continuity.gap_tracker import GapTracker
from connector.feed.pipeline import Pipeline
from connector.feed.route import route_to
from connector.kafka import topic_admin
from connector.kafka.schema_registry import ensure_schemas
from connector.kafka.topic_settings import topic_roles
from connector.planning.model import PlannedStream
from connector.telemetry import events
from connector.telemetry.ledger import Ledger
from connector.telemetry.start_steps import RetryPolicy, StartSteps
from connector.transport import tls
from connector.transport.rest import RestClient

MAX_PATIENCE_S = 30.0  # somebody waits; what stays missing is fetched by running it again
REGISTRY_RETRIES = RetryPolicy(0.5, 10.0, give_up_s=60.0)


async def run_manual_backfill(
    loaded: Loaded, request: FillRequest, on_progress: OnProgress
) -> FillReport:
    """Fill what a topic lacks of a span.

    Args:
        loaded: The config file: it plans the stream and names its topic.
        request: The stream and the span.
        on_progress: Called with what is done ("reading", "fetching"), how far, and of how many.

    Raises:
        Refused: the span, the stream or the file is wrong. Retry: the exchange, Kafka or the
            registry cannot be reached; what is stored by then stays. Fatal: Kafka refused us.
    """
    request.check()
    settings = loaded.settings
    bases, proxy, api_key = bases_of(settings), proxy_of(settings), api_key_of(settings)
    trust, share = tls.client_context(settings.ca_file), settings.limits.share
    rest = RestClient(bases, share=share, proxy=proxy, api_key=api_key, tls=trust)
    await rest.start()
    try:
        planned, symbol = await planned_stream(loaded, request, rest)
        return await _Run(settings, planned, symbol, rest, on_progress).run(request)
    finally:
        await rest.close()


@dataclass
class _Run:
    settings: Settings
    planned: PlannedStream
    symbol: str
    rest: RestClient
    on_progress: OnProgress

    def __post_init__(self) -> None:
        settings, topic, stream = self.settings, self.planned.topic, self.planned.stream
        self._stream, self._prefix = stream, settings.topic_prefix
        self._instance = f"{settings.instance}-backfill"  # of its markers
        self._transactional_id = f"{self._prefix}.{self._instance}-{secrets.token_hex(4)}"
        self._dead_letter = f"{self._prefix}.{DEAD_LETTER}"
        own = {f"{self._prefix}.{name}": OWN_TOPICS[name] for name in (MARKERS, PROGRESS)}
        self._topics = {topic: stream.row.kind, **own}
        self._topic_state = TopicState(
            settings.kafka, settings.schema_registry, self._prefix, topic, stream, self.symbol
        )
        self._report = FillReport(topic, stream.product, stream.name, self.symbol)

    async def run(self, request: FillRequest) -> FillReport:
        own = {topic: kind for topic, kind in self._topics.items() if topic != self.planned.topic}
        roles = topic_roles([self.planned.topic], own, self._dead_letter)
        for text in await topic_admin.ensure(self.settings.kafka, self.settings.topics, roles):
            events.topic_warning(text=text)
        state = await asyncio.to_thread(self._topic_state.writer_state)
        await self.rest.exchange_clock.measure([self._stream.product])
        resolver, report = SpanResolver(self.rest, self._stream, self.symbol), self._report
        requested = await resolver.span(request, state.last)
        report.first, report.last = requested.first, requested.last
        span = self._stored_part(requested, state)
        if not SpanIndex(self._stream, span).count:
            return report
        since_ms = await resolver.read_from(request, span)
        wanted = span, state, since_ms, self.on_progress
        present = await asyncio.to_thread(self._topic_state.present, *wanted)
        self._exclude_unfinished(present, state, open_ended=request.open_ended)
        report.present = present.records
        gaps = gaps_of(present, state, self._prefix)
        unfinished = unfinished_markers(state.coverage, self._instance, span, gaps)
        if gaps or unfinished:
            await self._fill(gaps, unfinished)
        return report

    def _stored_part(self, span: Span, state: WriterState) -> Span:
        """Return a span up to the last stored event: the worker itself writes what follows."""
        if state.last is None or span.last <= state.last:
            return span
        index, last = SpanIndex(self._stream, span), max(state.last, span.first - 1)
        stored = index.of(state.last) + 1 if state.last >= span.first else 0
        note = f"after {state.last}, the last one stored: the worker writes or fetches them itself"
        self._leave(index.count - stored, note)
        return Span(span.first, last)

    def _exclude_unfinished(
        self, present: PresentEvents, state: WriterState, *, open_ended: bool
    ) -> None:
        """Exclude spans the running worker owns, so that no event is written twice.

        They are newer than its last live record, or in its open gaps.
        """
        newer = present.exclude_newer() if state.last is None else 0
        if not open_ended:
            self._leave(newer, "newer than the last live record: the worker's")
        for gap_id in state.open_gaps:
            marker = state.coverage.gaps.get(gap_id)
            if marker is not None:
                note = f"of gap {gap_id}: {marker.instance} is filling it itself"
                self._leave(present.exclude(marker), note)

    def _leave(self, events: int, note: str) -> None:
        if events:
            self._report.left += events
            self._report.notes.append(f"{events} events {note}")

    async def _fill(self, gaps: list[Gap], unfinished: list[Marker]) -> None:
        filler = self._filler(await self._schema_ids())
        await filler.writer.start()
        try:
            share = self.settings.backfill.weight_share
            scheduler = BackfillScheduler(self.rest, weight_share=share)
            patience_s = min(self.settings.backfill.patience.total_seconds(), MAX_PATIENCE_S)
            await filler.fill(scheduler, gaps, patience_s)
            for marker in unfinished:
                await filler.close_unfinished(marker)
            await filler.writer.wait_until_stored()
        finally:
            await filler.writer.close()

    def _filler(self, schema_ids: Mapping[str, int]) -> ManualFiller:
        settings, planned, ledger = self.settings, self.planned, Ledger()
        gap_tracker = GapTracker(self._prefix, shard=settings.shard.index, instance=self._instance)
        by_kind = {kind: schema_ids[topic] for topic, kind in self._topics.items()}
        gap_tracker.begin(by_kind, {})
        producer = new_producer(
            settings.kafka, settings.delivery, self._transactional_id, self._dead_letter, ledger
        )
        writer = ManualWriter(producer, ledger, gap_tracker.outbox)
        pipeline = Pipeline(producer, ledger, 0, gap_tracker)
        publisher = RestEventPublisher(pipeline, {}, writer.wait_for_room)
        route = route_to(planned.topic, schema_ids[planned.topic], self._stream, {})
        route.key = planned.key
        series = route.open_series(self.symbol, gap_tracker)
        return ManualFiller(series, writer, publisher, self._report, self.on_progress)

    async def _schema_ids(self) -> dict[str, int]:
        """Return topic -> schema id.

        Raises:
            Refused: a schema is wrong. Retry: the registry does not answer.
        """
        registry, step = self.settings.schema_registry, "schema_registry"
        ensure = partial(ensure_schemas, registry, self._topics)
        return await StartSteps({step: registry.url}).retry(step, ensure, REGISTRY_RETRIES)
