"""Reads the config file and the environment; every error names file, line, key, value and cure."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from pydantic import ValidationError
from pydantic_settings import SettingsError
from typing_extensions import TypeVar

from connector.config import account, environment, error_text
from connector.config.account import AccountWorkerSettings
from connector.config.keys import PREFIX, known_at
from connector.config.model import Settings
from connector.config.sections import WorkerSettings
from connector.config.yaml_source import SourceMap, parse
from connector.errors import Refused, did_you_mean
from connector.planning.model import Finding

SettingsT_co = TypeVar("SettingsT_co", bound=WorkerSettings, default=Settings, covariant=True)
# The key that only one worker's file has -> whose file it is.
_WORKER_OF = {"subscriptions": "market", "accounts": "account"}
# A worker's settings -> its usual file, and the command that writes one to begin with.
_USUAL: dict[type[WorkerSettings], tuple[str, str]] = {
    Settings: ("connector.yaml", "bkc init"),
    AccountWorkerSettings: ("account.yaml", "bkc init --account"),
}


@dataclass(frozen=True, slots=True)
class Loaded(Generic[SettingsT_co]):
    """A config file as it was read, with the environment's settings above its own."""

    settings: SettingsT_co
    places: SourceMap
    hash: str  # `content_hash` of the bytes it was parsed from

    def sentences(self, findings: Iterable[Finding]) -> list[str]:
        """Return a line for each finding, with its place: `connector.yaml:14: ...`."""
        return [self.places.locate(*finding) for finding in findings]

    def refused(self, findings: Iterable[Finding]) -> Refused:
        """Return one error with a line for each finding."""
        return Refused("\n".join(self.sentences(findings)))


def load(path: Path, content: bytes | None = None) -> Loaded:
    """Read the market worker's file, or take its `content` as read before, and the environment.

    Files that settings name are read when they are used.

    Raises:
        Refused: one line per problem, as `connector.yaml:14: subscriptions[2].streams[0]: ...`.
    """
    return _load(path, content, Settings)


def load_account(path: Path, content: bytes | None = None) -> Loaded[AccountWorkerSettings]:
    """Read the account worker's file, or take its `content`, and the environment.

    Raises as `load`.

    Refused, too: a Kafka that is not encrypted and authenticated, unless the file allows it.
    """
    loaded = _load(path, content, AccountWorkerSettings)
    problems = list(account.findings(loaded.settings))
    if problems:
        raise loaded.refused(problems)
    return loaded


def load_any(path: Path) -> Loaded[WorkerSettings]:
    """Read the file of whichever worker it is. Raises as `load`, and `load_account`."""
    return load_account(path) if is_account_file(path) else load(path)


def is_account_file(path: Path) -> bool:
    """Say whether a file is the account worker's: it has `accounts`. Raises Refused: no YAML."""
    return "accounts" in parse(_decode(_read(path), path), str(path))[0]


def _load(path: Path, content: bytes | None, model: type[SettingsT_co]) -> Loaded[SettingsT_co]:
    content = _read(path, model) if content is None else content
    data, lines = parse(_decode(content, path), str(path))
    given = environment.read(os.environ, model)
    if given.problems:
        raise Refused("\n".join(given.problems))
    in_force = {
        where: line
        for where, line in lines.items()
        if not any(where[: len(section)] == section for section in given.replaced)
    }
    places = SourceMap(str(path), in_force, given.variables)
    return Loaded(_settings(data, places, model), places, content_hash(content))


def content_hash(content: bytes) -> str:
    """Return the first 12 hex digits of the SHA-256 of a file's bytes."""
    return hashlib.sha256(content).hexdigest()[:12]


def _settings(data: dict[str, Any], places: SourceMap, model: type[SettingsT_co]) -> SettingsT_co:
    # pydantic-settings takes Hold for hold, and drops one of the two where both are given.
    unknown = [(key,) for key in data if key not in known_at((), model)]
    others = [key for (key,) in unknown if key in _WORKER_OF]
    if others:
        worker = _WORKER_OF[others[0]]
        text = f"is of the {worker} worker, which has a file of its own: bkc run {worker} FILE"
        raise Refused(places.locate((others[0],), text))
    problems = [places.locate(where, error_text.unknown_key(where, model)) for where in unknown]
    try:
        settings = model(**{key: data[key] for key in data if (key,) not in unknown})
    except ValidationError as error:
        problems += [places.locate(*finding) for finding in error_text.findings(error, model)]
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


def _read(path: Path, model: type[WorkerSettings] = Settings) -> bytes:
    """Return a file's bytes. `model`: whose file it is to be."""
    try:
        return path.read_bytes()
    except OSError as error:
        cure = _other_name(path, model)
        raise Refused(f"{path}: cannot read the config file: {error.strerror}{cure}") from error


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig")  # editors on Windows begin with a mark
    except UnicodeDecodeError as error:
        where = f"byte {error.start} is {error.object[error.start]:#04x}"
        raise Refused(f"{path}: is not UTF-8: {where}; save it as UTF-8") from error


def _other_name(path: Path, model: type[WorkerSettings]) -> str:
    """Return the file that may be meant by a missing one, or how to begin one."""
    usual, init = _USUAL[model]
    if path.is_dir():
        return f"; it is a folder: name the file in it, {path / usual}"
    others = {name for name, _ in _USUAL.values()} - {usual}  # of the other worker
    present = {other.name for other in path.parent.glob("*.y*ml")}
    near = did_you_mean(path.name, sorted(present - others))
    if near:
        return f"; did you mean {path.parent / near}?"
    return f"; to begin one: {init} {path}"
