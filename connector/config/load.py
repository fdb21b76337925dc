"""Reads the config file and the environment; every error names file, line, key, value and cure."""

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from connector.config import environment, error_text
from connector.config.keys import PREFIX, known_at
from connector.config.model import Settings
from connector.config.yaml_source import KeyPath, SourceMap, parse
from connector.errors import Refused


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each of them was read."""

    settings: Settings
    places: SourceMap

    def sentences(self, problems: Iterable[tuple[KeyPath, str]]) -> list[str]:
        """Return problems or warnings, each with its place: `connector.yaml:14: ...`."""
        return [self.places.locate(*problem) for problem in problems]

    def refused(self, problems: Iterable[tuple[KeyPath, str]]) -> Refused:
        """Return one error that names the place of every problem."""
        return Refused("\n".join(self.sentences(problems)))


def load(path: Path) -> Loaded:
    """Read the file and the environment. Files that settings name are not read: that is for use.

    Raises:
        Refused: one line per problem, as `connector.yaml:14: subscriptions[2].streams[0]: ...`.
    """
    data, lines = parse(_text(path), str(path))
    given = environment.read(os.environ)
    if given.problems:
        raise Refused("\n".join(given.problems))
    standing = {where: line for where, line in lines.items() if not _is_in(where, given.replaced)}
    places = SourceMap(str(path), standing, given.variables)
    return Loaded(_settings(data, places), places)


def _is_in(where: KeyPath, above: Iterable[KeyPath]) -> bool:
    return any(where[: len(each)] == each for each in above)


def _settings(data: dict[str, Any], places: SourceMap) -> Settings:
    # Settings themselves would take Hold for hold, and drop one of the two where both are given.
    strange = [(key,) for key in data if key not in known_at(())]
    found = [places.locate(where, error_text.unknown(where)) for where in strange]
    try:
        settings = Settings(**{key: data[key] for key in data if (key,) not in strange})
    except ValidationError as error:
        found += [places.locate(*problem) for problem in error_text.problems(error)]
        if not data:
            found.insert(0, f"{places.file}: is empty; the least it holds: examples/minimal.yaml")
        raise Refused("\n".join(found)) from error
    except SettingsError as error:
        key = str(error).partition('field "')[2].partition('"')[0]
        name = f"{PREFIX}{key.upper()}"
        raise Refused(f"environment variable {name}: write lists and maps as JSON") from error
    if found:
        raise Refused("\n".join(found))
    return settings


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # editors on Windows begin with a mark
    except OSError as error:
        cure = _other_name(path)
        raise Refused(f"{path}: cannot read the config file: {error.strerror}{cure}") from error
    except UnicodeDecodeError as error:
        where = f"byte {error.start} is {error.object[error.start]:#04x}"
        raise Refused(f"{path}: is not UTF-8: {where}; save it as UTF-8") from error


def _other_name(path: Path) -> str:
    """Return the name of a file beside a missing one that may have been meant."""
    if path.is_dir():
        return f"; it is a folder: name the file in it, {path / 'connector.yaml'}"
    there = [each.name for each in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, there, n=1)
    if near:
        return f"; did you mean {path.parent / near[0]}?"
    return "; to begin one, copy examples/minimal.yaml"
