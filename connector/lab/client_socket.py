"""The server's side of one connection: written to without waiting, and freezable.

A client that does not read must not stop the market for the others, so that frames are put into
the transport's buffer; a client too far behind is cut off, as by the real exchange.
"""

import contextlib
import socket
import struct
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.protocol import State

MOST_UNREAD_BYTES = 64 * 1024 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


class Socket(ServerConnection):
    """A connection of the lab.

    Attributes:
        on_pong: Called for each pong of the client: they count against its message limit.
        frozen: Nothing is read and nothing leaves, pongs included.
    """

    on_pong: Callable[[], object] | None = None
    frozen = False

    def process_event(self, event: object) -> None:
        """Count pongs, then go on as usual."""
        if isinstance(event, Frame) and event.opcode is Opcode.PONG and self.on_pong is not None:
            self.on_pong()
        super().process_event(event)  # type: ignore[arg-type] # the event's type is private

    def put(self, frame: bytes) -> bool:
        """Send a text frame without waiting for room; False when the connection is over."""
        if self.state is not State.OPEN or self.transport.is_closing():
            return False
        self.protocol.send_text(frame)
        self.send_data()
        if self.unread() > MOST_UNREAD_BYTES:
            self.transport.abort()
        return True

    def unread(self) -> int:
        """Return the bytes that wait for the client to read."""
        return self.transport.get_write_buffer_size()

    def send_data(self) -> None:
        """Hand what waits to the transport, unless frozen: then it waits for `thaw`."""
        if not self.frozen:
            super().send_data()

    def freeze(self) -> None:
        """Neither read nor write, and leave the TCP connection open."""
        self.frozen = True
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def thaw(self) -> None:
        """Go on; what waited leaves first."""
        self.frozen = False
        if not self.transport.is_closing():
            self.send_data()
            self.transport.resume_reading()

    async def reset(self) -> None:
        """Break the TCP connection with RST, without a word."""
        self.frozen = False
        tcp = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # gone already
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()
        await self.wait_closed()
