"""The market worker: settings into objects, objects into one run, and the drain at its end.

Reading order of a run: `MarketWorker.run`, `_begin` (plan, topics and schemas, reading beside the
present writer, taking over), `_run_until_stopped`, `_drain` (publish what is queued, flush, log
what is left).
"""

import math
import signal
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from typing_extensions import override

from connector import version
from connector.backfill.gap_filler import GapFiller
from connector.codec.native.loader import choose
from connector.config.load import Loaded
from connector.config.model import Settings
from connector.config.plan import bases_of, plan_of
from connector.config.reload import FileWatch
from connector.config.secrets import api_key_of, proxy_of
from connector.continuity.candidacy import Candidate
from connector.continuity.gap_tracker import GapTracker
from connector.continuity.rest_requests import FillPolicy
from connector.diagnostics.preflight import check_offline
from connector.errors import Fatal
from connector.feed.context import SessionContext
from connector.feed.pipeline import Pipeline
from connector.feed.router import Router
from connector.feed.shard import Shard
from connector.kafka.topic_admin import Roles
from connector.planning.model import Plan
from connector.telemetry import events
from connector.telemetry.activity_history import ActivityHistory
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.telemetry.start_steps import RetryPolicy, StartSteps
from connector.transport import tls
from connector.transport.connect_limiter import ConnectLimiter
from connector.transport.read_pacer import ReadPacer
from connector.transport.rest import RestClient
from connector.worker.exporter import build_metrics
from connector.worker.gap_reporter import GapReporter
from connector.worker.http_server import HttpServer
from connector.worker.market_readiness import MarketReadiness
from connector.worker.metrics.lag import topics_with_times
from connector.worker.process import RunEnd, WorkerProcess
from connector.worker.provisioning import Provisioner
from connector.worker.replan_triggers import ReplanTriggers
from connector.worker.replanner import Replanner
from connector.worker.retired_series import retire_series
from connector.worker.start_summary import start_summary
from connector.worker.status import status
from connector.worker.succession import Succession
from connector.worker.topic_keeper import TopicKeeper
from connector.worker.writer import FENCE_STEP, KAFKA_RETRIES, ShardWriter, WriterIdentity

# What a start waits for, in order, and on whom; three of the steps are of worker/writer.py.
START_STEPS = {
    "exchange_info": "the exchange",
    "topics": "Kafka",
    "schema_registry": "the registry",
    "exchange_clock": "the exchange",
    FENCE_STEP: "Kafka",
    "checkpoint": "Kafka",
    "first_commit": "Kafka",
}
WRITER_STEPS = (FENCE_STEP, "checkpoint", "first_commit")  # which a standby has before it
HEARTBEAT_S = 1.0  # between two transactions in a quiet market, beside a standby
OVERLAP_US = 1_000_000  # what was read up to so long after the fencing may be stored already
REPLACED = "another process has taken over; started again, this one is its standby"
EXCHANGE, REGISTRY = RetryPolicy(1.0, 60.0), RetryPolicy(0.5, 10.0)


class MarketWorker(WorkerProcess):
    """The market worker, from start to drained; made inside the event loop.

    Args:
        loaded: The config file.

    Attributes:
        readiness: Name of each part of readiness -> whether it is met; /readyz wants all.

    Raises:
        Refused: the file cannot be carried out on this machine.
    """

    def __init__(self, loaded: Loaded) -> None:
        check_offline(loaded, here=True)  # before anything is opened
        plan = plan_of(loaded)
        self.settings = settings = loaded.settings
        kafka, registry, share = settings.kafka, settings.schema_registry, settings.limits.share
        servers = {"Kafka": kafka.bootstrap_servers, "the registry": registry.url}
        left_out = FENCE_STEP if settings.delivery == "idempotent" else ""
        self.steps = StartSteps(
            {step: servers.get(on, on) for step, on in START_STEPS.items() if step != left_out}
        )
        ledger, self.lag = Ledger(), Lag()
        self.symbol_metrics: Sequence[str] = settings.symbol_metrics
        self.hold_bytes = int(settings.hold)
        proxy, trust = proxy_of(settings), tls.client_context(settings.ca_file)
        bases, api_key = bases_of(settings), api_key_of(settings)
        self.rest = RestClient(bases, share=share, proxy=proxy, api_key=api_key, tls=trust)

        # From a frame to Kafka
        identity = WriterIdentity(settings.topic_prefix, settings.instance, settings.shard.index)
        self.gap_tracker = _gap_tracker(settings, identity)
        heartbeat_s = HEARTBEAT_S if settings.standby else math.inf
        own = (self.gap_tracker, ledger, self.lag, heartbeat_s)
        self.writer = ShardWriter(identity, kafka, registry, settings.delivery, *own)
        super().__init__(self.writer.producer, ledger)
        self.codec = choose(settings.native)
        self.pipeline = Pipeline(
            self.producer,
            self.ledger,
            self.hold_bytes,
            self.gap_tracker,
            native=self.codec.reader,
        )

        # What fills gaps, and what reads the streams
        router = Router()
        self.gap_filler = GapFiller(self.rest, self.pipeline, router.codecs, settings.backfill)
        self.context = SessionContext(
            self.pipeline,
            self.ledger,
            ConnectLimiter(share),
            self.gap_filler.latest_ids.watch,
            proxy,
            trust,
            settings.limits.connection_life.total_seconds(),
            read_pacer=ReadPacer(settings.read_interval.total_seconds()),
        )
        self.shard = Shard(self.context, router)
        self.history = ActivityHistory(router.published_events, self.lag)
        self.ready = MarketReadiness(
            self.steps, WRITER_STEPS, self.producer, self.shard, standby=settings.standby
        )
        self.gap_reporter = GapReporter(self.gap_tracker.account, self.ready.data_flows)

        # The plan and its changes
        self.provisioner = Provisioner(
            kafka, settings.topics, registry, self.writer.control, self.writer.dead_letter
        )
        self.topic_keeper = TopicKeeper(
            kafka,
            settings.topics,
            self._topic_roles,
            self.producer,
            self.pipeline.withhold,
        )
        file_watch = FileWatch(Path(loaded.places.file), loaded.hash)
        self.replanner = Replanner(
            loaded,
            plan,
            ReplanTriggers(file_watch, router.listing_announcements),
            self.rest.universe,
            self.provisioner.provision,
            self._apply,
            self.gap_tracker.add_listings,
        )

        # What is shown of it
        self.readiness = self.ready.parts()
        self.server = self._http_server()

    def _http_server(self) -> HttpServer:
        metrics, causes = build_metrics(self).render, self.ready.causes()
        return HttpServer(self.readiness, metrics, lambda: status(self), causes)

    async def run(self) -> int:
        """Run until `stopping` is set or a signal comes, then drain.

        Returns:
            How many records and dead letters could not be stored, and frames are still queued.

        Raises:
            Refused: the start is impossible as configured.
            Retry: Kafka does not answer; or (Unserved) the exchange does not serve this place.
            Fatal: Kafka refused us for good, or a bug ended a part of the worker; what could be
                stored was.
        """
        self._on_signals({signal.SIGHUP: self.replanner.triggers.reread})
        loaded, plan = self.replanner.loaded, self.replanner.plan
        events.starting(
            version(), start_summary(loaded, plan, self.writer.transactional_id, self.codec.text)
        )
        await self.server.start(self.settings.server.host, self.settings.server.port)
        await self.rest.start()
        began = time.monotonic()
        try:
            if await self._unless_stopped(self._begin()):
                await self._run_until_stopped()
            await self._end_early()
            left = await self._drain(began)
        finally:
            await self._end_early()
            self.producer.close()
            await self.rest.close()
            await self.server.stop()
        if self.ready.role == "retired" and not self.stopping.is_set():
            raise Fatal(REPLACED)
        return left

    async def _begin(self) -> None:
        """Make the first plan, read it beside the present writer, and become the writer."""
        steps, provisioner = self.steps, self.provisioner
        plan = await steps.retry("exchange_info", self.replanner.first_plan, EXCHANGE)
        await steps.retry("topics", partial(provisioner.ensure_topics, plan), KAFKA_RETRIES)
        schemas = partial(provisioner.ensure_schemas, plan)
        ids = await steps.retry("schema_registry", schemas, REGISTRY)
        products = {planned.stream.product for planned in plan.streams}
        await steps.run("exchange_clock", self.gap_filler.measure_clock(products))
        self.replanner.begin(plan)
        if self.settings.delivery == "exactly_once":  # else the other writer cannot be fenced
            self.pipeline.hold_back()
            self._apply(plan, ids)
            await self._wait_beside_writer(ids)
        await self.writer.take_over(ids, steps)
        plan = self.replanner.plan
        self._become_writer(await self.provisioner.ensure_schemas(plan))  # it may have changed
        events.started(
            streams=len(plan.streams),
            connections=len(plan.connections),
            topics=len(plan.topics),
            version=version(),
        )

    async def _wait_beside_writer(self, ids: Mapping[str, int]) -> None:
        """Read the streams and publish nothing until this process is to become the writer."""
        settings, now = self.settings, self.pipeline.arbitration.now
        self._start_early(self.shard, self.replanner)
        candidate = Candidate(
            self.writer.run,
            now(),
            standby=settings.standby,
            takeover_after_s=settings.takeover_after.total_seconds(),
        )
        flowing, most_bytes = self.ready.all_flow, self.hold_bytes // 2
        self.ready.succession = succession = Succession(
            candidate, self.writer.watch(ids), self.pipeline, flowing, most_bytes, now
        )
        await self._beside_early(succession.run())

    def _become_writer(self, ids: Mapping[str, int]) -> None:
        """Go on with the series of the previous writer, and publish what is read."""
        self.gap_reporter.goes_on = bool(self.gap_tracker.unclaimed)
        succession = self.ready.succession
        since = None if succession is None else succession.unbroken_since
        if since is not None:
            self.shard.router.continue_series(self.gap_tracker, since)
        if succession is not None:
            self.pipeline.go_on(time.time_ns() // 1000 + OVERLAP_US)
        self._apply(self.replanner.plan, ids)

    def _topic_roles(self) -> Roles:
        """Return the topics that are written to now, those of gaps in earlier topics included."""
        filling: Roles = dict.fromkeys(self.gap_tracker.filling_topics, "data")
        return {**filling, **self.provisioner.roles(self.replanner.plan)}

    def _apply(self, plan: Plan, ids: Mapping[str, int]) -> None:
        """Read the streams of a plan from now on; settle the series that it has no more."""
        self.lag.add_topics(topics_with_times(plan))
        self.shard.apply(plan, ids)
        if self.pipeline.holding:
            return  # the writer settles them
        instance, shard = self.settings.instance, self.settings.shard
        retire_series(self.gap_tracker, plan, ids, instance, shard.index, shard.count)

    async def _run_until_stopped(self) -> None:
        filler, keeper, reporter = self.gap_filler, self.topic_keeper, self.gap_reporter
        parts = (filler, keeper, reporter, self.history)
        early = () if self._early else (self.shard, self.replanner)
        await self._run_parts((*early, *parts), self._close)

    def _close(self) -> None:
        self.context.closing = "restart"

    @property
    @override
    def _waiting(self) -> int:
        return 0 if self.pipeline.holding else self.pipeline.waiting

    @property
    @override
    def _must_serve(self) -> bool:
        return self.pipeline.queued and not self.pipeline.holding

    @override
    def _say_farewell(self) -> None:
        if self.ready.role == "writer":
            self.gap_tracker.outbox.leave()

    @property
    @override
    def _stays_when_fenced(self) -> bool:
        return not self.settings.standby

    @override
    def _serve(self) -> None:
        """Serve librdkafka's reports and publish what is queued."""
        self.producer.poll()
        self.pipeline.tick()


async def run_market(loaded: Loaded) -> RunEnd:
    """Run the market worker until it is stopped. Raises as MarketWorker and its run do."""
    worker = MarketWorker(loaded)
    return RunEnd(await worker.run(), worker.producer.hurried)


def _gap_tracker(settings: Settings, identity: WriterIdentity) -> GapTracker:
    has_key = settings.backfill.api_key_file is not None
    return GapTracker(
        identity.prefix,
        shard=identity.shard,
        instance=identity.instance,
        run=identity.run,
        policy=FillPolicy(settings.backfill.enabled, has_key, settings.backfill.books),
        repeats_possible=settings.delivery == "idempotent",
    )
