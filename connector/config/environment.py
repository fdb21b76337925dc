"""The environment variables that begin with BKC_: their names are checked, their places found.

pydantic-settings reads their values (model.py).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.config.keys import PREFIX, Model, Variable, variables
from connector.errors import did_you_mean
from connector.planning.model import KeyPath

OWN_OPTION = "BKC_CONFIG_FILE"  # the command line's --config
# Kubernetes sets these for every service of the namespace whose name begins with `bkc`.
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://.*")


@dataclass(frozen=True, slots=True)
class Given:
    """What the environment sets."""

    variables: Mapping[KeyPath, str]  # each key and item that a variable sets -> its name
    replaced: frozenset[KeyPath]  # whose whole content in the file a variable replaces; no maps
    problems: tuple[str, ...]  # a line for each variable that is no setting


def read(environment: Mapping[str, str], root: Model) -> Given:
    """Return what the variables set; a misspelt one would be ignored otherwise.

    `root`: the model of the file.
    """
    known = {variable.name: variable for variable in variables(root)}
    given: dict[KeyPath, str] = {}
    replaced: set[KeyPath] = set()
    problems: list[str] = []
    for name in sorted(environment):
        if not name.upper().startswith(PREFIX) or _is_no_setting(name, environment[name]):
            continue
        where = _place_of(name.upper(), known)
        if where is None:
            cure = _cure(name.upper(), known)
            problems.append(f"environment variable {name} is no setting{cure}")
            continue
        try:
            value = _value(environment[name])
        except ValueError as error:
            problems.append(f"environment variable {name}: begins like JSON but is none: {error}")
            continue
        given |= dict.fromkeys(_places_in(value, where), name)
        if not isinstance(value, dict):
            replaced.add(where)
    return Given(given, frozenset(replaced), tuple(problems))


def _is_no_setting(name: str, value: str) -> bool:
    if "__" in name:  # no service has it in its name; a misspelt setting may end in _PORT
        return False
    is_link = name.endswith("_PORT") and _SERVICE_ADDRESS.fullmatch(value) is not None
    return is_link or name == OWN_OPTION or _SERVICE_LINK.search(name) is not None


def _place_of(name: str, known: Mapping[str, Variable]) -> KeyPath | None:
    """Return the place that a variable sets, None if it is no setting."""
    if name in known:
        return known[name].where
    for variable in known.values():
        rest = name.removeprefix(f"{variable.name}__")
        if variable.free and rest != name and rest:
            return (*variable.where, rest.lower())
    return None


def _value(text: str) -> object:
    """Return a list or map if the text begins like JSON, else the text itself.

    Raises:
        ValueError: broken JSON; the message does not hold the text, which may be a secret.
    """
    return json.loads(text) if text.lstrip()[:1] in ("{", "[") else text


def _places_in(value: object, where: KeyPath) -> Iterator[KeyPath]:
    """Yield the place of a value, and of every key and item in it."""
    yield where
    parts = enumerate(value) if isinstance(value, list) else ()
    for key, part in value.items() if isinstance(value, dict) else parts:
        yield from _places_in(part, (*where, key))


def _cure(name: str, known: Mapping[str, Variable]) -> str:
    """Return what may be meant by a variable that is no setting."""
    section = name.rpartition("__")[0]
    while section and section not in known:
        section = section.rpartition("__")[0]
    if section and not any(each.startswith(f"{section}__") for each in known):
        return f": {section} has no keys of its own; a list or map goes into it whole, as JSON"
    short = {each.removeprefix(PREFIX): each for each in known}
    near = did_you_mean(name.removeprefix(PREFIX), short, cutoff=0.7)
    if near:
        return f"; did you mean {short[near]}?"
    return f"; known: {', '.join(each for each in known if '__' not in each)}"
