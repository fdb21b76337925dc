"""The floor `websockets`, which the bars refer to: asyncio client, one message at a time."""

import json
import ssl
from collections.abc import Callable

from websockets.asyncio.client import connect

from bench import floor


async def read(url: str, names: list[str], handle: Callable[[bytes | str], None]) -> None:
    """Subscribe and call `handle` with every message, until the connection ends."""
    tls = ssl.create_default_context() if url.startswith("wss:") else None
    async with connect(url, ssl=tls, compression=None) as connection:
        await connection.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
        async for message in connection:
            handle(message)


if __name__ == "__main__":
    floor.run(read)
