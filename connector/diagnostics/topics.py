"""Compares the topics of a plan, as they are in Kafka, with what a worker needs of them."""

from dataclasses import dataclass

from connector.codec.schema import DEAD_LETTER, own_topics
from connector.config.load import Loaded
from connector.kafka import topic_admin
from connector.kafka.topic_settings import topic_roles
from connector.planning.model import Plan


@dataclass(frozen=True, slots=True)
class TopicFindings:
    """What a worker would find, a line each.

    Attributes:
        refused: Why it would not start.
        warnings: What it would warn of, and which topics it would create.
    """

    refused: tuple[str, ...]
    warnings: tuple[str, ...]


def compare_topics(loaded: Loaded, plan: Plan) -> TopicFindings:
    """Return what a worker with this plan would find. Changes nothing. Blocks.

    Raises:
        Refused: Kafka cannot be asked as the file and this machine are. Retry: it does not answer.
    """
    settings = loaded.settings
    prefix = settings.topic_prefix
    roles = topic_roles(plan.topics, own_topics(prefix), f"{prefix}.{DEAD_LETTER}")
    found = topic_admin.inspect(settings.kafka, roles)
    refused, warnings = [*found.report.refused, *found.report.forbidden], found.report.warnings
    if found.missing:
        text = f"{len(found.missing)} topics are missing: {', '.join(found.missing)}"
        if settings.topics.create:
            warnings = (f"{text}; the worker creates them", *warnings)
        else:
            refused.append(f"{text}; create them, or set topics.create: true")
    return TopicFindings(tuple(refused), warnings)
