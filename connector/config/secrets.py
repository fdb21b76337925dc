"""Reads passwords and keys from the files that settings name; they get into no log or error."""

from pathlib import Path
from urllib.parse import quote

from connector.config.model import Settings
from connector.config.sections import WorkerSettings
from connector.errors import Refused


def secret(path: Path, key: str) -> str:
    """Return a file's content without the line end; `key` is the setting that names the file.

    Raises:
        Refused: the file cannot be read, or is empty.
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
    """Return the API key for REST calls that need one; None: none is set. Raises as `secret`."""
    path = settings.backfill.api_key_file
    return None if path is None else secret(path, "backfill.api_key_file")


def proxy_of(settings: WorkerSettings) -> str | None:
    """Return the URL of the proxy, with user name and password if the proxy needs them.

    Raises:
        Refused: the file with them cannot be read, or holds no user:password.
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
