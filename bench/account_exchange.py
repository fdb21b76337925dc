"""The exchange of the account benchmark: a lab account of USD-M that acts at a rate.

`python -m bench.account_exchange RATE API_KEY SECRET` prints its addresses as a line of JSON. Each
line on stdin is answered with what was sent and what it cost; `act` and `rest` begin and end the
account's activity.
"""

import asyncio
import json
import sys
import time
from typing import Any

from connector.lab.account.account import Event, LabAccount
from connector.lab.account.futures_account import FuturesAccount
from connector.lab.account.keys import LabKey
from connector.lab.account.script import START, AccountScript
from connector.lab.exchange import Exchange
from connector.lab.market import Market

SEED = 1
NAME = "bench"


class BenchExchange:
    """An exchange whose one account acts when it is told."""

    def __init__(self, rate: float, key: LabKey) -> None:
        self.exchange = Exchange(Market(SEED), rate=0.001)
        self.exchange.ws_api.keys = {key.api_key: key}
        self._account = FuturesAccount(key.account, SEED, START, self.exchange.clock, "usdm")
        self.exchange.accounts.add(self._account)
        self.exchange.accounts.changes.append(self._count)
        self._rate = rate
        self._sent = 0
        self._acting: asyncio.Task[None] | None = None

    def _count(self, _account: LabAccount, events: list[Event]) -> list[Event]:
        self._sent += len(events)
        return events

    async def answer(self, request: str) -> dict[str, Any]:
        """Do what is requested; return the figures of now."""
        if request == "act":
            script = AccountScript(self._account, SEED)
            playing = self.exchange.accounts.play(script, self._rate)
            self._acting = asyncio.create_task(playing)
        elif request == "rest" and self._acting is not None:
            self._acting.cancel()
            await asyncio.gather(self._acting, return_exceptions=True)
        ledger = self._account.ledger
        return {"sent": self._sent, "fills": len(ledger.fills), "cpu_s": time.process_time()}


async def serve(rate: float, key: LabKey) -> None:
    """Serve until stdin ends."""
    bench = BenchExchange(rate, key)
    await bench.exchange.start()
    bases = bench.exchange.bases.items()
    print(json.dumps({product: [b.streams[0], b.rest] for product, b in bases}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await bench.answer(line.strip())), flush=True)
    await bench.exchange.stop()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), LabKey(sys.argv[2], sys.argv[3], NAME)))
