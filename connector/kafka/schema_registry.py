"""Schema registry: registers or looks up the schema of each topic, and fetches schemas by id.

Subjects follow TopicNameStrategy: <topic>-value.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry import topic_subject_name_strategy as topic_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from httpx2 import HTTPError  # what the registry client speaks HTTP with

from connector.codec.schema import load
from connector.config.secrets import secret
from connector.config.sections import RegistrySettings
from connector.errors import BadMessage, Refused, Retry
from connector.telemetry import events

COMPATIBILITY = "FULL_TRANSITIVE"
REQUEST_TIMEOUT_S = 10
_OK, _NOT_FOUND = 200, 404
_NO_SUBJECT = 40401  # the registry's code of a subject that does not exist
SchemaState = Literal["registered", "missing", "incompatible"]  # missing: it could be registered
_READ_ONLY = frozenset({"READONLY", "READONLY_OVERRIDE"})  # modes of a registry
_LOGIN = frozenset({401, 403})  # proxies answer these with bodies of their own
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_NO_REGISTRY = (
    "what answers there is no schema registry: something on the way (login page, maintenance), or"
    " the registry has another address or path: check schema_registry.url"
)
_NO_TLS = "the port does not speak TLS: write http://, or take its TLS port"
_NO_HTTP = "the port does not speak HTTP: is it TLS (write https://), or another service's?"
# Part of a connection error's text -> hint; each was seen with that cause.
_HINTS = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "CERTIFICATE_VERIFY_FAILED": (
        "the certificate does not fit: schema_registry.ca_file is not the authority that signed it,"
        " or its names do not include the host"
    ),
    "Server disconnected": _NO_HTTP,
    "illegal request line": _NO_HTTP,
    "Connection refused": "nobody listens there: check host and port in schema_registry.url",
    "Name or service not known": "the host name in schema_registry.url is unknown",
}


def client(settings: RegistrySettings) -> SchemaRegistryClient:
    """Return the library's client for our settings.

    Raises:
        Refused: a password file cannot be read.
    """
    conf: dict[str, Any] = {"url": settings.url, "max.retries": 0, "timeout": REQUEST_TIMEOUT_S}
    if settings.ca_file is not None:
        conf["ssl.ca.location"] = str(settings.ca_file)
    if settings.username is not None and settings.password_file is not None:
        password = secret(settings.password_file, "schema_registry.password_file")
        conf["basic.auth.user.info"] = f"{settings.username}:{password}"
    return SchemaRegistryClient(conf)


def deserializer(registry: SchemaRegistryClient) -> AvroDeserializer:
    """Return the deserialiser of the standard client, as consumers use it."""
    conf = {"subject.name.strategy": topic_name_strategy}  # else it asks about every record
    decode: AvroDeserializer = AvroDeserializer(registry, conf=conf)
    return decode


class SchemaCache:
    """The schemas that records were written with, by id; each is fetched once. Blocks."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._url = settings.url
        self._registry = client(settings)
        self._texts: dict[int, str] = {}

    def text(self, schema_id: int) -> str:
        """Return a schema's text.

        Raises:
            Retry: the registry does not answer. BadMessage: it does not know the id.
            Refused: we may not read, or this is no registry.
        """
        if schema_id not in self._texts:
            self._texts[schema_id] = self._fetch(schema_id)
        return self._texts[schema_id]

    def _fetch(self, schema_id: int) -> str:
        try:
            return str(self._registry.get_schema(schema_id).schema_str)
        except SchemaRegistryError as error:
            if _is_foreign_answer(error):
                raise _foreign(self._url, error.http_status_code) from error
            message = f"{self._url}: schema {schema_id}: {error.error_message}"
            if error.http_status_code == _NOT_FOUND:
                raise BadMessage("schema", message) from error
            raise (Retry if error.http_status_code in _PASSING else Refused)(message) from error
        except (HTTPError, OSError) as error:
            raise _unreachable(self._url, error) from error
        except ValueError as error:  # no JSON
            raise _foreign(self._url, _OK) from error


async def ensure_schemas(settings: RegistrySettings, topics: Mapping[str, str]) -> dict[str, int]:
    """Turn topic -> kind into topic -> schema id.

    Raises:
        Retry: the registry does not answer, or something answers in its place.
        Refused: a schema is missing (register: false) or incompatible, or we may not register.
    """
    registry = client(settings)
    return {
        topic: await asyncio.to_thread(_ensure_schema, registry, settings, topic, kind)
        for topic, kind in topics.items()
    }


def inspect_schemas(
    settings: RegistrySettings, topics: Mapping[str, str]
) -> dict[str, SchemaState]:
    """Turn topic -> kind into topic -> what the registry has of its schema. Changes nothing.

    Blocks. Raises as `ensure_schemas`.
    """
    registry = client(settings)
    return {topic: _inspect(registry, settings, topic, kind) for topic, kind in topics.items()}


def takes_schemas(settings: RegistrySettings) -> bool:
    """Say whether the registry takes new schemas at all; True too where it does not say. Blocks.

    Raises as `ensure_schemas`.
    """
    with _answering(settings.url, "mode"):
        try:
            return client(settings).get_global_mode() not in _READ_ONLY
        except SchemaRegistryError as error:
            if error.http_status_code in _PASSING:
                raise
            return True  # not every registry has modes


def levels_of(settings: RegistrySettings, topics: Iterable[str]) -> dict[str, str]:
    """Return topic -> the compatibility level that holds for its subject, where that is said.

    Blocks. Raises as `ensure_schemas`.
    """
    registry = client(settings)
    found: dict[str, str] = {}
    for topic in topics:
        with _answering(settings.url, f"{topic}-value"):
            for subject in (f"{topic}-value", None):  # its own, else that of all
                try:
                    found[topic] = str(registry.get_compatibility(subject))
                    break
                except SchemaRegistryError as error:
                    if error.http_status_code in _PASSING:
                        raise
    return found


def _inspect(
    registry: SchemaRegistryClient, settings: RegistrySettings, topic: str, kind: str
) -> SchemaState:
    subject, schema = f"{topic}-value", Schema(load(kind).text, "AVRO")
    with _answering(settings.url, subject):
        try:
            registry.lookup_schema(subject, schema)
        except SchemaRegistryError as error:
            if error.http_status_code != _NOT_FOUND or _is_foreign_answer(error):
                raise
            if error.error_code == _NO_SUBJECT:
                return "missing"
        else:
            return "registered"
        return "missing" if registry.test_compatibility(subject, schema) else "incompatible"


def _ensure_schema(
    registry: SchemaRegistryClient, settings: RegistrySettings, topic: str, kind: str
) -> int:
    subject, schema = f"{topic}-value", Schema(load(kind).text, "AVRO")
    with _answering(settings.url, subject):
        if not settings.register_schemas:
            found = registry.lookup_schema(subject, schema).schema_id
        else:
            _set_compatibility(registry, subject)
            found = registry.register_schema(subject, schema)
    if not found:  # JSON of something else
        raise _foreign(settings.url, _OK)
    return int(found)


@contextmanager
def _answering(url: str, subject: str) -> Iterator[None]:
    """Raise our errors for those of calls about a subject."""
    try:
        yield
    except SchemaRegistryError as error:
        raise _translate(error, url, subject) from error
    except (HTTPError, OSError) as error:
        raise _unreachable(url, error) from error
    except ValueError as error:  # no JSON
        raise _foreign(url, _OK) from error


def _unreachable(url: str, error: Exception) -> Retry:
    """Return why a registry cannot be reached, with a hint if the cause is known."""
    message = str(error) or type(error).__name__
    hint = next((f" ({hint})" for part, hint in _HINTS.items() if part in message), "")
    return Retry(f"{url}: {message}{hint}")


def _is_foreign_answer(error: SchemaRegistryError) -> bool:
    """Say whether no registry answered: a registry's errors have a code of five digits."""
    known = error.http_status_code in _PASSING | _LOGIN
    return not known and error.error_code in (-1, _NOT_FOUND)


def _foreign(url: str, status: int) -> Retry | Refused:
    """Return the error for an answer that no registry wrote.

    A login page or a maintenance page passes; that there is no such path stays.
    """
    text = f"schema registry {url}: HTTP {status} ({_NO_REGISTRY})"
    return Refused(text) if status == _NOT_FOUND else Retry(text)


def _set_compatibility(registry: SchemaRegistryClient, subject: str) -> None:
    """Set FULL_TRANSITIVE; where that is refused, the registry's own rule stands."""
    try:
        registry.set_compatibility(subject, COMPATIBILITY)
    except SchemaRegistryError as error:
        if error.http_status_code in _PASSING:
            raise
        events.compatibility_not_set(subject=subject, cause=str(error))


def _translate(error: SchemaRegistryError, url: str, subject: str) -> Retry | Refused:
    """Return a registry's error as one of ours, with a hint."""
    status, message = error.http_status_code, error.error_message
    if status in _PASSING:
        return Retry(f"{url}: {status} {message}")
    if _is_foreign_answer(error):
        return _foreign(url, status)
    hint = {
        401: "check schema_registry.username and password_file",
        403: "the user may not write the subject; set register: false, register beforehand",
        404: "the subject or this schema is not there; register it, or set register: true",
        409: "an older schema of the subject does not fit; use another topic or delete it",
    }.get(status, "see the registry's log")
    return Refused(f"schema registry {url}: subject {subject}: {status} {message} ({hint})")
