"""Connections that could not be opened: the cause, the cure, and when to try again."""

import asyncio
import ssl
from typing import Any


def via(proxy: str | None) -> str:
    """Return the words for an error about a proxy: host and port, never its user or password."""
    return f" through the proxy {proxy.rpartition('@')[2].rpartition('/')[2]}" if proxy else ""


def reason(error: BaseException, url: str) -> str:
    """Return the text of a failed connect, with its cause: picows wraps the socket's error."""
    cause = f" ({error.__cause__})" if error.__cause__ else ""
    cure = _NO_TLS if url.startswith("wss:") and _is_plain(error) else ""
    return f"{str(error) or type(error).__name__}{cause}{cure}"


_NO_TLS = ": the server does not speak TLS, it seems; write ws:// for a lab"
# OpenSSL's names for an answer that is no TLS; which one depends on its version.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE"})


def _is_plain(error: BaseException) -> bool:
    """Return whether a TLS handshake failed as it does with a server without TLS."""
    if isinstance(error, ssl.SSLError):  # the server answered in plain text
        return error.reason in _NOT_TLS
    # It closed at once: then the error has no number.
    return isinstance(error, ConnectionResetError) and error.errno is None


def silence_handshake_log(loop: asyncio.AbstractEventLoop) -> None:
    """Keep failed handshakes out of the loop's own log: `Connection.open` raises them.

    aiofastnet 1.2 gives the loop a class where an error belongs, which logging cannot print.
    """
    if loop.get_exception_handler() is None:
        loop.set_exception_handler(_log_unless_handshake)


def _log_unless_handshake(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if context.get("message") != "SSL handshake failed":
        loop.default_exception_handler(context)


def retry_after_s(error: Any) -> float | None:
    """Return the seconds until a server that refused us (429, 418) may be asked; else None."""
    response = getattr(error, "response", None)
    status = getattr(response, "status", None)
    if response is None or status not in (418, 429):
        return None
    header = response.headers.get("Retry-After", "")
    return float(header) if header.isdigit() else (300.0 if status == 429 else 600.0)  # noqa: PLR2004
