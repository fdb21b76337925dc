"""What a worker is about to do, for whoever starts it: from where to where, in one block."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from connector.binance.products import PRODUCTS, Product
from connector.codec.schema import DEAD_LETTER, own_topics
from connector.config.load import Loaded
from connector.config.model import Settings
from connector.config.plan import bases_of
from connector.config.sections import KafkaSettings, WorkerSettings
from connector.planning.model import Plan

Facts = Mapping[str, str | list[str]]


def start_summary(loaded: Loaded, plan: Plan, writer: str, codec: str) -> Facts:
    """Return the facts of a start by name, in the order in which they are read.

    Args:
        loaded: The config file.
        plan: What it means without asking the exchange.
        writer: The id that later writers fence this one by.
        codec: Which code transcodes frames.
    """
    settings = loaded.settings
    topics = [*plan.topics, *own_topics(settings.topic_prefix)]
    topics.append(f"{settings.topic_prefix}.{DEAD_LETTER}")
    if plan.pending:
        topics.append("and those of the symbols that the exchange lists")
    proxy = {} if settings.proxy is None else {"proxy": settings.proxy}
    return {
        "config": loaded.places.file,
        "exchange": exchange(settings),
        **_hosts(settings, plan),
        **proxy,
        "kafka": cluster(settings.kafka),
        "writer": f"{writer}, {settings.delivery}",
        "codec": codec,
        "registry": settings.schema_registry.url,
        "topics": topics,
    }


def exchange(settings: WorkerSettings) -> str:
    """Return the environment, and whether the file names it."""
    if not isinstance(settings.exchange, str):
        return "addresses of the config file"
    named = "exchange" in settings.model_fields_set
    return settings.exchange if named else f"{settings.exchange} (the config file names none)"


def _hosts(settings: Settings, plan: Plan) -> dict[str, str]:
    """Return where each product is read: the addresses of its streams, and that of REST."""
    bases = bases_of(settings)
    used: dict[Product, dict[str, None]] = {}
    for subscription in settings.subscriptions:
        used.setdefault(subscription.product, {})
    for connection in plan.connections:
        parts = urlsplit(connection.endpoint)
        used[connection.product][f"{parts.scheme}://{parts.netloc}"] = None
    found: dict[str, str] = {}
    for product in PRODUCTS:
        if product in used:
            known = bases.get(product)
            streams = list(used[product]) or ([] if known is None else [known.streams[0]])
            rest = "none" if known is None else known.rest
            found[product] = f"{', '.join(streams)}; REST {rest}"
    return found


def cluster(kafka: KafkaSettings) -> str:
    """Return the brokers, and how they let us in."""
    security = kafka.security
    user = "" if security.username is None else f" as {security.username}"
    return f"{kafka.bootstrap_servers}, {security.protocol}{user}"
