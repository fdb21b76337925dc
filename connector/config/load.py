"""Reads the config file and the environment; every error names file, line, key, value and cure."""

import hashlib
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
from connector.config.yaml_source import SourceMap, parse
from connector.errors import Refused, did_you_mean
from connector.planning.model import Finding


@dataclass(frozen=True, slots=True)
class Loaded:
    """A config file as it was read, with the environment's settings above its own."""

    settings: Settings
    places: SourceMap
    hash: str  # `content_hash` of the bytes it was parsed from

    def sentences(self, findings: Iterable[Finding]) -> list[str]:
        """Return a line for each finding, with its place: `connector.yaml:14: ...`."""
        return [self.places.locate(*finding) for finding in findings]

    def refused(self, findings: Iterable[Finding]) -> Refused:
        """Return one error with a line for each finding."""
        return Refused("\n".join(self.sentences(findings)))


def load(path: Path, content: bytes | None = None) -> Loaded:
    """Read the file, or take its `content` as read before, and the environment.

    Files that settings name are read when they are used.

    Raises:
        Refused: one line per problem, as `connector.yaml:14: subscriptions[2].streams[0]: ...`.
    """
    content = _read(path) if content is None else content
    data, lines = parse(_decode(content, path), str(path))
    given = environment.read(os.environ)
    if given.problems:
        raise Refused("\n".join(given.problems))
    in_force = {
        where: line
        for where, line in lines.items()
        if not any(where[: len(section)] == section for section in given.replaced)
    }
    places = SourceMap(str(path), in_force, given.variables)
    return Loaded(_settings(data, places), places, content_hash(content))


def content_hash(content: bytes) -> str:
    """Return the first 12 hex digits of the SHA-256 of a file's bytes."""
    return hashlib.sha256(content).hexdigest()[:12]


def _settings(data: dict[str, Any], places: SourceMap) -> Settings:
    # pydantic-settings takes Hold for hold, and drops one of the two where both are given.
    unknown = [(key,) for key in data if key not in known_at(())]
    problems = [places.locate(where, error_text.unknown_key(where)) for where in unknown]
    try:
        settings = Settings(**{key: data[key] for key in data if (key,) not in unknown})
    except ValidationError as error:
        problems += [places.locate(*finding) for finding in error_text.findings(error)]
        if not data:
            problems.insert(0, f"{places.file}: is empty; bkc init writes a file to begin with")
        raise Refused("\n".join(problems)) from error
    except SettingsError as error:
        key = str(error).partition('field "')[2].partition('"')[0]
        name = f"{PREFIX}{key.upper()}"
        raise Refused(f"environment variable {name}: write lists and maps as JSON") from error
    if problems:
        raise Refused("\n".join(problems))
    return settings


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        cure = _other_name(path)
        raise Refused(f"{path}: cannot read the config file: {error.strerror}{cure}") from error


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")  # editors on Windows begin with a mark
    except UnicodeDecodeError as error:
        where = f"byte {error.start} is {error.object[error.start]:#04x}"
        raise Refused(f"{path}: is not UTF-8: {where}; save it as UTF-8") from error


def _other_name(path: Path) -> str:
    """Return the file that may be meant by a missing one, or how to begin one."""
    if path.is_dir():
        return f"; it is a folder: name the file in it, {path / 'connector.yaml'}"
    near = did_you_mean(path.name, [other.name for other in path.parent.glob("*.y*ml")])
    if near:
        return f"; did you mean {path.parent / near}?"
    return f"; to begin one: bkc init {path}"
