"""What a connection that could not be opened says: why, the cure, and when to come again."""

import asyncio
import ssl
from typing import Any


def via(proxy: str | None) -> str:
    """Return what an error says of the proxy: its host and port, never its user or password."""
    return f" through the proxy {proxy.rpartition('@')[2].rpartition('/')[2]}" if proxy else ""


def reason(error: BaseException, url: str) -> str:
    """Return what a failed connect says, with its cause: picows wraps the socket's error."""
    cause = f" ({error.__cause__})" if error.__cause__ else ""
    cure = _NO_TLS if url.startswith("wss:") and _is_plain(error) else ""
    return f"{str(error) or type(error).__name__}{cause}{cure}"


_NO_TLS = ": the server does not speak TLS, it seems; write ws:// for a lab"
# OpenSSL's names for an answer that is no TLS; which one depends on its version.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE"})


def _is_plain(error: BaseException) -> bool:
    """Say whether a TLS handshake failed as it does where nobody speaks TLS.

    Such a server answers in plain text, or hangs up at once: then the error has no number.
    """
    if isinstance(error, ssl.SSLError):
        return error.reason in _NOT_TLS
    return isinstance(error, ConnectionResetError) and error.errno is None


def tell_handshakes_once(loop: asyncio.AbstractEventLoop) -> None:
    """Keep a failed handshake out of the loop's own log: `open` raises it.

    aiofastnet 1.2 hands the loop a class where an error belongs, which logging cannot print.
    """
    if loop.get_exception_handler() is None:
        loop.set_exception_handler(_unless_handshake)


def _unless_handshake(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if context.get("message") != "SSL handshake failed":
        loop.default_exception_handler(context)


def stay_away(error: Any) -> float | None:
    """Return the seconds a refusing server asks us to stay away: Retry-After, else by status."""
    response = getattr(error, "response", None)
    status = getattr(response, "status", None)
    if response is None or status not in (418, 429):
        return None
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isdigit() else (300.0 if status == 429 else 600.0)  # noqa: PLR2004
