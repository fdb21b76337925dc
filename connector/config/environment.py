"""The BKC_ variables: which are settings, which are none, and what each of them gave."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.config.keys import PREFIX, Variable, variables
from connector.config.yaml_source import KeyPath

OWN_OPTION = "BKC_CONFIG_FILE"  # the command line's --config
# Kubernetes writes these for every service of the namespace whose name begins with `bkc`.
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://.*")


@dataclass(frozen=True, slots=True)
class Given:
    """What the environment gave.

    Attributes:
        variables: Each key and item, and the variable that gave it.
        replaced: Keys whose content in the file counts no more.
        problems: A sentence for each variable that is no setting.
    """

    variables: Mapping[KeyPath, str]
    replaced: frozenset[KeyPath]
    problems: tuple[str, ...]


def read(environment: Mapping[str, str]) -> Given:
    """Sort out the variables; without this a misspelt one would be ignored in silence."""
    known = {variable.name: variable for variable in variables()}
    given: dict[KeyPath, str] = {}
    replaced: set[KeyPath] = set()
    problems: list[str] = []
    for name in sorted(environment):
        if not name.upper().startswith(PREFIX) or _is_not_ours(name, environment[name]):
            continue
        where = _where(name.upper(), known)
        if where is None:
            problems.append(
                f"environment variable {name} is no setting{_cure(name.upper(), known)}"
            )
            continue
        try:
            value = _value(environment[name])
        except ValueError as error:
            problems.append(f"environment variable {name}: begins like JSON but is none: {error}")
            continue
        given |= dict.fromkeys(_inside(value, where), name)
        if not isinstance(value, dict):
            replaced.add(where)
    return Given(given, frozenset(replaced), tuple(problems))


def _is_not_ours(name: str, value: str) -> bool:
    if name == OWN_OPTION:
        return True
    if "__" in name:  # no service's name has it; a misspelt setting may well end in _PORT
        return False
    if _SERVICE_LINK.search(name):
        return True
    return name.endswith("_PORT") and _SERVICE_ADDRESS.fullmatch(value) is not None


def _where(name: str, known: Mapping[str, Variable]) -> KeyPath | None:
    if name in known:
        return known[name].where
    for variable in known.values():
        rest = name.removeprefix(f"{variable.name}__")
        if variable.free and rest != name and rest:
            return (*variable.where, rest.lower())
    return None


def _value(text: str) -> object:
    """Return a list or map, or the text. Raises ValueError (without the text) for broken JSON."""
    return json.loads(text) if text.lstrip()[:1] in ("{", "[") else text


def _inside(value: object, where: KeyPath) -> Iterator[KeyPath]:
    """Yield the place of a value and of everything in it."""
    yield where
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _inside(below, (*where, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _inside(below, (*where, index))


def _cure(name: str, known: Mapping[str, Variable]) -> str:
    above = name.rpartition("__")[0]
    while above and above not in known:
        above = above.rpartition("__")[0]
    if above and not any(each.startswith(f"{above}__") for each in known):
        return f": {above} has no keys of its own; a list or map goes into it whole, as JSON"
    short = {each.removeprefix(PREFIX): each for each in known}
    near = difflib.get_close_matches(name.removeprefix(PREFIX), short, n=1, cutoff=0.7)
    if near:
        return f"; did you mean {short[near[0]]}?"
    return f"; known: {', '.join(each for each in known if '__' not in each)}"
