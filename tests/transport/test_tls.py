"""Whom connections to the exchange trust, over real sockets."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from connector.binance.products import LIMITS, Bases
from connector.errors import Refused, Retry
from connector.lab.certificates import Authority
from connector.lab.exchange import Exchange
from connector.lab.market import Market
from connector.transport.rest import RestClient
from connector.transport.tls import certificate_cure, client_context
from connector.transport.websocket import Connection

UNKNOWN = "name its file in ca_file, or in the variable SSL_CERT_FILE"


def server_context(authority: Authority, *hosts: str) -> ssl.SSLContext:
    own = authority.issue("server", hosts or ("localhost", "127.0.0.1"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own.certificate, own.key)
    return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def streams(authority: Authority) -> AsyncIterator[str]:
    """The URL of a lab with TLS."""
    exchange = Exchange(Market(1), tls=server_context(authority))
    await exchange.start()
    yield f"{exchange.bases['spot'].streams[0]}/stream"
    await exchange.stop()


async def connect(url: str, trust: ssl.SSLContext | None) -> None:
    connection = await Connection.open(url, LIMITS["spot"], lambda *_: None, tls=trust)
    connection.close()


@pytest.mark.lab
async def test_an_authority_of_ca_file_is_trusted_by_connections(
    streams: str, authority: Authority
) -> None:
    await connect(streams, client_context(authority.path))


@pytest.mark.lab
async def test_an_unknown_authority_is_named_with_the_cure(streams: str) -> None:
    with pytest.raises(Retry, match=UNKNOWN):
        await connect(streams, client_context(None))


@pytest.mark.lab
async def test_openssls_variable_names_authorities_too(
    streams: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))

    await connect(streams, client_context(None))


@pytest.mark.lab
@pytest.mark.parametrize(
    ("hosts", "trusted", "words"),
    [
        (("localhost", "127.0.0.1"), True, "HTTP 404"),  # connected
        (("localhost", "127.0.0.1"), False, UNKNOWN),
        (("elsewhere.test",), True, "the certificate is another host's: check the address"),
    ],
)
async def test_rest_trusts_the_same(
    authority: Authority, hosts: tuple[str, ...], trusted: bool, words: str
) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context(authority, *hosts))
    await site.start()
    trust = client_context(authority.path if trusted else None)
    base = Bases((), f"https://127.0.0.1:{runner.addresses[0][1]}")
    rest = RestClient({"spot": base}, tls=trust)
    await rest.start()
    try:
        with pytest.raises((Retry, Refused), match=words):
            await rest.get("spot", "/api/v3/time", {}, 1)
    finally:
        await rest.close()
        await runner.cleanup()


def test_a_folder_of_authorities_is_taken(tmp_path: Path) -> None:
    assert isinstance(client_context(tmp_path), ssl.SSLContext)


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("no certificate")

    with pytest.raises(Refused, match=f"ca_file: {path} holds no certificate; it must be PEM"):
        client_context(path)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"ca_file: cannot read .*none\.pem: No such file"):
        client_context(tmp_path / "none.pem")


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("certificate verify failed: Hostname mismatch, certificate is not", "another host's"),
        ("certificate verify failed: certificate has expired (_ssl.c:992)", "has expired"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate in chain", UNKNOWN),
    ],
)
def test_what_is_wrong_with_a_certificate_has_a_cure(text: str, cure: str) -> None:
    assert cure in certificate_cure(text)


def test_other_errors_have_none() -> None:
    assert certificate_cure("[Errno 111] Connection refused") == ""
