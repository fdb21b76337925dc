"""YAML with the line of every key and item, and errors where YAML would silently misread."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from connector.errors import Refused

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Where each setting was read: line of the file, or environment variable.

    Attributes:
        file: Path of the file, as given.
        lines: Line of each key and item, counted from 1.
        variables: Name of the variable that gave a key or item; it stands above the file.
    """

    file: str
    lines: Mapping[KeyPath, int]
    variables: Mapping[KeyPath, str] = field(default_factory=dict)

    def locate(self, where: KeyPath, words: str) -> str:
        """Return `file:line: path: words`, of the nearest enclosing key that was given."""
        for length in range(len(where), 0, -1):
            variable = self.variables.get(where[:length])
            if variable is not None:
                return f"environment variable {variable}: {path_of(where)}: {words}"
            if where[:length] in self.lines:
                return f"{self.file}:{self.lines[where[:length]]}: {path_of(where)}: {words}"
            below = [name for place, name in self.variables.items() if place[:length] == where]
            if below:
                return f"environment variables {', '.join(below)}: {path_of(where)}: {words}"
        return f"{self.file}: {path_of(where)}: {words}" if where else f"{self.file}: {words}"


def path_of(where: KeyPath) -> str:
    """Return a place as people write it: `subscriptions[2].streams[0]`."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def parse(text: str, file: str) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Return a YAML text as data, and the line of every key and item.

    Raises:
        Refused: not YAML, a key given twice, a name that needs quotes.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[KeyPath, int] = {}
        if node is None:
            return {}, lines
        _walk(node, (), lines, file)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Refused(yaml_problem(error, text, file)) from error
    except RecursionError as error:
        raise Refused(f"{file}: is nested too deeply, or an anchor holds itself") from error
    except ValueError as error:  # 2026-13-45 looks like a date
        raise Refused(f"{file}: not YAML: {error}; quote it") from error
    if data is None:
        return {}, lines
    if not isinstance(data, dict):
        raise Refused(f"{file}:1: the file must be a map of sections, not a {type(data).__name__}")
    return data, lines


def _walk(node: yaml.Node, where: KeyPath, lines: dict[KeyPath, int], file: str) -> None:
    """Note the line of every node; refuse what YAML would silently read as something else."""
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        _walk_map(node, where, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*where, index), lines, file)
    else:
        _check_scalar(node, where, file)


def _walk_map(node: yaml.MappingNode, where: KeyPath, lines: dict[KeyPath, int], file: str) -> None:
    seen: set[str] = set()
    for key, value in node.value:
        here = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise Refused(f"{file}:{here}: a key must be text; a {{placeholder}} wants quotes")
        place = (*where, key.value)
        if key.tag.rpartition(":")[2] not in ("str", "merge"):
            read = key.tag.rpartition(":")[2]
            words = f'YAML reads {key.value} as {read}; quote it: "{key.value}"'
            raise Refused(f"{file}:{here}: {path_of(place)}: {words}")
        if key.value in seen:
            raise Refused(f"{file}:{here}: {path_of(place)}: given twice")
        seen.add(key.value)
        lines[place] = here
        _walk(value, place, lines, file)


def _check_scalar(node: yaml.Node, where: KeyPath, file: str) -> None:
    place = f"{file}:{node.start_mark.line + 1}: {path_of(where)}"
    read = node.tag.removeprefix("tag:yaml.org,2002:")
    if read == node.tag:
        raise Refused(f'{place}: YAML reads a tag; quote it: "{node.tag.rstrip(",")}"')
    if "symbols" not in where or read in ("str", "int"):  # a number's complaint is the model's
        return
    if not node.value:
        raise Refused(f"{place}: is empty: give a value, or leave it out")
    raise Refused(f'{place}: YAML reads {node.value} as {read}; quote it: "{node.value}"')


# A word that YAML takes for a tag, an alias, a list or a map, where the start of a value may be.
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
    """Return what stands in the way of reading a file, where, and what to do about it."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    if mark is None:
        return f"{file}: not YAML: {problem}"
    lines = text.splitlines()
    for number in _lines_concerned(error, mark, lines):
        cure = _cure(lines[number], text)
        if cure:
            return f"{file}:{number + 1}: not YAML: {problem}; {cure}"
    begun = getattr(error, "context_mark", None)
    open_end = mark.line >= len(lines) or (begun is not None and begun.line < mark.line)
    cure = _NOT_CLOSED.get(str(getattr(error, "context", "")), "") if open_end else ""
    if cure and begun is not None:
        return f"{file}:{begun.line + 1}: not YAML: {problem} in line {mark.line + 1}; {cure}"
    return f"{file}:{mark.line + 1}: not YAML: {problem}"


def _lines_concerned(error: yaml.YAMLError, mark: yaml.Mark, lines: list[str]) -> Iterator[int]:
    """Yield where the cause may stand: a word misread as a tag or alias is noticed only later."""
    if mark.line < len(lines):
        yield mark.line
    before = [number for number in range(min(mark.line, len(lines))) if lines[number].strip()]
    yield from before[-1:]
    begun = getattr(error, "context_mark", None)
    if begun is not None and begun.line < len(lines):
        yield begun.line


def _cure(line: str, text: str) -> str:
    """Return what to do about a line that is no YAML, where it can be told."""
    template = _TEMPLATE.search(line)
    if template:
        return f'quote it: "{template[1].strip()}"'
    for word in _WORD.findall(_QUOTED.sub(" ", line)):
        if not _is_anchored(word, text):
            return f'quote it: "{word}"'
    return "indent with spaces, not tabs" if "\t" in line else ""


def _is_anchored(word: str, text: str) -> bool:
    """Whether a word is YAML's own: an anchor, or the alias of one that is there."""
    return word.startswith("&") or (word.startswith("*") and f"&{word[1:]}" in text)
