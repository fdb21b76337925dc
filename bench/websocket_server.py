"""Server side of WebSocket on a plain socket: handshake, subscriptions, ping, close (RFC 6455)."""

import base64
import hashlib
import json
import socket
import ssl

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_CLOSE, _PING, _TEXT = 0x8, 0x9, 0x1


class Client:
    """One accepted connection.

    Attributes:
        path: Path of the upgrade request; "" before the handshake.
        names: Streams subscribed to.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self.path = ""
        self.names: set[str] = set()
        self._received = b""

    def fileno(self) -> int:
        """Return the descriptor: select() takes the object itself."""
        return self.socket.fileno()

    def read(self) -> bool:
        """Read and answer what has arrived. Returns False when the connection has ended."""
        try:
            data = self.socket.recv(65_536)
            while isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
                data += self.socket.recv(65_536)
        except OSError:
            return False
        self._received += data
        if not self.path:
            self._handshake()
            return bool(data)
        return bool(data) and self._requests()

    def _handshake(self) -> None:
        """Answer the upgrade request (RFC 6455, 4.2.2) without extensions."""
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.split(b"\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (ln.partition(b":") for ln in lines)}
        digest = hashlib.sha1(headers[b"sec-websocket-key"] + _GUID, usedforsecurity=False).digest()
        self.socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )
        self.path = first.split(b" ")[1].decode()
        self._received = rest

    def _requests(self) -> bool:
        """Answer every complete frame. Returns False after a close frame."""
        while (frame := self._next_frame()) is not None:
            opcode, payload = frame
            if opcode == _CLOSE:
                self._send(_CLOSE, payload)
                return False
            if opcode == _PING:
                self._send(0xA, payload)
            elif opcode == _TEXT:
                request = json.loads(payload)
                if request["method"] == "SUBSCRIBE":
                    self.names.update(request["params"])
                self._send(_TEXT, json.dumps({"result": None, "id": request["id"]}).encode())
        return True

    def _next_frame(self) -> tuple[int, bytes] | None:
        """Take the next frame (masked, not fragmented): opcode and payload; None: incomplete."""
        data = self._received
        if len(data) < 2:
            return None
        size, start = data[1] & 0x7F, 2
        if size > 125:
            width = 2 if size == 126 else 8
            size, start = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
        if len(data) < start + 4 + size:
            return None
        mask, masked = data[start : start + 4], data[start + 4 : start + 4 + size]
        self._received = data[start + 4 + size :]
        return data[0] & 0x0F, bytes(b ^ mask[i & 3] for i, b in enumerate(masked))

    def _send(self, opcode: int, payload: bytes) -> None:
        head = bytes((0x80 | opcode, len(payload)))
        if len(payload) > 125:
            head = bytes((0x80 | opcode, 126)) + len(payload).to_bytes(2, "big")
        self.socket.sendall(head + payload)
