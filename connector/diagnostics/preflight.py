"""What can be tried of a file's settings without any network: librdkafka's keys, files they name.

Next along the way: config/plan.py (what the subscriptions mean).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connector.config.load import Loaded
from connector.config.yaml_source import KeyPath
from connector.kafka import librdkafka_check

Said = tuple[KeyPath, str]


def check_offline(loaded: Loaded, *, here: bool) -> list[str]:
    """Return what a user should know of the settings, each with its place.

    Args:
        loaded: The file.
        here: The worker runs on this machine, now: what is missing here is an error.

    Raises:
        Refused: each problem with file, line and cure.
    """
    problems = list(_librdkafka(loaded))
    files = list(_files(loaded.settings.model_dump(by_alias=True), ()))
    if here:
        problems += files
    if problems:
        raise loaded.refused(problems)
    return loaded.sentences((where, f"{words}; the worker needs it") for where, words in files)


def _librdkafka(loaded: Loaded) -> Iterator[Said]:
    settings = loaded.settings
    transactions = settings.delivery == "exactly_once"
    for name, words in librdkafka_check.findings(settings.kafka, transactions=transactions):
        yield ("kafka", "librdkafka", *([] if name is None else [name])), words


def _files(value: Any, where: KeyPath) -> Iterator[Said]:
    """Yield the files that cannot be read or are empty; every setting of a file's path is tried."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _files(below, (*where, key))
    elif isinstance(value, Path):
        words = _unreadable(value)
        folder = where[-1] == "ca_file" and value.is_dir()  # authorities may stand in many files
        if words is not None and not folder:
            yield where, words


def _unreadable(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return None if file.read(1) else f"{path} is empty"
    except OSError as error:
        return f"cannot read {path}: {error.strerror}"
