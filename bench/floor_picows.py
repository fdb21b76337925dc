"""The floor `picows`: frames by callback."""

import json
import ssl
from collections.abc import Callable

import picows

from bench import floor


class Listener(picows.WSListener):
    """Calls `handle` with every text frame."""

    def __init__(self, handle: Callable[[bytes | str], None]) -> None:
        self._handle = handle

    def on_ws_frame(self, _transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Handle one frame."""
        if frame.msg_type is picows.WSMsgType.TEXT:
            self._handle(frame.get_payload_as_bytes())


async def read(url: str, names: list[str], handle: Callable[[bytes | str], None]) -> None:
    """Subscribe and call `handle` with every frame, until the connection ends."""
    tls = ssl.create_default_context() if url.startswith("wss:") else None
    transport, _ = await picows.ws_connect(lambda: Listener(handle), url, ssl_context=tls)
    request = json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1})
    transport.send(picows.WSMsgType.TEXT, request.encode())
    await transport.wait_disconnected()


if __name__ == "__main__":
    floor.run(read)
