"""Every fault of accounts, one run each."""

import asyncio
import signal
from decimal import Decimal
from typing import Any

from connector.lab.account.futures_account import FuturesAccount
from connector.lab.faults import (
    AccountMalformed,
    AccountReorder,
    AccountRepeat,
    AccountTwin,
    ApiBan,
    ApiDrop,
    ApiExpire,
    ApiRevoke,
    Drop,
    KeyExpire,
    QueryBehind,
    QueryFail,
)
from tests.chaos.account_stage import AccountAct, AccountScenario, AccountStage
from tests.chaos.scenario import WARM_S
from tests.support.servers import Running
from tests.support.waiting import until

BAN_S = 6.0
STEPS = ("starting", "takeover_completed", "started", "account_connected", "account_reconciled")
API_BAN_S = 3.0
# Calls that cannot know of a ban yet: two connections, and queries that share their weight.
MOST_BANNED_CALLS = 12
TWINS, MALFORMED = 60, 20
SETTLED_S = 0.5  # an event that was sent so long ago has come
SYMBOLS = {"coinm": "BTCUSD_PERP"}  # of other products BTCUSDT
LOT, PRICE = Decimal("0.01"), Decimal(50_000)
CUT = (ApiDrop(), Drop())  # the WS API, and the listenKey streams


async def cut_in_a_burst(stage: AccountStage) -> None:
    """Cut every connection while many fills come at once, twice."""
    for pause_s in (0.0, WARM_S):
        await asyncio.sleep(pause_s)
        for product in stage.world.accounts:
            for _number in range(5):
                stage.world.trade(product, "0.01")
        await stage.strike(*CUT)


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


async def api_banned(stage: AccountStage) -> None:
    """Cut every connection; the WS API answers 429 for a while, then 418, each with its end."""
    for status in (429, 418):
        ban = stage.exchange.begin(ApiBan(API_BAN_S, status))
        await asyncio.sleep(0.0)  # it has begun
        await stage.strike(*CUT)
        await ban
    if (calls := stage.exchange.ws_api.banned_calls) > MOST_BANNED_CALLS:
        stage.wrong.append(f"{calls} calls of the WS API during a ban")


async def _cut_between(stage: AccountStage, events: dict[str, list[Any]], first: int = 0) -> None:
    """Send the first events of each product, cut every connection, and send the others to nobody.

    `first`: how many; 0: half of them.
    """
    for product, sent in events.items():
        stage.world.act(product, sent[: first or len(sent) // 2])
    await asyncio.sleep(SETTLED_S)
    await stage.strike(*CUT)
    for product, lost in events.items():
        stage.world.act(product, lost[first or len(lost) // 2 :])


async def pair_in_a_millisecond(stage: AccountStage) -> None:
    """Fill an order twice in one millisecond, alike but for the trade id; cut between the two."""
    pairs: dict[str, list[Any]] = {}
    for product, account in stage.world.accounts.items():
        symbol = SYMBOLS.get(product, "BTCUSDT")
        stage.world.act(product, account.place(symbol, "BUY", 2 * LOT, PRICE))
        pairs[product] = account.fill(account.last_order_id, (LOT, PRICE), (LOT, PRICE))
    await _cut_between(stage, pairs)


async def stop_triggered(stage: AccountStage) -> None:
    """Trigger stops, and cut behind EXPIRED; some are filled in the break, some much later."""
    futures = {
        product: account
        for product, account in stage.world.accounts.items()
        if isinstance(account, FuturesAccount)
    }
    placed = {product: _place_stop(stage, product, own) for product, own in futures.items()}
    parts = {product: own.trigger_stop(placed[product], PRICE) for product, own in futures.items()}
    await _cut_between(stage, parts, first=1)
    await stage.world.until_right(stage.workers[-1])
    placed = {product: _place_stop(stage, product, own) for product, own in futures.items()}
    parts = {product: own.activate_stop(placed[product]) for product, own in futures.items()}
    await _cut_between(stage, parts, first=1)
    await stage.world.until_right(stage.workers[-1])
    for product, own in futures.items():
        order = own.ledger.orders[placed[product]]
        if order.is_open:  # the script may have filled it
            stage.world.act(product, own.fill(order.order_id, (order.rest, PRICE)))


def _place_stop(stage: AccountStage, product: str, account: FuturesAccount) -> int:
    """Place a stop; return its id."""
    symbol = SYMBOLS.get(product, "BTCUSDT")
    stage.world.act(product, account.place_stop(symbol, "SELL", LOT, PRICE))
    return account.last_order_id


async def malformed(stage: AccountStage) -> None:
    """Cut events in the middle, so that nobody can read them."""
    await stage.strike(AccountMalformed(MALFORMED))


async def twins(stage: AccountStage) -> None:
    """Send events of equal dedupe key and another payload."""
    stage.twins = TWINS
    await stage.strike(AccountTwin(TWINS))


def kafka_away(seconds: float) -> AccountAct:
    """Return what freezes the broker."""

    async def act(stage: AccountStage) -> None:
        stage.kafka.freeze()
        try:
            await asyncio.sleep(seconds)
        finally:
            stage.kafka.thaw()

    return act


async def killed(stage: AccountStage) -> None:
    """Kill the worker, and start it again after a while."""
    await _kill(stage)
    await asyncio.sleep(WARM_S)
    await stage.start_worker()


async def killed_while_it_starts(stage: AccountStage) -> None:
    """Kill the worker, and each next one behind another step of its start; the last one lives."""
    await _kill(stage)
    for step in STEPS:
        await _until_logged(await stage.start_worker(), step)
        await _kill(stage)
    await stage.start_worker()


async def _until_logged(worker: Running, event: str) -> None:
    """Return once a worker has logged an event."""
    await until(lambda: f'"event": "{event}"' in worker.log.read_text())


async def _kill(stage: AccountStage) -> None:
    stage.workers[-1].process.send_signal(signal.SIGKILL)
    await stage.workers[-1].process.wait()


async def second_writer(stage: AccountStage) -> None:
    """Start a second worker of the same name; the first is fenced."""
    await stage.start_worker()


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


def account_scenarios(*, is_long: bool = False) -> list[AccountScenario]:
    """Return every fault of accounts; long: with the durations of real outages."""
    away_s = 60.0 if is_long else 12.0
    return [
        AccountScenario("account-cut", "connections cut in bursts of fills", cut_in_a_burst),
        AccountScenario("account-key-expiry", "listenKeys expire", keys_expire),
        AccountScenario("account-token-expiry", "listenTokens expire", tokens_expire),
        AccountScenario("account-revoked", "sessions revoked (401)", revoked),
        AccountScenario("account-ban", "cut; the queries after it are banned for 6 s", banned),
        AccountScenario("account-api-ban", "cut; the WS API answers 429, then 418", api_banned),
        AccountScenario(
            "account-kafka-away",
            f"Kafka frozen for {away_s:.0f} s",
            kafka_away(away_s),
            breaks=False,
            alone=True,
        ),
        AccountScenario("account-kill", "SIGKILL, started again after 2 s", killed),
        AccountScenario(
            "account-kill-starting",
            f"SIGKILL, and {len(STEPS)} more in the steps of the next starts",
            killed_while_it_starts,
        ),
        AccountScenario("account-second-writer", "a second writer", second_writer),
        AccountScenario(
            "account-odd-order", "events repeated and reordered", odd_order, breaks=False
        ),
        AccountScenario("account-twins", "events of one key and two payloads", twins, breaks=False),
        AccountScenario("account-malformed", "20 events cut in the middle", malformed),
        AccountScenario(
            "account-millisecond",
            "cut between two fills of one millisecond",
            pair_in_a_millisecond,
        ),
        AccountScenario("account-stop", "cut when a stop is triggered", stop_triggered),
        AccountScenario("account-lag", "cut; queries lag 3 s behind the stream", lagging_queries),
        AccountScenario("account-failed-pages", "cut; pages of queries fail", failing_pages),
    ]
