"""A Kafka that wants a login: its users, the rights they are given, and settings to connect."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from connector.config.sections import KafkaSettings, SecuritySettings
from connector.lab.secure_kafka import SCRAM, SecureKafka
from tests.support.waiting import POLL_S

DOCS = Path(__file__).parents[2] / "docs"
_ROW = re.compile(r"^\| `([\w-]+)` \| ([\w-]+) \| `([^`]+)` \| (\w+) \| ([\w, ]+) \|", re.MULTILINE)
USERS = {
    "admin": "admin-word",
    "writer": "writer-word",
    "reader": "reader-word",
    "stranger": "stranger-word",
    "halfway": "halfway-word",  # may read and write topics, and has no transactional.id
    "bkc-market": "market-word",
    "bkc-account": "word of the account worker",
    "risk": "risk-word",  # reads account events
}


@dataclass(frozen=True, slots=True)
class Right:
    """An ACL: what a user may do (or, `deny`, may not) with what. Words as `kafka-acls` has them.

    Attributes:
        resource: topic, transactional-id, group or cluster.
        pattern: literal or prefixed.
        operation: Such as DescribeConfigs.
    """

    principal: str
    operation: str
    name: str
    resource: str = "topic"
    pattern: str = "literal"
    deny: bool = False

    def under(self, prefix: str) -> "Right":
        """Return the same for another prefix than `binance`."""
        return replace(self, name=self.name.replace("binance", prefix, 1))

    @property
    def words(self) -> tuple[Any, ...]:
        """What AclBinding takes."""
        resource = "broker" if self.resource == "cluster" else self.resource.replace("-", "_")
        return (
            getattr(ResourceType, resource.upper()),
            self.name,
            getattr(ResourcePatternType, self.pattern.upper()),
            self.principal,
            "*",
            getattr(AclOperation, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.operation).upper()),
            AclPermissionType.DENY if self.deny else AclPermissionType.ALLOW,
        )


async def grant(broker: SecureKafka, *rights: Right) -> None:
    """Add ACLs, and wait until the broker knows them."""
    bindings = {AclBinding(*right.words) for right in rights}
    admin = AdminClient(broker.client())  # kept: its futures die with it
    for future in admin.create_acls(list(bindings)).values():
        await asyncio.to_thread(future.result)
    while not bindings <= set(await _known(admin)):
        await asyncio.sleep(POLL_S)  # they are written, and the broker has not read them yet


async def revoke(broker: SecureKafka, *rights: Right) -> None:
    """Take ACLs away, and wait until the broker knows."""
    bindings = {AclBinding(*right.words) for right in rights}
    admin = AdminClient(broker.client())
    asked = [AclBindingFilter(*right.words) for right in rights]
    for future in admin.delete_acls(asked).values():
        await asyncio.to_thread(future.result)
    while bindings & set(await _known(admin)):
        await asyncio.sleep(POLL_S)


async def _known(admin: AdminClient) -> list[AclBinding]:
    everything = AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]
        ResourcePatternType.ANY,
        None,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    found: list[AclBinding] = await asyncio.to_thread(admin.describe_acls(everything).result)
    return found


def documented_rights(page: str, *principals: str) -> list[Right]:
    """Return the rights and denials of principals, as the tables of a page of docs/ have them."""
    tables = re.split(r"^\| denied \|", (DOCS / page).read_text(), maxsplit=1, flags=re.MULTILINE)
    return [
        Right(f"User:{who}", operation, name, resource, pattern, deny=bool(deny))
        for deny, table in enumerate(tables)
        for who, resource, name, pattern, operations in _ROW.findall(table)
        if who in principals
        for operation in operations.split(", ")
    ]


async def give(broker: SecureKafka, rights: Iterable[Right], prefix: str) -> None:
    """Give rights of the documentation, for another prefix than `binance`."""
    renamed = [right.under(prefix) for right in rights]
    assert renamed
    await grant(broker, *renamed)


def password_file(folder: Path, word: str, name: str = "password") -> Path:
    """Return a file with a password that its owner alone may read."""
    path = folder / name
    path.write_text(word + "\n")
    path.chmod(0o600)
    return path


def security_of(
    broker: SecureKafka, folder: Path, user: str = "writer", **changes: Any
) -> dict[str, Any]:
    """Return `kafka.security` of a user, with changes; `word`: another password."""
    word = changes.pop("word", None) or USERS[user]
    return {
        "protocol": "SASL_SSL",
        "mechanism": SCRAM,
        "username": user,
        "password_file": str(password_file(folder, word, f"{user}.password")),
        "ca_file": str(broker.authority.path),
        **changes,
    }


def let_in(
    broker: SecureKafka, folder: Path, user: str = "writer", **changes: Any
) -> KafkaSettings:
    """Return settings of a user who is let in, with changes as `security_of`."""
    security = SecuritySettings(**security_of(broker, folder, user, **changes))
    return KafkaSettings(bootstrap_servers=broker.bootstrap_servers, security=security)
