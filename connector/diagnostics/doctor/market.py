"""`bkc doctor market`: everything that a market worker depends on, in the order of a start."""

import asyncio
import ssl
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from connector.binance.exchange_info import Universe
from connector.binance.products import PRODUCTS, Product
from connector.codec.schema import DEAD_LETTER, own_topics
from connector.config.load import Loaded
from connector.config.model import Settings
from connector.config.plan import bases_of, plan_budget, plan_of, streams_without_key
from connector.config.secrets import proxy_of
from connector.diagnostics.doctor.exchange import ConnectionOptions, check_endpoints, check_rest
from connector.diagnostics.doctor.files import check_config, check_password_files, password_files
from connector.diagnostics.doctor.kafka import (
    ClusterExamination,
    check_cluster,
    check_security,
    check_writing,
)
from connector.diagnostics.doctor.machine import check_files, check_memory, memory_limit
from connector.diagnostics.doctor.network import Host, check_host, hosts_of
from connector.diagnostics.doctor.registry import check_registering, check_registry
from connector.diagnostics.doctor.report import CheckResult
from connector.errors import Refused, Retry
from connector.kafka import client_config
from connector.kafka.topic_settings import topic_roles
from connector.planning.model import Plan
from connector.planning.plan import needs
from connector.transport import tls
from connector.transport.rest import RestClient


@dataclass(frozen=True, slots=True)
class MarketExamination:
    """What the caller wants.

    Attributes:
        first_data_s: Seconds that the first data of a stream are waited for.
        probe: Write, too: register the schemas, and a record in a transaction that is aborted.
    """

    first_data_s: float = 10.0
    probe: bool = False


def examine_market(loaded: Loaded, wanted: MarketExamination) -> list[CheckResult]:
    """Look at files, machine, exchange, Kafka and registry; change nothing but to probe. Blocks.

    Raises:
        Refused: the subscriptions make no plan.
    """
    plan = plan_of(loaded)
    on_exchange, plan = asyncio.run(_check_exchange(loaded, plan, wanted.first_data_s))
    settings = loaded.settings
    secrets = {**password_files(settings), "backfill.api_key_file": settings.backfill.api_key_file}
    readable = {name: path for name, path in secrets.items() if path is None or path.exists()}
    return [
        *check_config(loaded),
        *check_password_files(readable),
        check_memory(settings.hold, *memory_limit()),
        check_files(len(plan.connections)),
        *on_exchange,
        *_check_storage(settings, plan, probe=wanted.probe),
    ]


def _check_storage(settings: Settings, plan: Plan, *, probe: bool) -> Iterator[CheckResult]:
    """Look at Kafka and the registry."""
    own, dead_letter = own_topics(settings.topic_prefix), f"{settings.topic_prefix}.{DEAD_LETTER}"
    name = client_config.transactional_id(
        settings.topic_prefix, settings.instance, settings.shard.index
    )
    cluster = ClusterExamination(
        settings.kafka,
        settings.topics,
        topic_roles(plan.topics, own, dead_letter),
        transactional_id=name if settings.delivery == "exactly_once" else "",
        probe=dead_letter,
    )
    yield from check_security(settings.kafka, secret=False)
    found = list(check_cluster(replace(cluster, transactional_id="") if probe else cluster))
    yield from found
    connected = any((result.check, result.status) == ("kafka.brokers", "ok") for result in found)
    if probe and connected and cluster.transactional_id:
        yield check_writing(cluster)
    elif probe and connected:
        text = "delivery: idempotent has no transaction that would take a record back"
        yield CheckResult("kafka.writing", "cannot tell", text)
    topics = {**plan.topics, **own}
    in_registry = list(check_registry(settings.schema_registry, topics))
    yield from in_registry
    if probe and not any(result.unreachable for result in in_registry):
        yield check_registering(settings.schema_registry, topics)


async def _check_exchange(
    loaded: Loaded, offline: Plan, first_data_s: float
) -> tuple[list[CheckResult], Plan]:
    """Look at the exchange; return the plan with what it lists, as far as it says so."""
    settings, bases = loaded.settings, bases_of(loaded.settings)
    try:
        proxy, trust = proxy_of(settings), tls.client_context(settings.ca_file)
    except Refused as error:
        return [CheckResult("exchange.connection", "fail", str(error))], offline
    products = _products(settings)
    urls = [settings.proxy] if settings.proxy else [bases[product].rest for product in products]
    results, hosts = [], hosts_of(urls)
    results += await _check_hosts(hosts, trust)
    rest = RestClient(bases, share=settings.limits.share, proxy=proxy, tls=trust)
    await rest.start()
    try:
        answers = [await check_rest(rest, product, bases[product]) for product in products]
        results += [result for each in answers for result in each]
        answering = [
            product
            for product, each in zip(products, answers, strict=True)
            if each[0].status == "ok"
        ]
        found, plan = await _check_plan(loaded, offline, rest, answering)
    finally:
        await rest.close()
    results += found
    endpoints = hosts_of(connection.endpoint for connection in plan.connections)
    if proxy is None:
        results += await _check_hosts([host for host in endpoints if host not in hosts], trust)
    results += await check_endpoints(plan, ConnectionOptions(proxy, trust, first_data_s))
    return results, plan


def _products(settings: Settings) -> list[Product]:
    used = {subscription.product for subscription in settings.subscriptions}
    return [product for product in PRODUCTS if product in used]


async def _check_hosts(hosts: Collection[Host], trust: ssl.SSLContext) -> list[CheckResult]:
    found = await asyncio.gather(*(check_host(host, trust) for host in hosts))
    return [result for each in found for result in each]


async def _check_plan(
    loaded: Loaded, offline: Plan, rest: RestClient, answering: Collection[Product]
) -> tuple[list[CheckResult], Plan]:
    """Make the plan with what the exchange lists; the one without it where that fails."""
    check, settings = "plan.streams", loaded.settings
    needed = needs(settings.subscriptions)
    if not needed.listings <= set(answering):
        silent = ", ".join(sorted(needed.listings - set(answering)))
        text = f"the symbols of {silent} depend on exchangeInfo, which was not asked: see above"
        return [CheckResult(check, "cannot tell", text)], offline
    try:
        universe = await _universe(rest, answering, needed.volumes)
        plan = plan_of(loaded, universe)
    except Retry as error:
        return [CheckResult(check, "cannot tell", str(error))], offline
    except Refused as error:
        cure = "correct the subscriptions: `bkc plan` shows what is listed"
        lines = str(error).splitlines()
        return [CheckResult(check, "fail", line, cure) for line in lines], offline
    budget = plan_budget(settings, plan)
    text = (
        f"streams: {budget.streams}, connections: {budget.connections},"
        f" topics: {len(plan.topics)}; about {budget.messages:.0f} messages a second"
    )
    results = [CheckResult(check, "ok", text)]
    cure = "correct this line of the file, or take it out"
    warnings = loaded.sentences(plan.warnings)
    results += [CheckResult("plan.warning", "warn", text, cure) for text in warnings]
    keyless = streams_without_key(settings, plan)  # each with its cure
    results += [CheckResult("plan.backfill", "warn", text) for text in keyless]
    return results, plan


async def _universe(
    rest: RestClient, products: Collection[Product], volumes: Collection[Product]
) -> Universe:
    return await rest.universe(products, [product for product in products if product in volumes])
