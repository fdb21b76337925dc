"""Every fault of accounts, one run each."""

import asyncio
import signal

from connector.lab.faults import (
    AccountReorder,
    AccountRepeat,
    ApiDrop,
    ApiExpire,
    ApiRevoke,
    Drop,
    KeyExpire,
    QueryBehind,
    QueryFail,
)
from tests.chaos.account_stage import AccountScenario, AccountStage
from tests.chaos.scenario import WARM_S

BAN_S = 6.0
CUT = (ApiDrop(), Drop())  # the WS API, and the listenKey streams


async def cut_in_a_burst(stage: AccountStage) -> None:
    """Cut every connection while many fills come at once, twice."""
    for _ in range(2):
        for product in stage.world.accounts:
            for _number in range(5):
                stage.world.trade(product, "0.01")
        await stage.strike(*CUT)
        await asyncio.sleep(WARM_S)


async def keys_expire(stage: AccountStage) -> None:
    """End every listenKey."""
    await stage.strike(KeyExpire())


async def tokens_expire(stage: AccountStage) -> None:
    """End every listenToken."""
    await stage.strike(ApiExpire())


async def revoked(stage: AccountStage) -> None:
    """End every session with 401, as when a key is revoked; the key is good again at once."""
    await stage.strike(ApiRevoke(0.0))


async def banned(stage: AccountStage) -> None:
    """Cut every connection, and ban the address meanwhile: REST answers 418 to every call."""
    rest = stage.world.exchange.rest
    until = rest.clock() + BAN_S
    for meter in (*rest.meters.values(), *rest.account_meters.values()):
        meter.banned_until = until
    await stage.strike(*CUT)
    await asyncio.sleep(BAN_S)


async def kafka_away(stage: AccountStage) -> None:
    """Freeze the broker."""
    stage.kafka.freeze()
    try:
        await asyncio.sleep(12.0)
    finally:
        stage.kafka.thaw()


async def killed(stage: AccountStage) -> None:
    """Kill the worker, and start it again after a while."""
    stage.workers[-1].process.send_signal(signal.SIGKILL)
    await stage.workers[-1].process.wait()
    await asyncio.sleep(WARM_S)
    await stage.start_worker()


async def second_writer(stage: AccountStage) -> None:
    """Start a second worker of the same name; the first is fenced."""
    worker = await stage.start_worker()
    await stage.world.until_right(worker)


async def odd_order(stage: AccountStage) -> None:
    """Repeat events, and swap pairs of them."""
    await stage.strike(AccountRepeat(40), AccountReorder(20))


async def lagging_queries(stage: AccountStage) -> None:
    """Cut every connection while the queries show what was true before."""
    behind = stage.exchange.begin(QueryBehind(3.0))
    await asyncio.sleep(0.5)
    await stage.strike(*CUT)
    await behind


async def failing_pages(stage: AccountStage) -> None:
    """Cut every connection; pages of fills and orders fail now and then."""
    names = ("myTrades", "userTrades", "allOrders", "account", "balance")
    failing = [stage.exchange.begin(QueryFail(name, 3, 1)) for name in names]
    await stage.strike(*CUT)
    await asyncio.gather(*failing)


def account_scenarios() -> list[AccountScenario]:
    """Return every fault of accounts."""
    return [
        AccountScenario("account-cut", "connections cut in bursts of fills", cut_in_a_burst),
        AccountScenario("account-key-expiry", "listenKeys expire", keys_expire),
        AccountScenario("account-token-expiry", "listenTokens expire", tokens_expire),
        AccountScenario("account-revoked", "sessions revoked (401)", revoked),
        AccountScenario("account-ban", "cut; the queries after it are banned for 6 s", banned),
        AccountScenario(
            "account-kafka-away", "Kafka frozen for 12 s", kafka_away, breaks=False, alone=True
        ),
        AccountScenario("account-kill", "SIGKILL, started again after 2 s", killed, 15.0),
        AccountScenario("account-second-writer", "a second writer", second_writer),
        AccountScenario(
            "account-odd-order", "events repeated and reordered", odd_order, breaks=False
        ),
        AccountScenario("account-lag", "cut; queries lag 3 s behind the stream", lagging_queries),
        AccountScenario("account-failed-pages", "cut; pages of queries fail", failing_pages),
    ]
