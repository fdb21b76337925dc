"""YAML with the line of every key and item, and errors where YAML would silently misread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from connector.config.quoting import yaml_problem
from connector.errors import Refused

Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Places:
    """Where each setting was read: line of the file, or environment variable.

    Attributes:
        file: Path of the file, as given.
        lines: Line of each key and item, counted from 1.
        variables: Name of the variable that gave a key or item; it stands above the file.
    """

    file: str
    lines: Mapping[Where, int]
    variables: Mapping[Where, str] = field(default_factory=dict)

    def sentence(self, where: Where, words: str) -> str:
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


def path_of(where: Where) -> str:
    """Return a place as people write it: `subscriptions[2].streams[0]`."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def parse(text: str, file: str) -> tuple[dict[str, Any], dict[Where, int]]:
    """Return a YAML text as data, and the line of every key and item.

    Raises:
        Refused: not YAML, a key given twice, a name that needs quotes.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Where, int] = {}
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


def _walk(node: yaml.Node, where: Where, lines: dict[Where, int], file: str) -> None:
    """Note the line of every node; refuse what YAML would silently read as something else."""
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        _walk_map(node, where, lines, file)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*where, index), lines, file)
    else:
        _check_scalar(node, where, file)


def _walk_map(node: yaml.MappingNode, where: Where, lines: dict[Where, int], file: str) -> None:
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


def _check_scalar(node: yaml.Node, where: Where, file: str) -> None:
    place = f"{file}:{node.start_mark.line + 1}: {path_of(where)}"
    read = node.tag.removeprefix("tag:yaml.org,2002:")
    if read == node.tag:
        raise Refused(f'{place}: YAML reads a tag; quote it: "{node.tag.rstrip(",")}"')
    if "symbols" not in where or read in ("str", "int"):  # a number's complaint is the model's
        return
    if not node.value:
        raise Refused(f"{place}: is empty: give a value, or leave it out")
    raise Refused(f'{place}: YAML reads {node.value} as {read}; quote it: "{node.value}"')
