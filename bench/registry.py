"""The lab's schema registry as a process: `python -m bench.registry`.

Prints {"url": ...} and ends when its stdin closes.
"""

import asyncio
import json
import sys

from connector.lab.registry import Registry


async def serve() -> None:
    """Serve until stdin closes."""
    registry = Registry()
    await registry.start()
    print(json.dumps({"url": registry.url}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await registry.stop()


if __name__ == "__main__":
    asyncio.run(serve())
