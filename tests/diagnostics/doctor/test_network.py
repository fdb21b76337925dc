"""What a doctor finds of the way to a host: each finding is caused for real."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connector.diagnostics.doctor import network
from connector.diagnostics.doctor.network import Host, check_host, hosts_of
from connector.diagnostics.doctor.report import CheckResult
from connector.lab.certificates import Authority
from connector.lab.real_kafka import free_port
from connector.transport.tls import client_context


@asynccontextmanager
async def server(tls: ssl.SSLContext | None, greeting: bytes = b"") -> AsyncIterator[int]:
    """Listen; yield the port. `greeting`: sent to whoever connects."""

    writers = []  # one that nobody holds is closed, from Python 3.13 on

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(greeting)

    listening = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()


def serving(authority: Authority, *names: str) -> ssl.SSLContext:
    own = authority.issue("server", names or ("localhost",))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own.certificate, own.key)
    return context


async def tls_result(port: int, trust: ssl.SSLContext) -> CheckResult:
    named, tls = await check_host(Host("localhost", port, encrypted=True), trust)
    assert (named.check, named.status) == ("exchange.dns", "ok")
    assert tls.check == "exchange.tls"
    return tls


def test_the_hosts_of_urls_are_each_once_with_their_ports() -> None:
    urls = ["wss://a.test/market/stream", "wss://a.test/public/stream", "http://b.test:8080/x"]

    assert hosts_of(urls) == [Host("a.test", 443, True), Host("b.test", 8080, False)]


async def test_a_name_that_nobody_knows_fails_and_nothing_else_is_tried() -> None:
    [result] = await check_host(Host("no-such-host.invalid", 443, True), client_context(None))

    assert (result.check, result.status) == ("exchange.dns", "fail")
    assert result.text.startswith("no-such-host.invalid: ")
    assert "/etc/resolv.conf" in result.cure


async def test_an_address_is_not_looked_up() -> None:
    assert await check_host(Host("127.0.0.1", 80, False), client_context(None)) == []


async def test_a_trusted_certificate_is_shown_with_who_signed_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with server(serving(authority)) as port:
        result = await tls_result(port, client_context(authority.path))

    assert result.status == "ok"
    assert result.text.startswith(f"localhost:{port} by TLSv1.")
    assert "; signed by " in result.text
    assert "unnamed" not in result.text


async def test_an_unknown_authority_fails_with_the_setting(tmp_path: Path) -> None:
    async with server(serving(Authority(tmp_path))) as port:
        result = await tls_result(port, client_context(None))

    assert result.status == "fail"
    assert "name its file in ca_file" in result.cure


async def test_the_certificate_of_another_host_fails(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with server(serving(authority, "elsewhere.test")) as port:
        result = await tls_result(port, client_context(authority.path))

    assert (result.status, result.cure) == (
        "fail",
        "the certificate is another host's: check the address",
    )


async def test_a_server_that_speaks_no_tls_fails() -> None:
    async with server(None, b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        result = await tls_result(port, client_context(None))

    assert result.status == "fail"
    assert result.cure.startswith("the server speaks no TLS of ours")


async def test_a_server_that_hangs_up_during_the_handshake_fails() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        result = await tls_result(port, client_context(None))

    assert result.status == "fail"
    assert result.cure.startswith("the server speaks no TLS of ours")


async def test_a_closed_port_proves_nothing() -> None:
    result = await tls_result(free_port(), client_context(None))

    assert (result.status, result.unreachable) == ("cannot tell", True)
    assert "cannot connect" in result.text


async def test_a_server_that_is_silent_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "TIMEOUT_S", 0.3)  # it never says a word
    async with server(None) as port:
        tls = await network._handshake(Host("127.0.0.1", port, True), client_context(None))

    assert (tls.status, tls.unreachable) == ("cannot tell", True)
    assert "no answer within" in tls.text
