"""The lab's schema registry in a process of its own.

`python -m bench.registry` prints {"url": ...} and lives until its stdin closes.
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
