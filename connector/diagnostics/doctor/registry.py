"""Looks at the schema registry: does it answer, and has it the schemas of our topics?"""

import asyncio
from collections.abc import Iterator, Mapping

from connector.config.sections import RegistrySettings
from connector.diagnostics.doctor.report import CheckResult, CheckStatus, enumerated, unreachable
from connector.errors import Refused, Retry
from connector.kafka.schema_registry import (
    COMPATIBILITY,
    SchemaState,
    ensure_schemas,
    inspect_schemas,
    levels_of,
    takes_schemas,
)

_CHECK = "registry.schemas"
_FULL = frozenset({"FULL", COMPATIBILITY})


def check_registry(settings: RegistrySettings, topics: Mapping[str, str]) -> Iterator[CheckResult]:
    """Look for the schema of each topic; `topics`: topic -> kind. Registers nothing. Blocks."""
    if settings.username is not None and settings.url.startswith("http://"):
        text = f"{settings.url} is not encrypted: the password can be read on the way"
        yield CheckResult(
            "registry.encryption", "warn", text, "use https:// in schema_registry.url"
        )
    try:
        states = inspect_schemas(settings, topics)
        yield from _judged(settings, states)
        yield from _check_mode(settings, states)
        yield from _check_levels(settings, states)
    except Retry as error:
        yield unreachable(_CHECK, error)
    except Refused as error:
        yield CheckResult(_CHECK, "fail", str(error))


def check_registering(settings: RegistrySettings, topics: Mapping[str, str]) -> CheckResult:
    """Register the schemas as a start does: those that are there stay as they are. Blocks."""
    check = "registry.writing"
    try:
        ids = asyncio.run(ensure_schemas(settings, topics))
    except Retry as error:
        return unreachable(check, error)
    except Refused as error:
        return CheckResult(check, "fail", str(error))
    done = "registered" if settings.register_schemas else "found"
    return CheckResult(check, "ok", f"{len(ids)} schemas {done}, as a start does")


def _judged(settings: RegistrySettings, states: Mapping[str, SchemaState]) -> Iterator[CheckResult]:
    subjects: dict[SchemaState, str] = {}
    for state in ("registered", "missing", "incompatible"):
        names = [f"{topic}-value" for topic, found in states.items() if found == state]
        subjects[state] = enumerated(names)
    if subjects["registered"]:
        yield CheckResult(_CHECK, "ok", f"{settings.url} has ours of {subjects['registered']}")
    if subjects["incompatible"]:
        text = f"an older schema of {subjects['incompatible']} does not fit: nothing can be written"
        yield CheckResult(_CHECK, "fail", text, "use another topic, or delete the subject")
    if subjects["missing"] and settings.register_schemas:
        text = f"the worker registers ours of {subjects['missing']} at its start"
        yield CheckResult(_CHECK, "ok", text)
    elif subjects["missing"]:
        text = f"ours of {subjects['missing']} is missing, and schema_registry.register is false"
        yield CheckResult(_CHECK, "fail", text, "register what `bkc schema KIND` prints")


def _check_mode(
    settings: RegistrySettings, states: Mapping[str, SchemaState]
) -> Iterator[CheckResult]:
    """Judge a registry that takes no schemas; silent about one that does."""
    if settings.register_schemas and not takes_schemas(settings):
        needed = "missing" in states.values()
        text = "the registry takes no new schemas: its mode is READONLY"
        effect = "the start cannot register ours" if needed else "a new stream could not start"
        cure = f'set its mode: curl -X PUT {settings.url}/mode -d \'{{"mode": "READWRITE"}}\''
        status: CheckStatus = "fail" if needed else "warn"
        yield CheckResult("registry.mode", status, f"{text}: {effect}", cure)


def _check_levels(
    settings: RegistrySettings, states: Mapping[str, SchemaState]
) -> Iterator[CheckResult]:
    """Judge the compatibility of subjects that we do not set ourselves."""
    registered = [topic for topic, state in states.items() if state == "registered"]
    if settings.register_schemas or not registered:
        return  # a start sets it
    levels = levels_of(settings, registered).items()
    lax = {topic: level for topic, level in levels if level not in _FULL}
    if lax:
        shown = enumerated([f"{topic}-value is {level}" for topic, level in lax.items()])
        text = f"compatibility of {shown}: a later schema may break readers, or old records"
        cure = f"set it to {COMPATIBILITY} for these subjects"
        yield CheckResult("registry.compatibility", "warn", text, cure)
