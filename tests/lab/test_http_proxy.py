"""The lab's proxy, spoken to by the clients that will: picows and websockets."""

import json
from collections.abc import AsyncIterator

import picows
import pytest

from connector.lab.exchange import Exchange
from connector.lab.http_proxy import Proxy
from connector.lab.market import Market
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.lab


class Listener(picows.WSListener):
    """Keeps the text frames it gets."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        del transport
        self.frames.append(frame.get_payload_as_bytes())


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    lab = Exchange(Market(3), rate=500.0)
    await lab.start()
    yield lab
    await lab.stop()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    server = Proxy()
    await server.start()
    yield server
    await server.stop()


def spot(exchange: Exchange) -> str:
    return f"{exchange.bases['spot'].streams[0]}/stream?streams=btcusdt@trade"


async def test_a_websocket_goes_through_a_tunnel(exchange: Exchange, proxy: Proxy) -> None:
    transport, listener = await picows.ws_connect(Listener, spot(exchange), proxy=proxy.url)
    assert isinstance(listener, Listener)
    await until(lambda: len(listener.frames) >= 20)
    transport.disconnect()
    await transport.wait_disconnected()

    host = exchange.bases["spot"].streams[0].removeprefix("ws://")
    assert proxy.seen == [host]
    assert {json.loads(frame)["stream"] for frame in listener.frames} == {"btcusdt@trade"}


async def test_a_broken_proxy_makes_no_connection(exchange: Exchange, proxy: Proxy) -> None:
    proxy.broken = True

    # picows hands on the error of python_socks, which is neither its own nor an OSError.
    with pytest.raises(Exception, match="HTTP proxy rejected connection with status 502"):
        await picows.ws_connect(Listener, spot(exchange), proxy=proxy.url)

    assert exchange.connects_seen == 0


async def test_stopping_the_proxy_ends_its_tunnels(exchange: Exchange) -> None:
    proxy = Proxy()
    await proxy.start()
    transport, _ = await picows.ws_connect(Listener, spot(exchange), proxy=proxy.url)

    await proxy.stop()

    await in_time(transport.wait_disconnected())
