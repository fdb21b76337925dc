"""Reads what is secret from files; the content goes to the caller and nowhere else."""

from pathlib import Path
from urllib.parse import quote

from connector.config.model import Settings
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


def api_key_of(settings: Settings) -> str | None:
    """Return the key for REST calls that want one.

    Raises:
        Refused: its file cannot be read.
    """
    path = settings.backfill.api_key_file
    return None if path is None else secret(path, "backfill.api_key_file")


def proxy_of(settings: Settings) -> str | None:
    """Return the URL of the proxy, its user name and password in it where it wants them.

    Raises:
        Refused: their file cannot be read, or holds no such two.
    """
    url, path = settings.proxy, settings.proxy_login_file
    if path is None:
        return url
    if url is None:
        raise Refused("proxy_login_file: there is no proxy to log in to; set proxy")
    user, colon, password = secret(path, "proxy_login_file").partition(":")
    if not colon:
        raise Refused(f"proxy_login_file: {path} holds no user:password on its one line")
    return url.replace("//", f"//{quote(user, safe='')}:{quote(password, safe='')}@", 1)
