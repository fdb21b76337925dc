"""The account worker: settings into objects, objects into one run, and the drain at its end.

Reading order of a run: `AccountWorker.run`, `_begin` (topics and schemas, taking over, what the
exchange lists), `_run_until_stopped`, `_drain` of worker/process.py.
"""

import time
from collections.abc import Callable
from functools import partial

from typing_extensions import override

from connector import version
from connector.account.feed import AccountFeed
from connector.account.feed_context import FeedContext
from connector.account.outbox import AccountOutbox
from connector.account.reconcile_picture import Pairs
from connector.account.registry import AccountOptions, AccountRegistry
from connector.account.source import AccountSource, FeedTimings
from connector.binance.account_events.layout import AccountProduct
from connector.config.account import AccountSettings, AccountWorkerSettings, insecurities
from connector.config.key_files import credentials_of
from connector.config.load import Loaded
from connector.config.plan import bases_of
from connector.config.secrets import proxy_of
from connector.diagnostics.preflight import check_offline
from connector.errors import Retry
from connector.kafka import topic_admin
from connector.kafka.schema_registry import ensure_schemas
from connector.kafka.topic_settings import TopicRole, topic_roles
from connector.telemetry import events
from connector.telemetry.lag import Lag
from connector.telemetry.ledger import Ledger
from connector.telemetry.start_steps import RetryPolicy, StartSteps
from connector.transport import tls
from connector.transport.connect_limiter import ConnectLimiter
from connector.transport.rest import RestClient
from connector.transport.signed_rest import SignedRest
from connector.transport.wsapi_session import Keys
from connector.worker.account_pipeline import AccountPipeline
from connector.worker.account_readiness import AccountReadiness
from connector.worker.account_reconciler import AccountReconciler
from connector.worker.account_status import status
from connector.worker.account_summary import start_summary
from connector.worker.account_writer import AccountWriter, new_run
from connector.worker.config_watch import AccountConfigWatch
from connector.worker.http_server import HttpServer
from connector.worker.metrics.account import build_metrics
from connector.worker.process import RETIRED, RunEnd, RunningPart, WorkerProcess
from connector.worker.topic_keeper import TopicKeeper
from connector.worker.writer import KAFKA_RETRIES

# What a start waits for, in order, and on whom; three of the steps are of worker/writer.py.
START_STEPS = {
    "topics": "Kafka",
    "schema_registry": "the registry",
    "transaction_coordinator": "Kafka",
    "checkpoint": "Kafka",
    "first_commit": "Kafka",
    "symbols": "the exchange",
}
REGISTRY = RetryPolicy(0.5, 10.0)
SYMBOLS = RetryPolicy(0.5, 2.0, give_up_s=5.0)
LIFE_PART = 23 / 24  # of a connection's life, after which the next one is opened
# Whose symbols have two assets, and no income that names them; of portfolio margin its margin part.
PAIRED: tuple[AccountProduct, ...] = ("spot", "margin", "portfolio_margin")


class AccountWorker(WorkerProcess):
    """The account worker, from start to drained; made inside the event loop.

    Args:
        loaded: The config file.

    Attributes:
        readiness: Name of each part of readiness -> whether it is met; /readyz wants all.

    Raises:
        Refused: the file cannot be carried out on this machine.
    """

    def __init__(self, loaded: Loaded[AccountWorkerSettings]) -> None:
        check_offline(loaded, here=True)
        self.loaded, self.settings = loaded, loaded.settings
        self._keys = {account.alias: _keys_of(account) for account in self.settings.accounts}
        run, prefix = new_run(), self.settings.topic_prefix
        self.lag = Lag()
        self._pairs: dict[AccountProduct, dict[str, tuple[str, str]]] = {
            product: {} for product in PAIRED
        }

        # From an event to Kafka
        outbox = AccountOutbox(prefix, self.settings.instance, run)
        pairs: dict[AccountProduct, Pairs] = {**self._pairs}
        self.registry = AccountRegistry(prefix, _options(self.settings), outbox, pairs)
        ledger = Ledger()
        self.writer = AccountWriter(self.settings, run, self.registry, ledger, self.lag)
        super().__init__(self.writer.producer, ledger)
        self.pipeline = AccountPipeline(self.producer, self.registry, ledger)

        # From the exchange
        bases, proxy = bases_of(self.settings), proxy_of(self.settings)
        trust, share = tls.client_context(self.settings.ca_file), self.settings.limits.share
        self.rest = SignedRest(bases, share=share, proxy=proxy, tls=trust)
        self._listings = RestClient(bases, share=share, proxy=proxy, tls=trust)
        life_s = self.settings.limits.connection_life.total_seconds() * LIFE_PART
        timings = FeedTimings(life_s=life_s)
        context = FeedContext(bases, self.rest, ConnectLimiter(share), proxy, trust, timings)
        self.feed = AccountFeed(self._sources(), self.pipeline.receive, context)
        self.accounts = AccountReadiness(self.registry, self.pipeline, self.producer)

        self.config_watch = AccountConfigWatch(loaded)
        self.steps = StartSteps({step: self._server_of(on) for step, on in START_STEPS.items()})
        self.topic_keeper = TopicKeeper(
            self.settings.kafka, self.settings.topics, self.roles, self.producer, None
        )
        self.readiness = self._readiness()
        self.server = HttpServer(
            self.readiness, build_metrics(self).render, lambda: status(self), self._causes()
        )

    def _server_of(self, name: str) -> str:
        servers = {
            "Kafka": self.settings.kafka.bootstrap_servers,
            "the registry": self.settings.schema_registry.url,
        }
        return servers.get(name, name)

    def _sources(self) -> list[AccountSource]:
        return [
            AccountSource(alias, product, method, self._keys[alias], forms.get(product), symbol)
            for account in self.settings.accounts
            for alias, forms in ((account.alias, account.url_forms.forms()),)
            for (product, symbol), method in account.streams.places().items()
        ]

    def roles(self) -> dict[str, TopicRole]:
        """Return the topics that the worker writes to, and their roles."""
        data = [options.topic for options in self.registry.accounts.values()]
        return topic_roles(data, self.writer.control, self.writer.dead_letter)

    # Readiness

    def _readiness(self) -> dict[str, Callable[[], bool]]:
        return {
            "writer": lambda: not self.producer.fenced,
            "kafka": lambda: self.producer.trouble is None,
            **{name: partial(self.steps.is_over, name) for name in START_STEPS},
            **self.accounts.parts(),
        }

    def _causes(self) -> dict[str, Callable[[], str | None]]:
        return {
            "kafka": lambda: self.producer.trouble,
            "writer": lambda: RETIRED,
            **{name: partial(self.steps.wait_of, name) for name in START_STEPS},
            **self.accounts.causes(),
        }

    # The run

    async def run(self) -> int:
        """Run until `stopping` is set or a signal comes, then drain.

        Returns:
            How many records and dead letters could not be stored, and events are still queued.

        Raises:
            Refused: the start is impossible as configured.
            Retry: Kafka does not answer.
            Fatal: Kafka refused us for good, or a bug ended a part of the worker; what could be
                stored was.
        """
        self._on_signals({})
        events.starting(version(), start_summary(self.loaded, self.writer.transactional_id))
        if self.settings.allow_insecure_kafka:
            events.account_kafka_insecure(insecurities(self.settings.kafka))
        await self.server.start(self.settings.server.host, self.settings.server.port)
        await self.rest.start()
        await self._listings.start()
        began = time.monotonic()
        try:
            if await self._unless_stopped(self._begin()):
                parts: list[RunningPart] = [self.feed, self.topic_keeper, self.config_watch]
                await self._run_parts([*parts, *self.accounts.reconcilers.values()])
            return await self._drain(began)
        finally:
            self.producer.close()
            await self._listings.close()
            await self.rest.close()
            await self.server.stop()

    async def _begin(self) -> None:
        """Become the writer; no account is subscribed before."""
        await self.steps.retry("topics", self._ensure_topics, KAFKA_RETRIES)
        ids = await self.steps.retry("schema_registry", self._ensure_schemas, REGISTRY)
        self.pipeline.schema_ids = ids
        self.lag.add_topics({options.topic: True for options in self.registry.accounts.values()})
        await self.writer.take_over(ids, self.steps)
        await self.steps.run("symbols", self._learn_pairs())
        self.accounts.reconcilers = reconcilers = {
            key: AccountReconciler(tracker, self.rest, self._keys[tracker.account])
            for key, tracker in self.registry.trackers.items()
        }
        accounts = len(self.registry.accounts)
        events.account_worker_started(accounts, len(reconcilers), version())

    async def _ensure_topics(self) -> None:
        kafka, topics = self.settings.kafka, self.settings.topics
        for text in await topic_admin.ensure(kafka, topics, self.roles()):
            events.topic_warning(text=text)

    async def _ensure_schemas(self) -> dict[str, int]:
        data = {options.topic: "account-event" for options in self.registry.accounts.values()}
        return await ensure_schemas(self.settings.schema_registry, {**data, **self.writer.control})

    async def _learn_pairs(self) -> None:
        """Learn the two assets of each symbol: they tell what may have been traded in a break.

        Without an answer the symbols that were seen are asked all the same.
        """
        if not any(each.product in self._pairs for each in self.registry.places()):
            return
        try:
            info = await self._listings.exchange_info("spot")
        except Retry as error:
            events.account_symbols_unknown(str(error))
            return
        found = {each.symbol: (each.underlying, each.quote) for each in info.listings}
        for pairs in self._pairs.values():
            pairs.update(found)

    @property
    @override
    def _waiting(self) -> int:
        return self.pipeline.waiting

    @property
    @override
    def _must_serve(self) -> bool:
        return self.pipeline.waiting > 0

    @override
    def _serve(self) -> None:
        self.producer.poll()
        self.pipeline.tick()


async def run_account(loaded: Loaded[AccountWorkerSettings]) -> RunEnd:
    """Run the account worker until it is stopped. Raises as AccountWorker and its run do."""
    worker = AccountWorker(loaded)
    return RunEnd(await worker.run(), worker.producer.hurried)


def _keys_of(account: AccountSettings) -> Keys:
    """Return what reads an account's keys anew from their files."""
    return lambda: credentials_of(account.key_files())


def _options(settings: AccountWorkerSettings) -> dict[str, AccountOptions]:
    return {
        account.alias: AccountOptions(
            tuple(account.streams.places()),
            settings.topic_of(account),
            int(account.hold),
            account.snapshot_at_start,
        )
        for account in settings.accounts
    }
