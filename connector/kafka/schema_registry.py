"""The schema registry: registers or looks up each topic's schema once, at the start.

Blocking calls of the library run in a thread. Subjects follow TopicNameStrategy: <topic>-value.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from confluent_kafka.schema_registry import (
    Schema,
    SchemaRegistryClient,
    topic_subject_name_strategy,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from httpx2 import HTTPError  # what the registry client speaks HTTP with

from connector.codec.schema import load
from connector.config.model import SchemaRegistry
from connector.config.secrets import secret
from connector.errors import BadMessage, Refused, Retry
from connector.telemetry import events

COMPATIBILITY = "FULL_TRANSITIVE"
# Said in so many words: the client's default asks the registry about every record.
TOPIC_NAME_STRATEGY = {"subject.name.strategy": topic_subject_name_strategy}
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 10.0
_NOT_FOUND = 404
_LOGIN = frozenset({401, 403})  # proxies answer these in words of their own
_NO_REGISTRY = (
    "what answers there is no schema registry, or it has another path: check schema_registry.url"
)
# (what the text of a connection's error contains, what to do); each was seen with that cause.
_CURES = (
    ("WRONG_VERSION_NUMBER", "the port does not speak TLS: write http://, or take its TLS port"),
    ("RECORD_LAYER_FAILURE", "the port does not speak TLS: write http://, or take its TLS port"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "the certificate does not fit: schema_registry.ca_file is not the authority that signed it,"
        " or its names do not include the host",
    ),
    (
        "Server disconnected",
        "the port does not speak HTTP: is it TLS (write https://), or another service's?",
    ),
    (
        "illegal request line",
        "the port does not speak HTTP: is it TLS (write https://), or another service's?",
    ),
    ("Connection refused", "nobody listens there: check host and port in schema_registry.url"),
    ("Name or service not known", "the host name in schema_registry.url is unknown"),
)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def client(settings: SchemaRegistry) -> SchemaRegistryClient:
    """Return the library's client for our settings.

    Raises:
        Refused: a password file cannot be read.
    """
    conf: dict[str, Any] = {"url": settings.url, "max.retries": 0, "timeout": 10}
    if settings.ca_file is not None:
        conf["ssl.ca.location"] = str(settings.ca_file)
    if settings.username is not None and settings.password_file is not None:
        password = secret(settings.password_file, "schema_registry.password_file")
        conf["basic.auth.user.info"] = f"{settings.username}:{password}"
    return SchemaRegistryClient(conf)


def deserializer(registry: SchemaRegistryClient) -> AvroDeserializer:
    """Return the standard client's deserialiser, as any consumer would use it."""
    made: AvroDeserializer = AvroDeserializer(registry, conf=TOPIC_NAME_STRATEGY)
    return made


class SchemaCache:
    """The schemas that records were written with, by id; each is asked for once. Blocks."""

    def __init__(self, settings: SchemaRegistry) -> None:
        self._url = settings.url
        self._registry = client(settings)
        self._texts: dict[int, str] = {}

    def text(self, schema_id: int) -> str:
        """Return a schema's text.

        Raises:
            Retry: the registry does not answer.
            Refused: it does not let us read.
            BadMessage: it does not know the id.
        """
        if schema_id not in self._texts:
            self._texts[schema_id] = self._ask(schema_id)
        return self._texts[schema_id]

    def _ask(self, schema_id: int) -> str:
        try:
            return str(self._registry.get_schema(schema_id).schema_str)
        except SchemaRegistryError as error:
            if _is_foreign_answer(error):
                raise Refused(f"{self._url}: {error.http_status_code} ({_NO_REGISTRY})") from error
            words = f"{self._url}: schema {schema_id}: {error.error_message}"
            if error.http_status_code == _NOT_FOUND:
                raise BadMessage("schema", words) from error
            raise (Retry if error.http_status_code in _PASSING else Refused)(words) from error
        except (HTTPError, OSError) as error:
            raise _unreachable(self._url, error) from error
        except ValueError as error:  # no JSON
            raise Refused(f"{self._url}: {_NO_REGISTRY}") from error


async def ensure_schemas(settings: SchemaRegistry, topics: Mapping[str, str]) -> dict[str, int]:
    """Return the schema id of each topic; waits for as long as the registry is away.

    Args:
        settings: The registry.
        topics: Topic -> kind.

    Raises:
        Refused: a schema is missing (register: false), incompatible, or we may not.
    """
    registry = client(settings)
    wait = FIRST_WAIT_S
    while True:
        try:
            return await asyncio.to_thread(_all_ids, registry, settings, topics)
        except Retry as error:
            events.waiting_for_registry(cause=str(error))
        await asyncio.sleep(wait)
        wait = min(LONGEST_WAIT_S, 2 * wait)


def _all_ids(
    registry: SchemaRegistryClient, settings: SchemaRegistry, topics: Mapping[str, str]
) -> dict[str, int]:
    return {
        topic: _id(registry, settings, f"{topic}-value", Schema(load(kind).text, "AVRO"))
        for topic, kind in topics.items()
    }


def _id(
    registry: SchemaRegistryClient, settings: SchemaRegistry, subject: str, schema: Schema
) -> int:
    try:
        if not settings.register_schemas:
            found = registry.lookup_schema(subject, schema).schema_id
        else:
            _keep_compatible(registry, subject)
            found = registry.register_schema(subject, schema)
    except SchemaRegistryError as error:
        raise _translate(error, settings, subject) from error
    except (HTTPError, OSError) as error:
        raise _unreachable(settings.url, error) from error
    except ValueError as error:  # no JSON
        raise Refused(f"schema registry {settings.url}: {_NO_REGISTRY}") from error
    if not found:
        raise Refused(f"schema registry {settings.url}: no id ({_NO_REGISTRY})")
    return int(found)


def _unreachable(url: str, error: Exception) -> Retry:
    """Return why a registry cannot be reached, with what to do where the cause is known."""
    words = str(error) or type(error).__name__
    cure = next((f" ({cure})" for part, cure in _CURES if part in words), "")
    return Retry(f"{url}: {words}{cure}")


def _is_foreign_answer(error: SchemaRegistryError) -> bool:
    """Say whether an error is not in a registry's words: theirs have a code of five digits."""
    status = error.http_status_code
    known = status in _PASSING or status in _LOGIN
    return not known and error.error_code in (-1, _NOT_FOUND)


def _keep_compatible(registry: SchemaRegistryClient, subject: str) -> None:
    """Ask for FULL_TRANSITIVE; where we may not, say so and go on with the registry's own rule."""
    try:
        registry.set_compatibility(subject, COMPATIBILITY)
    except SchemaRegistryError as error:
        if error.http_status_code in _PASSING:
            raise
        events.compatibility_not_set(subject=subject, cause=str(error))


def _translate(
    error: SchemaRegistryError, settings: SchemaRegistry, subject: str
) -> Retry | Refused:
    """Return the registry's error with what to do about it."""
    status, words = error.http_status_code, error.error_message
    if status in _PASSING:
        return Retry(f"{settings.url}: {status} {words}")
    if _is_foreign_answer(error):
        return Refused(f"schema registry {settings.url}: {status} ({_NO_REGISTRY})")
    cure = {
        401: "check schema_registry.username and password_file",
        403: "the user may not write the subject; set register: false, register beforehand",
        404: "the subject or this schema is not there; register it, or set register: true",
        409: "an older schema of the subject does not fit; use another topic or delete it",
    }.get(status, "see the registry's log")
    return Refused(f"schema registry {settings.url}: subject {subject}: {status} {words} ({cure})")
