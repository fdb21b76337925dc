"""Creates topics and registers schemas of a plan, before any of its streams is subscribed."""

from collections import Counter
from collections.abc import Mapping

from connector.config.sections import KafkaSettings, RegistrySettings, TopicSettings
from connector.kafka import topic_admin
from connector.kafka.schema_registry import ensure_schemas
from connector.kafka.topic_settings import TopicRole, topic_roles
from connector.planning.model import Plan
from connector.telemetry import events

REGISTRY_OUTCOMES = ("ok", "failed")


class Provisioner:
    """Creates the topics of a plan and registers their schemas, each once in a run.

    Every method makes one attempt. It raises Refused if a topic or schema is missing and may not or
    cannot be created, or a topic's settings lose data; Fatal if rights are missing; Retry if Kafka
    or the registry does not answer.

    Args:
        kafka, registry: Where.
        topics: Whether missing topics are created, and how.
        own: The worker's own topics with a schema (markers, progress) -> their kinds.
        dead_letter: The topic of rejected messages; it has no schema.

    Attributes:
        registry_requests: Rounds of requests to the registry, by outcome.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        topics: TopicSettings,
        registry: RegistrySettings,
        own: Mapping[str, str],
        dead_letter: str,
    ) -> None:
        self._kafka, self._topics, self._registry = kafka, topics, registry
        self._own, self._dead_letter = own, dead_letter
        self.registry_requests: Counter[str] = Counter()
        self._ensured: set[str] = set()  # topics
        self._ids: dict[tuple[str, str], int] = {}  # (topic, kind) -> schema id

    async def provision(self, plan: Plan) -> dict[str, int]:
        """Create the topics and register the schemas that are new in a plan; see both methods."""
        await self.ensure_topics(plan)
        return await self.ensure_schemas(plan)

    def roles(self, plan: Plan) -> dict[str, TopicRole]:
        """Return the topics that a worker with this plan writes to, and their roles."""
        return topic_roles(plan.topics, self._own, self._dead_letter)

    async def ensure_topics(self, plan: Plan) -> None:
        """Create the topics that are new in a plan, and the worker's own."""
        new = {name: role for name, role in self.roles(plan).items() if name not in self._ensured}
        if new:
            for text in await topic_admin.ensure(self._kafka, self._topics, new):
                events.topic_warning(text=text)
            self._ensured |= new.keys()

    async def ensure_schemas(self, plan: Plan) -> dict[str, int]:
        """Register the schemas that are new in a plan.

        Returns:
            Topic -> schema id, for the plan's topics and the worker's own.
        """
        wanted = {**plan.topics, **self._own}
        new = {topic: kind for topic, kind in wanted.items() if (topic, kind) not in self._ids}
        if new:
            ids = await self._register(new)
            self._ids |= {(topic, kind): ids[topic] for topic, kind in new.items()}
        return {topic: self._ids[topic, kind] for topic, kind in wanted.items()}

    async def _register(self, topics: Mapping[str, str]) -> dict[str, int]:
        try:
            ids = await ensure_schemas(self._registry, topics)
        except Exception:
            self.registry_requests["failed"] += 1
            raise
        self.registry_requests["ok"] += 1
        return ids
