"""Looks at the schema registry: does it answer, and has it the schemas of our topics?"""

from collections.abc import Iterator, Mapping

from connector.config.sections import RegistrySettings
from connector.diagnostics.doctor.report import CheckResult, unreachable
from connector.errors import Refused, Retry
from connector.kafka.schema_registry import SchemaState, inspect_schemas

_CHECK = "registry.schemas"


def check_registry(settings: RegistrySettings, topics: Mapping[str, str]) -> Iterator[CheckResult]:
    """Look for the schema of each topic; `topics`: topic -> kind. Registers nothing. Blocks."""
    if settings.username is not None and settings.url.startswith("http://"):
        text = f"{settings.url} is not encrypted: the password can be read on the way"
        yield CheckResult(
            "registry.encryption", "warn", text, "use https:// in schema_registry.url"
        )
    try:
        states = inspect_schemas(settings, topics)
    except Retry as error:
        yield unreachable(_CHECK, error)
    except Refused as error:
        yield CheckResult(_CHECK, "fail", str(error))
    else:
        yield from _judged(settings, states)


def _judged(settings: RegistrySettings, states: Mapping[str, SchemaState]) -> Iterator[CheckResult]:
    subjects: dict[SchemaState, str] = {}
    for state in ("registered", "missing", "incompatible"):
        names = (f"{topic}-value" for topic, found in states.items() if found == state)
        subjects[state] = ", ".join(names)
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
