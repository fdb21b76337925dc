"""One HTTP call to the exchange: status, headers, body, or an error whose text holds no secret."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import aiohttp
from yarl import URL

from connector.binance.rest_errors import PROXY_LOGIN
from connector.errors import Refused, Retry
from connector.transport.tls import certificate_cure

TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=20)
MAX_CONNECTIONS = 8  # calls at once
PROXY_AUTHENTICATION_REQUIRED = 407
HttpMethod = Literal["GET", "POST", "PUT", "DELETE"]
OnHeaders = Callable[[Mapping[str, str]], None]


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A call to be made.

    Attributes:
        url: With its query, percent-encoded: it is sent as it stands.
        place: The call for a person, for errors: no query, no user name, no secret.
        api_key: Sent as a header, and only so; None: none is sent.
    """

    url: str
    place: str
    method: HttpMethod = "GET"
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer of any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class RestSession:
    """Makes calls over connections that are kept; `start` it inside the event loop.

    Args:
        proxy: URL of an HTTP proxy, may hold a user name and password.
        tls: Whom to trust; None: the system's authorities.
    """

    def __init__(self, proxy: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._proxy = proxy
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Create the session; no connection is opened yet."""
        connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, ssl=self._tls or True)
        self._session = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def fetch(self, call: HttpCall, on_headers: OnHeaders) -> HttpAnswer:
        """Return the answer, whatever its status; `on_headers` gets the headers at once.

        Texts of errors are made here, never taken from an error that holds a URL.

        Raises:
            Retry: no answer in time, or no connection.
            Refused: the proxy wants a login.
        """
        if self._session is None:
            raise RuntimeError("start() comes first")
        headers = {} if call.api_key is None else {"X-MBX-APIKEY": call.api_key}
        place, url = call.place, URL(call.url, encoded=True)
        try:
            # Redirects are not followed: the key would go along.
            async with self._session.request(
                call.method, url, headers=headers, proxy=self._proxy, allow_redirects=False
            ) as answer:
                on_headers(answer.headers)
                return HttpAnswer(answer.status, answer.headers, await answer.read())
        except TimeoutError:
            raise Retry(f"{place}: no answer in time") from None
        except aiohttp.ClientHttpProxyError as error:
            raise _proxy_error(place, error.status) from None
        except aiohttp.ClientProxyConnectionError as error:
            raise Retry(f"{place}: the proxy cannot be reached: {error.strerror}") from None
        except aiohttp.ClientConnectorCertificateError as error:
            cause = error.certificate_error
            cure = certificate_cure(str(cause))
            raise Retry(f"{place}: cannot connect: {cause}{cure}") from None
        except aiohttp.ClientConnectorError as error:
            raise Retry(f"{place}: cannot connect: {error.strerror or error}") from None
        except aiohttp.ClientError as error:
            raise Retry(f"{place}: {type(error).__name__} while it answered") from None


def _proxy_error(place: str, status: int) -> Retry | Refused:
    """Return the error for a proxy that does not connect to the exchange."""
    if status == PROXY_AUTHENTICATION_REQUIRED:
        return Refused(f"{place}: {PROXY_LOGIN}")
    return Retry(f"{place}: the proxy answered {status} and made no connection")
