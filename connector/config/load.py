"""Reads the config file and the environment; every error names file, line, key, value and cure."""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from connector.binance.products import ENVIRONMENTS
from connector.config.model import Settings
from connector.errors import Refused

PREFIX = "BKC_"
OWN_OPTION = "BKC_CONFIG_FILE"  # the command line's --config
# Kubernetes writes these for every service of the namespace, ours (`bkc`) included.
_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_.*)?)$|_PORT(_\d+_(TCP|UDP)(_.*)?)?$")
Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each key stands in the file."""

    settings: Settings
    file: str
    lines: Mapping[Where, int]

    def refused(self, problems: Iterable[tuple[Where, str]]) -> Refused:
        """Return one error that names the place of every problem."""
        return Refused("\n".join(self.sentences(problems)))

    def sentences(self, problems: Iterable[tuple[Where, str]]) -> list[str]:
        """Return a line for each, with its place in the file."""
        return [_sentence(self.file, self.lines, *problem) for problem in problems]


def load(path: Path) -> Loaded:
    """Read the file and the environment.

    Raises:
        Refused: one line per problem, as `connector.yaml:14: subscriptions[2].streams[0]: ...`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path}: cannot read the config file: {error.strerror}") from error
    data, lines = parse(text, str(path))
    problems = list(_unknown_variables(os.environ))
    if problems:
        raise Refused("\n".join(problems))
    try:
        settings = Settings(**data)
    except ValidationError as error:
        raise _refused(error, str(path), lines) from error
    except SettingsError as error:
        raise Refused(f"environment: {error}: write lists and maps as JSON") from error
    loaded = Loaded(settings, str(path), lines)
    if isinstance(settings.exchange, str) and settings.exchange not in ENVIRONMENTS:
        words = f"{settings.exchange!r} is none of {', '.join(ENVIRONMENTS)}"
        raise loaded.refused([(("exchange",), words)])
    return loaded


def parse(text: str, file: str) -> tuple[dict[str, Any], dict[Where, int]]:
    """Return a YAML text as data, and the line of every key and item.

    Raises:
        Refused: not YAML, a key given twice, a name that needs quotes.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise Refused(_yaml_problem(error, text, file)) from error
    lines: dict[Where, int] = {}
    if node is None:
        return {}, lines
    _walk(node, (), lines, file)
    data = yaml.safe_load(text)
    if not isinstance(data, dict):
        raise Refused(f"{file}:1: the file must be a map of sections, not a {type(data).__name__}")
    return data, lines


def _walk(node: yaml.Node, where: Where, lines: dict[Where, int], file: str) -> None:
    """Note the line of every node; refuse what YAML would silently read as something else."""
    line = node.start_mark.line + 1
    lines.setdefault(where, line)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            here = key.start_mark.line + 1
            if key.value in seen:
                raise Refused(f"{file}:{here}: {_path((*where, key.value))}: given twice")
            seen.add(key.value)
            lines[(*where, key.value)] = here
            _walk(value, (*where, key.value), lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*where, index), lines, file)
    elif not node.tag.startswith("tag:yaml.org,2002:"):
        raise Refused(f'{file}:{line}: {_path(where)}: YAML reads a tag; quote it: "{node.tag}"')
    elif "symbols" in where and not node.tag.endswith(":str"):
        raise Refused(
            f"{file}:{line}: {_path(where)}: YAML reads {node.value} as"
            f' {node.tag.rpartition(":")[2]}; quote it: "{node.value}"'
        )


def _yaml_problem(error: yaml.YAMLError, text: str, file: str) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    if mark is None:
        return f"{file}: not YAML: {problem}"
    rest = text.splitlines()[mark.line][mark.column :] if text else ""
    word = re.match(r"[!*@&%`]\S*", rest)
    cure = f'; quote it: "{word[0].rstrip(",]")}"' if word else ""
    return f"{file}:{mark.line + 1}: not YAML: {problem}{cure}"


def _refused(error: ValidationError, file: str, lines: Mapping[Where, int]) -> Refused:
    sentences = []
    for problem in error.errors(include_url=False, include_input=True):
        where = tuple(part for part in problem["loc"] if not _is_branch(part))
        sentences.append(_sentence(file, lines, where, _words(problem, where)))
    return Refused("\n".join(dict.fromkeys(sentences)))


def _is_branch(part: str | int) -> bool:
    """Say whether a piece of pydantic's location names a union's branch, not a key."""
    return isinstance(part, str) and (part == "str" or "[" in part)


def _words(problem: Any, where: Where) -> str:
    if problem["type"] == "extra_forbidden":
        known = _fields_at(where[:-1])
        near = difflib.get_close_matches(str(where[-1]), known, n=1)
        meant = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return f"unknown key; {meant}"
    if problem["type"] == "missing":
        return "is missing"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":
        return str(message)
    text = f"{problem['input']!r}: {message}"
    if problem["type"] == "literal_error":
        expected = problem["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        near = difflib.get_close_matches(str(problem["input"]), expected, n=1)
        text += f"; did you mean {near[0]!r}?" if near else ""
    return text


def _fields_at(where: Where) -> list[str]:
    """Return the keys that may stand at a place in the file."""
    model: Any = Settings
    for part in where:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in found if model is not None), None)


def _unknown_variables(environment: Mapping[str, str]) -> Iterable[str]:
    """Name the BKC_ variables that are no setting; a misspelt one would be ignored otherwise."""
    for name in environment:
        if not name.startswith(PREFIX) or name == OWN_OPTION or _SERVICE_LINK.search(name):
            continue
        parts = name.removeprefix(PREFIX).lower().split("__")
        for depth, part in enumerate(parts):
            known = _fields_at(tuple(parts[:depth]))
            free = depth and parts[depth - 1] in ("librdkafka", "exchange", "subscriptions")
            if free or part in known:
                continue
            near = difflib.get_close_matches(part, known, n=1)
            meant = "__".join([*parts[:depth], *near]).upper() if near else ""
            cure = f"; did you mean {PREFIX}{meant}?" if near else f"; known: {', '.join(known)}"
            yield f"environment variable {name} is no setting{cure}"
            break


def _sentence(file: str, lines: Mapping[Where, int], where: Where, words: str) -> str:
    """Return `file:line: path: words`, the line of the nearest enclosing key that is there."""
    for length in range(len(where), 0, -1):
        if where[:length] in lines:
            return f"{file}:{lines[where[:length]]}: {_path(where)}: {words}"
    return f"{file}: {_path(where)}: {words}" if where else f"{file}: {words}"


def _path(where: Where) -> str:
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
