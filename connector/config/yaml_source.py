"""A YAML file with the line of each key and item, and errors that say what to write instead."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from connector.errors import Refused
from connector.planning.model import KeyPath, path_of


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Where each setting comes from: a line of the file, or a variable, which overrides it."""

    file: str  # its path, as given
    lines: Mapping[KeyPath, int]  # of each key and item, counted from 1
    variables: Mapping[KeyPath, str] = field(default_factory=dict)  # -> name of the variable

    def locate(self, where: KeyPath, problem: str) -> str:
        """Return `file:line: path: problem`, with the line of the nearest enclosing key given."""
        message = f"{path_of(where)}: {problem}" if where else problem
        for length in range(len(where), 0, -1):
            variable = self.variables.get(where[:length])
            if variable is not None:
                return f"environment variable {variable}: {message}"
            if where[:length] in self.lines:
                return f"{self.file}:{self.lines[where[:length]]}: {message}"
            below = [name for place, name in self.variables.items() if place[:length] == where]
            if below:
                return f"environment variables {', '.join(below)}: {message}"
        return f"{self.file}: {message}"


class _Loader(yaml.SafeLoader):
    """YAML 1.2 for plain scalars: `NO`, `on` and dates are text; true and false are booleans."""


_CORE = "tag:yaml.org,2002:"
_BOOL, _TIMESTAMP = f"{_CORE}bool", f"{_CORE}timestamp"
_Loader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] not in (_BOOL, _TIMESTAMP)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))


def parse(text: str, file: str) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Return a YAML text as data, and the line of each key and item, counted from 1.

    Raises:
        Refused: not YAML; a key is given twice; a name needs quotes.
    """
    lines: dict[KeyPath, int] = {}
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return {}, lines
        _walk(node, (), lines, file)
        data = loader.construct_document(node)
    except yaml.YAMLError as error:
        raise Refused(yaml_problem(error, text, file)) from error
    except RecursionError as error:
        raise Refused(f"{file}: is nested too deeply, or an anchor holds itself") from error
    if data is None:
        return {}, lines
    if not isinstance(data, dict):
        raise Refused(f"{file}:1: the file must be a map of sections, not a {type(data).__name__}")
    return data, lines


def _walk(node: yaml.Node, where: KeyPath, lines: dict[KeyPath, int], file: str) -> None:
    """Note the line of each node; refuse what YAML silently reads as something else."""
    line = node.start_mark.line + 1
    lines.setdefault(where, line)
    if isinstance(node, yaml.MappingNode):
        _walk_map(node, where, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*where, index), lines, file)
    elif not node.tag.startswith(_CORE):
        cure = f'quote it: "{node.tag.rstrip(",")}"'
        raise Refused(f"{file}:{line}: {path_of(where)}: YAML reads a tag; {cure}")


def _walk_map(node: yaml.MappingNode, where: KeyPath, lines: dict[KeyPath, int], file: str) -> None:
    seen: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise Refused(f"{file}:{line}: a key must be text; a {{placeholder}} wants quotes")
        place = (*where, key.value)
        sort = key.tag.removeprefix(_CORE)
        if sort not in ("str", "merge"):
            problem = f'YAML reads {key.value} as {sort}; quote it: "{key.value}"'
            raise Refused(f"{file}:{line}: {path_of(place)}: {problem}")
        if key.value in seen:
            raise Refused(f"{file}:{line}: {path_of(place)}: given twice")
        seen.add(key.value)
        lines[place] = line
        _walk(value, place, lines, file)


# A word that YAML takes for a tag, an alias, a list or a map, where a value may begin.
_WORD = re.compile(
    r"""(?:(?<=[\s\[{,])|^)
    (   \{\w+\}[^\s,\]}]+                   # {symbol}@trade
    |   \[[^\[\]\s,]+\][^\s,\]}]+           # [!A]*USDT
    |   [\w*?]+\[[^\[\]\s,]+\][^\s,\]}]*    # BTC[UE]*
    |   [!*@&%`][^\s,\]}]*                  # *USDT, !ticker@arr
    )""",
    re.VERBOSE,
)
_QUOTED = re.compile(r""""[^"]*"|'[^']*'|(?:^|\s)\#.*""")
_TEMPLATE = re.compile(r"\b(?:topic|key):\s*(\{[^#]*)")
_NOT_CLOSED = {
    "while parsing a flow sequence": "the [ here is not closed",
    "while parsing a flow mapping": "the { here is not closed",
    "while scanning a quoted scalar": "the quote here is not closed",
}


def yaml_problem(error: yaml.YAMLError, text: str, file: str) -> str:
    """Return why a file is no YAML, with file, line and cure."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if mark is None:
        return f"{file}: not YAML: {problem}"
    lines = text.splitlines()
    for number in _suspects(error, mark, lines):
        cure = _cure(lines[number], text)
        if cure:
            return f"{file}:{number + 1}: not YAML: {problem}; {cure}"
    opening = getattr(error, "context_mark", None)
    is_open = mark.line >= len(lines) or (opening is not None and opening.line < mark.line)
    cure = _NOT_CLOSED.get(str(getattr(error, "context", "")), "") if is_open else ""
    if cure and opening is not None:
        return f"{file}:{opening.line + 1}: not YAML: {problem} in line {mark.line + 1}; {cure}"
    return f"{file}:{mark.line + 1}: not YAML: {problem}"


def _suspects(error: yaml.YAMLError, mark: yaml.Mark, lines: list[str]) -> Iterator[int]:
    """Yield the lines that may hold the cause, counted from 0.

    The parser notices a word misread as a tag or alias only on a later line.
    """
    if mark.line < len(lines):
        yield mark.line
    before = [number for number in range(min(mark.line, len(lines))) if lines[number].strip()]
    yield from before[-1:]
    opening = getattr(error, "context_mark", None)
    if opening is not None and opening.line < len(lines):
        yield opening.line


def _cure(line: str, text: str) -> str:
    """Return how to repair a line that is no YAML; empty where that is not known."""
    template = _TEMPLATE.search(line)
    if template:
        return f'quote it: "{template[1].strip()}"'
    for word in _WORD.findall(_QUOTED.sub(" ", line)):
        is_alias = word.startswith("*") and f"&{word[1:]}" in text
        if not is_alias and not word.startswith("&"):  # an anchor
            return f'quote it: "{word}"'
    return "indent with spaces, not tabs" if "\t" in line else ""
