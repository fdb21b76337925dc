"""Who may do what with a topic, as the cluster describes it. Changes nothing.

Facts of real brokers (Kafka 4.3.1, confluent-kafka 2.16, 2026-11-22): the client drops the error of
DescribeAcls. Without the right to ask, and on a broker without an authorizer, the list is empty and
no exception is raised. So an empty list counts only for who has DESCRIBE on the cluster.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from connector.errors import Refused, Retry
from connector.kafka.client import ConnectionErrors, metadata, open_client

REQUEST_TIMEOUT_S = 5.0
AUTHORIZER = "authorizer.class.name"
LISTENERS = "listener.security.protocol.map"
CONTROLLERS = "controller.listener.names"
# What librdkafka's texts begin with, or hold, when the cluster or its certificate does not fit.
_REFUSALS = ("_AUTHENTICATION", "_SSL", "certificate", "handshake failed")
_Described = TypeVar("_Described")


@dataclass(frozen=True, slots=True)
class AclRule:
    """One ACL that covers a topic or a transactional id.

    Attributes:
        principal: Such as `User:reader`; `User:*` is everybody.
        host: Address that it holds for; `*`: every one.
        operation: In capitals, such as READ; ALL.
        allows: It allows; else it denies, which is stronger.
        pattern: The name, a prefix of it with `*` behind, or `*`.
    """

    principal: str
    host: str
    operation: str
    allows: bool
    pattern: str


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """What one principal can see of a cluster's access control.

    Attributes:
        rules: ACLs by topic; None: the principal may not see them.
        id_rules: ACLs of the transactional id; empty if `rules` are not visible.
        authorizer: Class that decides; "": none, everybody may do everything; None: not visible.
        protocols: Listener -> security protocol, without those of controllers; empty: not visible.
    """

    rules: Mapping[str, tuple[AclRule, ...]] | None
    authorizer: str | None
    protocols: Mapping[str, str]
    id_rules: tuple[AclRule, ...] = ()


class AccessClient:
    """An admin client that only asks.

    Args:
        conf: As `client_config.client` makes it.

    Raises:
        Refused: a setting is wrong.
    """

    def __init__(self, conf: Mapping[str, Any]) -> None:
        self._errors = ConnectionErrors()
        self._client = open_client(AdminClient, conf, self._errors.note)

    def connect(self) -> str:
        """Connect, and return the cluster's id. Blocks.

        Raises:
            Refused: the cluster does not let us in, or its certificate is not trusted.
            Retry: it does not answer.
        """
        try:
            return str(metadata(self._client, self._errors, REQUEST_TIMEOUT_S).cluster_id)
        except KafkaException as error:
            text = self._errors.explain(error)
            refused = any(part in text for part in _REFUSALS)
            raise (Refused if refused else Retry)(text) from error

    def brokers(self) -> dict[str, tuple[str, int]]:
        """Return the address that each broker gives (advertised.listeners), by broker id.

        Raises:
            Retry: the cluster does not answer.
        """
        try:
            found = metadata(self._client, self._errors, REQUEST_TIMEOUT_S).brokers
        except KafkaException as error:
            raise Retry(self._errors.explain(error)) from error
        return {str(number): (broker.host, broker.port) for number, broker in found.items()}

    def rights(self, topic: str) -> frozenset[str]:
        """Return what we may do with a topic, in capitals; empty: nothing, or it is not there.

        Raises:
            Retry: the cluster does not answer.
        """
        asked = self._client.describe_topics(
            TopicCollection([topic]),
            include_authorized_operations=True,
            request_timeout=REQUEST_TIMEOUT_S,
        )
        described = self._answer(asked[topic])
        return _names(None if described is None else described.authorized_operations)

    def access(self, topics: Sequence[str], transactional_id: str = "") -> ClusterAccess:
        """Return what we can see of the access control. Raises Retry."""
        cluster = self._answer(
            self._client.describe_cluster(
                include_authorized_operations=True, request_timeout=REQUEST_TIMEOUT_S
            )
        )
        may_ask = cluster is not None and "DESCRIBE" in _names(cluster.authorized_operations)
        rules = {topic: self._rules(topic) for topic in topics} if may_ask else None
        ids = ResourceType.TRANSACTIONAL_ID
        id_rules = self._rules(transactional_id, ids) if may_ask and transactional_id else ()
        settings = {} if cluster is None else self._broker_settings(str(cluster.nodes[0].id))
        controllers = settings.get(CONTROLLERS, "").split(",")
        pairs = (part.partition(":") for part in settings.get(LISTENERS, "").split(",") if part)
        protocols = {name: protocol for name, _, protocol in pairs if name not in controllers}
        return ClusterAccess(rules, settings.get(AUTHORIZER), protocols, id_rules)

    def _rules(self, name: str, resource: ResourceType = ResourceType.TOPIC) -> tuple[AclRule, ...]:
        """Return the ACLs of a name: its own, those of its prefixes, and those of all names."""
        asked = AclBindingFilter(
            resource,
            name,
            ResourcePatternType.MATCH,
            None,  # type: ignore[arg-type]  # every principal
            None,  # type: ignore[arg-type]  # every host
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        found = self._client.describe_acls(asked, request_timeout=REQUEST_TIMEOUT_S)
        return tuple(map(_rule, self._answer(found) or ()))

    def _broker_settings(self, broker: str) -> dict[str, str]:
        """Return a broker's settings; empty: we may not see them."""
        asked = self._client.describe_configs(
            [ConfigResource(ResourceType.BROKER, broker)], request_timeout=REQUEST_TIMEOUT_S
        )
        [future] = asked.values()
        entries = self._answer(future) or {}
        return {name: entry.value or "" for name, entry in entries.items()}

    def _answer(self, future: "Future[_Described]") -> _Described | None:
        """Return an answer; None: the cluster refuses it. Raises Retry if it does not answer."""
        try:
            return future.result()
        except KafkaException as error:
            if error.args[0].code() < 0:
                self._client.poll(0)
                raise Retry(self._errors.explain(error)) from error
            return None


def _names(operations: Any) -> frozenset[str]:
    return frozenset(operation.name for operation in operations or ())


def _rule(binding: AclBinding) -> AclRule:
    is_prefix = binding.resource_pattern_type == ResourcePatternType.PREFIXED
    return AclRule(
        principal=binding.principal,
        host=binding.host,
        operation=AclOperation(binding.operation).name,
        allows=binding.permission_type == AclPermissionType.ALLOW,
        pattern=f"{binding.name}*" if is_prefix else binding.name,
    )
