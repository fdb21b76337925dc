"""Has the config file another content, and what of it can a running worker take over?

Asked by reading it: Kubernetes swaps a link above it, which a watch on the file would miss.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.config.model import Settings

# What a running worker can change; every other key counts from the next start on.
LIVE = frozenset({"subscriptions", "refresh"})
GONE_LOOKS = 5  # a file is moved into place within less; one look a second


def content_hash(path: Path) -> str:
    """Return the first 12 hex digits of the SHA-256 of a file; "" when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:
        return ""


@dataclass(slots=True)
class FileWatch:
    """A file's content against the one that was dealt with.

    Attributes:
        path: The file.
        known: Hash of the content that was dealt with: taken or refused.
        gone: It has not been there for some looks.
    """

    path: Path
    known: str
    gone: bool = False
    _last: str = ""
    _missed: int = 0

    def changed(self) -> bool:
        """Look; True when the same new content was found twice running: nobody is writing it.

        A file that is away for a moment is no change.
        """
        last, self._last = self._last, content_hash(self.path)
        self._missed = 0 if self._last else self._missed + 1
        self.gone = self._missed >= GONE_LOOKS
        return self._last == last and self._last not in ("", self.known)


def reloadable_part(running: Settings, read: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Return settings with what can change live taken from `read`, and the keys that cannot."""
    keys = tuple(differing(running.model_dump(), read.model_dump(), LIVE))
    fields = [name for name in type(running).model_fields if name not in LIVE]
    return read.model_copy(update={name: getattr(running, name) for name in fields}), keys


def differing(old: Any, new: Any, but: Collection[str] = (), path: str = "") -> Iterator[str]:
    """Yield the keys that differ between two sections, as `kafka.client_id`; never values."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        if old != new:
            yield path
        return
    for key in sorted({*old, *new}.difference(but)):
        yield from differing(old.get(key), new.get(key), path=f"{path}.{key}" if path else key)
