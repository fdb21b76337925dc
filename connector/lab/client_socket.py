"""The server's side of one connection: written to without waiting, and freezable.

A client that does not read must not stop the market for the others: frames go into the transport's
buffer, and a client too far behind is disconnected, as by the real exchange.
"""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import State

MAX_UNREAD_BYTES = 64 * 1024 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


class Socket(ServerConnection):
    """A connection of the lab.

    Attributes:
        on_pong: Called for each pong of the client: they count against its message limit.
        frozen: Nothing is read and nothing is sent, pongs included.
    """

    on_pong: Callable[[], object] | None = None
    frozen = False
    _reads = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; see `more_bytes`."""
        self._read_of: deque[int] = deque()
        self._read = asyncio.Event()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Read bytes of the client."""
        self._reads += 1
        super().data_received(data)
        self._read.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; `more_bytes` returns."""
        super().connection_lost(exc)
        self._read.set()

    def read_of_message(self) -> int:
        """Return the number of the read that completed a message; called once a message."""
        return self._read_of.popleft()

    async def more_bytes(self, read: int) -> None:
        """Return when the client has sent bytes after a read, or is gone."""
        while self._reads == read and self.state is State.OPEN:
            self._read.clear()
            await self._read.wait()

    def process_event(self, event: object) -> None:
        """Count pongs, then do as usual."""
        if isinstance(event, Frame) and event.opcode is Opcode.PONG and self.on_pong is not None:
            self.on_pong()
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES and event.fin:
            self._read_of.append(self._reads)
        super().process_event(event)  # type: ignore[arg-type] # the event's type is private

    def put(self, frame: bytes) -> bool:
        """Send a text frame without waiting for room; False when the connection is over."""
        if self.state is not State.OPEN or self.transport.is_closing():
            return False
        self.protocol.send_text(frame)
        self.send_data()
        if self.unread() > MAX_UNREAD_BYTES:
            self.transport.abort()
        return True

    def unread(self) -> int:
        """Return the bytes that wait for the client to read."""
        return self.transport.get_write_buffer_size()

    def send_data(self) -> None:
        """Give waiting frames to the transport, unless frozen: then they wait for `thaw`."""
        if not self.frozen:
            super().send_data()

    def freeze(self) -> None:
        """Stop reading and writing; the TCP connection stays open."""
        self.frozen = True
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def thaw(self) -> None:
        """Read and write again; frames that waited are sent first."""
        self.frozen = False
        if not self.transport.is_closing():
            self.send_data()
            self.transport.resume_reading()

    async def reset(self) -> None:
        """Break the TCP connection with RST, without a close frame."""
        self.frozen = False
        tcp = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # gone already
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()
        await self.wait_closed()
