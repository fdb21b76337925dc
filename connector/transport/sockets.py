"""Sockets of a market connection: to which of a host's addresses, and whether one was reset."""

import asyncio
import select
import socket
from collections.abc import Awaitable, Callable

import picows


def is_hung_up(transport: asyncio.BaseTransport) -> bool:
    """Return whether the kernel reports an error or a hang-up of the socket."""
    open_socket = transport.get_extra_info("socket")
    if open_socket is None or open_socket.fileno() < 0 or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(open_socket.fileno(), 0)  # errors and hang-ups are reported in any case
    return bool(poll.poll(0))


def socket_factory(number: int) -> Callable[[picows.WSParsedURL], Awaitable[socket.socket | None]]:
    """Return a factory of sockets to one of a host's addresses, or to the next one that answers.

    It returns None where there is one address, or none answers: picows then connects, or raises.
    """

    async def connect(url: picows.WSParsedURL) -> socket.socket | None:
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in infos))
        if len(addresses) == 1:
            return None
        first = number % len(addresses)
        for family, address in addresses[first:] + addresses[:first]:
            candidate = socket.socket(family, socket.SOCK_STREAM)
            candidate.setblocking(False)
            try:
                await loop.sock_connect(candidate, address)
            except OSError:
                candidate.close()
                continue
            return candidate
        return None

    return connect
