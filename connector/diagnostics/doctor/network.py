"""Looks at the way to a host of the exchange: its name, and its TLS."""

import asyncio
import ipaddress
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from connector.diagnostics.doctor.report import CheckResult, unreachable
from connector.errors import Retry
from connector.transport.tls import certificate_cure

TIMEOUT_S = 10.0
_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
_NAME_CURE = (
    "correct the address, or the name server (/etc/resolv.conf; in Kubernetes the egress rule for"
    " port 53)"
)
_NO_TLS_CURE = "the server speaks no TLS of ours: check port and address; a proxy may be on the way"


@dataclass(frozen=True, slots=True)
class Host:
    """A server to connect to; `encrypted`: it speaks TLS."""

    name: str
    port: int
    encrypted: bool


def hosts_of(urls: Iterable[str]) -> list[Host]:
    """Return the servers of URLs, each once."""
    parts = map(urlsplit, urls)
    hosts = (
        Host(part.hostname or "", part.port or _PORTS[part.scheme], part.scheme in ("https", "wss"))
        for part in parts
    )
    return list(dict.fromkeys(hosts))


async def check_host(host: Host, trust: ssl.SSLContext) -> list[CheckResult]:
    """Look the name up, and shake hands; `trust`: see transport/tls.py."""
    named = await _look_up(host)
    if host.encrypted and all(result.status == "ok" for result in named):
        return [*named, await _handshake(host, trust)]
    return named


async def _look_up(host: Host) -> list[CheckResult]:
    """Return the result for a name; none for an address."""
    try:
        ipaddress.ip_address(host.name)
    except ValueError:
        pass
    else:
        return []
    check = "exchange.dns"
    try:
        async with asyncio.timeout(TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(host.name, host.port)
    except TimeoutError:
        text = f"{host.name}: no name server answers within {TIMEOUT_S:.0f} s"
        return [CheckResult(check, "fail", text, _NAME_CURE)]
    except OSError as error:
        return [CheckResult(check, "fail", f"{host.name}: {error.strerror}", _NAME_CURE)]
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    return [CheckResult(check, "ok", f"{host.name} is {', '.join(addresses)}")]


async def _handshake(host: Host, trust: ssl.SSLContext) -> CheckResult:
    check, place = "exchange.tls", f"{host.name}:{host.port}"
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(host.name, host.port, ssl=trust)
    except TimeoutError:
        return unreachable(check, Retry(f"{place}: no answer within {TIMEOUT_S:.0f} s"))
    except (ssl.SSLError, ConnectionResetError) as error:  # it answered, or hung up
        problem = error.strerror or str(error) or "the server hung up during the handshake"
        cure = certificate_cure(str(error)).removeprefix(": ") or _NO_TLS_CURE
        return CheckResult(check, "fail", f"{place}: {problem}", cure)
    except OSError as error:
        return unreachable(check, Retry(f"{place}: cannot connect: {error.strerror or error}"))
    certificate: Any = writer.get_extra_info("peercert")
    version = writer.get_extra_info("ssl_object").version()
    writer.transport.abort()
    text = f"{place} by {version}; signed by {_issuer(certificate)}, good until {_end(certificate)}"
    return CheckResult(check, "ok", text)


def _issuer(certificate: Any) -> str:
    """Return who signed: a firewall that opens TLS shows itself here."""
    names = {key: value for part in certificate.get("issuer", ()) for key, value in part}
    return str(names.get("organizationName") or names.get("commonName") or "an unnamed authority")


def _end(certificate: Any) -> str:
    return str(certificate.get("notAfter", "an unknown time"))
