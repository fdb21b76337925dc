"""One run of the account worker: scripted accounts, a real broker, and a reader of the topic."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from connector.lab.account.futures_account import FuturesAccount
from connector.lab.account.script import PAIR, START, AccountScript
from connector.lab.account.spot_account import SpotAccount
from connector.lab.exchange import Exchange
from connector.lab.faults import Fault
from connector.lab.faults.account import TWIN_KEY
from connector.lab.market import Market
from connector.lab.real_kafka import RealKafka, free_port
from connector.lab.registry import Registry
from tests.chaos.stage import SEED
from tests.support.account_worker import AccountWorld, account_config
from tests.support.keys import lab_keys
from tests.support.servers import Running, run_worker

PRODUCTS = ("spot", "margin", "margin.BTCUSDT", "usdm", "coinm")
EVENTS_PER_S = 40.0  # of each account
WARM_S, AFTER_S = 2.0, 2.0
RIGHT_AGAIN_S = 5.0  # bar, from the exchange's return


@dataclass(frozen=True, slots=True)
class AccountResult:
    """What a run gave.

    Attributes:
        events: That the exchange made.
        differences: Where the reader's orders, fills and amounts are not the truth.
        repeats: Dedupe keys published twice, and fills of one key that differ.
        breaks: Gaps by the reason their markers give.
        right_s: From the end of the fault until every account was right.
        wrong: What else went wrong.
    """

    events: int
    differences: list[str]
    repeats: list[str]
    breaks: Counter[str]
    right_s: float
    wrong: list[str]


@dataclass(slots=True)
class AccountStage:
    """What a scenario acts upon.

    Attributes:
        world: The exchange's accounts, and the reader of the topic.
        more: Settings beyond the usual ones.
        workers: Those started, in order.
        twins: Events that were sent with one more key: each must be kept.
    """

    name: str
    folder: Path
    kafka: RealKafka
    more: dict[str, Any] = field(default_factory=dict)
    registry: Registry = field(default_factory=Registry)
    world: AccountWorld = field(init=False)
    workers: list[Running] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    events: int = 0
    twins: int = 0
    _scripts: list["asyncio.Task[None]"] = field(default_factory=list)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def exchange(self) -> Exchange:
        """The lab's."""
        return self.world.exchange

    async def start(self) -> None:
        """Start the exchange, the registry and a worker; let the accounts act once it is right."""
        self.folder.mkdir()
        exchange = Exchange(Market(SEED), rate=0.001)
        exchange.ws_api.keys = lab_keys()
        await self.registry.start()
        await exchange.start()
        kafka = {"bootstrap_servers": self.kafka.bootstrap_servers, **self.more.get("kafka", {})}
        config = account_config(
            self.folder,
            exchange,
            kafka,
            self.registry.url,
            f"chaos-{self.name}",
            PRODUCTS,
            by_ed25519=True,
        )
        self.world = AccountWorld(self.folder, exchange, config, dict(self.kafka.client()))
        scripts = list(map(self._add, PRODUCTS))
        exchange.accounts.changes.append(self._count)
        await self.world.until_right(await self.start_worker())
        self.world.note_start()
        self._scripts = [
            asyncio.create_task(exchange.accounts.play(script, EVENTS_PER_S)) for script in scripts
        ]
        await asyncio.sleep(WARM_S)

    def _add(self, product: str) -> AccountScript:
        name, _, market = product.partition(".")
        kind = FuturesAccount if name in ("usdm", "coinm") else SpotAccount
        balances, clock = PAIR if market else START, self.exchange.clock
        account: Any = kind("ed25519", SEED, balances, clock, name, market or None)  # type: ignore[arg-type]
        self.exchange.accounts.add(account)
        self.world.accounts[product] = account
        return AccountScript(account, SEED)

    def _count(self, _account: object, events: list[Any]) -> list[Any]:
        self.events += len(events)
        return events

    async def start_worker(self) -> Running:
        """Start a worker with a port of its own."""
        folder = self.folder / f"worker-{len(self.workers)}"
        folder.mkdir()
        config = self.world.config | {"server": {"host": "127.0.0.1", "port": free_port()}}
        path = folder / "account.yaml"
        path.write_text(yaml.safe_dump(config))
        running = run_worker(folder, "account", path, config["server"]["port"])
        self.workers.append(await self._stack.enter_async_context(running))
        return self.workers[-1]

    async def strike(self, *faults: Fault) -> None:
        """Let faults happen together; return when all are over."""
        await asyncio.gather(*map(self.exchange.inflict, faults))

    async def result(self) -> AccountResult:
        """Let the worker become right, stop everything, and judge what a reader finds."""
        began = time.monotonic()
        await self.world.until_right(self.workers[-1])
        right_s = time.monotonic() - began
        await asyncio.sleep(AFTER_S)
        for script in self._scripts:
            script.cancel()
        await asyncio.gather(*self._scripts, return_exceptions=True)
        with contextlib.suppress(AssertionError):  # judged below
            await self.world.until_true_view(self.workers[-1])
        for worker in self.workers:
            if worker.process.returncode is None and (code := await worker.stop()):
                self.wrong.append(f"exit code {code}, see {worker.log}")
        found = await asyncio.to_thread(self.world.faults)
        repeats = [text for text in found if " came " in text or " is (" in text]
        markers = await asyncio.to_thread(self.world.records, "account-marker")
        breaks = Counter(each["reason"] for each in markers if each["state"] == "opened")
        differences = [text for text in found if text not in repeats]
        differences += await asyncio.to_thread(self._lost_twins)
        return AccountResult(self.events, differences, repeats, breaks, right_s, self.wrong)

    def _lost_twins(self) -> list[str]:
        """Return how many events were dropped whose twin was kept, as a sentence."""
        if not self.twins:
            return []
        extras = (record["extra"] or "" for record in self.world.records())
        kept = sum(f'"{TWIN_KEY}"' in extra for extra in extras)
        return [] if kept == self.twins else [f"of {self.twins} twins {kept} were kept"]

    async def close(self) -> None:
        """Leave no process running."""
        await self._stack.aclose()
        await self.exchange.stop()
        await self.registry.stop()


AccountAct = Callable[[AccountStage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AccountScenario:
    """One fault of accounts.

    Attributes:
        name: For `--only` and topic names.
        says: What happens, for the table.
        act: Lets it happen, and returns when the exchange is back.
        breaks: It must be marked; False: it must not be.
        alone: Kafka suffers.
    """

    name: str
    says: str
    act: AccountAct
    breaks: bool = True
    alone: bool = False
    more: dict[str, Any] = field(default_factory=dict)


def missed_bars(scenario: AccountScenario, result: AccountResult) -> list[str]:
    """Return what does not hold, as sentences; empty: all is well."""
    failures = [*result.differences, *result.repeats, *result.wrong]
    if not result.events:
        failures.append("nothing happened")
    if scenario.breaks != bool(result.breaks):
        failures.append(f"breaks {dict(result.breaks)}")
    return failures


def late_account(result: AccountResult) -> list[str]:
    """Return the time that does not hold, as a sentence (see bars.py); empty: it does."""
    if result.right_s <= RIGHT_AGAIN_S:
        return []
    return [f"right again after {result.right_s:.2f} s, bound {RIGHT_AGAIN_S:.0f} s"]
