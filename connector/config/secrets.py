"""Reads what is secret from files; the content goes to the caller and nowhere else."""

from pathlib import Path

from connector.errors import Refused


def secret(path: Path, key: str) -> str:
    """Return a file's content without the line end.

    Raises:
        Refused: it cannot be read, or is empty; the content is never in the text.
    """
    try:
        content = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or "not text"
        raise Refused(f"{key}: cannot read {path}: {cause}") from None
    if not content:
        raise Refused(f"{key}: {path} is empty")
    return content
