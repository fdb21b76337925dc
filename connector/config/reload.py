"""Notices that the config file has new content, and picks what a running worker can take over.

The file is read once a second: Kubernetes swaps a link above it, which a watch on the file would
miss.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.config.load import content_hash
from connector.config.model import Settings

# What a running worker can change; every other key counts from the next start on.
LIVE = frozenset({"subscriptions", "refresh"})
MISSED_READS_UNTIL_GONE = 5  # a file that is moved into place is away for less


@dataclass(slots=True)
class FileWatch:
    """A file's content, compared with the content that was dealt with."""

    path: Path
    known: str  # hash of the content that was dealt with: taken over or refused
    content: bytes | None = None  # as last read; None: not read yet, or it could not be
    gone: bool = False  # the last MISSED_READS_UNTIL_GONE reads have failed
    _hash: str = ""  # of `content`; "" for None
    _missed: int = 0

    def changed(self) -> bool:
        """Read the file; True if the same new content was read twice running.

        Content that is still being written is no change yet, nor is a file that is missing.
        """
        before = self._hash
        try:
            self.content = self.path.read_bytes()
        except OSError:
            self.content = None
        self._hash = "" if self.content is None else content_hash(self.content)
        self._missed = 0 if self._hash else self._missed + 1
        self.gone = self._missed >= MISSED_READS_UNTIL_GONE
        return self._hash == before and self._hash not in ("", self.known)

    def take(self) -> bytes | None:
        """Return the content as last read, None if it could not be; it counts as dealt with."""
        self.known = self._hash
        return self.content


def reloadable_part(running: Settings, read: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Return `running` with what can change live taken from `read`, and the keys that cannot."""
    keys = tuple(differing(running.model_dump(by_alias=True), read.model_dump(by_alias=True), LIVE))
    fields = [name for name in type(running).model_fields if name not in LIVE]
    return read.model_copy(update={name: getattr(running, name) for name in fields}), keys


def differing(old: Any, new: Any, but: Collection[str] = (), path: str = "") -> Iterator[str]:
    """Yield the keys that differ between two sections, as `kafka.client_id`; never values.

    `but`: keys at the top that are left out. `path`: where the two sections, or values, stand.
    """
    if not (isinstance(old, dict) and isinstance(new, dict)):
        if old != new:
            yield path
        return
    for key in sorted({*old, *new}.difference(but)):
        yield from differing(old.get(key), new.get(key), path=f"{path}.{key}" if path else key)
