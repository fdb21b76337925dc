"""Checks of a config file that need no network: librdkafka's keys, and the files it names."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connector.config.load import Loaded
from connector.config.model import Settings
from connector.config.sections import WorkerSettings
from connector.kafka import librdkafka_check
from connector.planning.model import Finding, KeyPath


def check_offline(loaded: Loaded[WorkerSettings], *, here: bool) -> list[str]:
    """Return the warnings, a line each with its place.

    `here`: the worker runs on this machine; a named file that is missing is an error then, not a
    warning.

    Raises:
        Refused: a line for each error, with its place and cure.
    """
    errors = list(_librdkafka(loaded))
    files = list(_files(loaded.settings.model_dump(by_alias=True), ()))
    if here:
        errors += files
    if errors:
        raise loaded.refused(errors)
    return loaded.sentences((where, f"{problem}; the worker needs it") for where, problem in files)


def _librdkafka(loaded: Loaded[WorkerSettings]) -> Iterator[Finding]:
    settings = loaded.settings
    transactions = not isinstance(settings, Settings) or settings.delivery == "exactly_once"
    for name, problem in librdkafka_check.findings(settings.kafka, transactions=transactions):
        yield ("kafka", "librdkafka", *([] if name is None else [name])), problem


def _files(value: Any, where: KeyPath) -> Iterator[Finding]:
    """Yield the named files that cannot be read or are empty."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _files(part, (*where, key))
    elif isinstance(value, Path):
        problem = _problem_of(value)
        # OpenSSL takes a folder of authorities, too.
        is_folder = where[-1] in ("ca_file", "secrets_dir") and value.is_dir()
        if problem is not None and not is_folder:
            yield where, problem


def _problem_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return None if file.read(1) else f"{path} is empty"
    except OSError as error:
        return f"cannot read {path}: {error.strerror}"
