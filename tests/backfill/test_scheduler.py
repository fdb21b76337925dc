"""What was missed is fetched through the real REST client from the lab, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from connector.backfill.job import BackfillJob, BackfillResult, Gap
from connector.backfill.pages import Span
from connector.backfill.scheduler import BATCH_EVENTS, BackfillScheduler, BookSnapshotJob
from connector.binance.products import PRODUCTS, Bases
from connector.binance.stream_name import Stream, parse
from connector.codec.rest_rows import RestEvent
from connector.errors import Refused
from connector.lab.market import Market
from connector.lab.rest import Rest as LabRest
from connector.lab.rest import routes
from connector.transport.rest import RestClient
from tests.support.waiting import until

pytestmark = pytest.mark.lab
NOW_S = 1_795_000_030.0  # in the middle of a minute
KEY = "k" * 64


@dataclass
class World:
    """The lab, a client of it, and what the backfill hands over."""

    market: Market
    lab: LabRest
    rest: RestClient
    backfill: BackfillScheduler
    now_s: float = NOW_S
    delivered: list[tuple[Gap | BookSnapshotJob, list[RestEvent]]] = field(default_factory=list)
    outcomes: list[BackfillResult] = field(default_factory=list)
    on_deliver: Callable[[], None] = lambda: None

    def make(self, stream: Stream, events: int, step_ms: int = 10) -> list[int]:
        """Let the market make events until now; return their ids or opening times."""
        begin = int(self.now_s * 1000) - events * step_ms
        made = [
            self.market.next_events(stream, begin + number * step_ms)[0] for number in range(events)
        ]
        return [event.identity[0] for event in made]

    def gap(self, stream: Stream, first: int, last: int, *, age_s: float = 60.0) -> Gap:
        symbol = (stream.symbol or next(iter(stream.parameters.values()))).upper()
        before = int((self.now_s - age_s) * 1000)
        return Gap(f"{stream.name}/{first}", stream, symbol, Span(first, last), before, before + 5)

    def ids(self, gap: Gap) -> list[int]:
        return [one.first for owner, some in self.delivered if owner is gap for one in some]

    def states(self) -> list[tuple[str, int, int]]:
        return [(one.state, one.missing, one.recovered) for one in self.outcomes]


@contextlib.asynccontextmanager
async def world_of(api_key: str | None = None, share: float = 1.0) -> AsyncIterator[World]:
    market = Market(3)
    lab = LabRest(market, routes(market))
    await lab.start()
    bases = {product: Bases(("ws://unused",), lab.url) for product in PRODUCTS}
    rest = RestClient(bases, api_key=api_key, clock=lambda: made.now_s)
    lab.clock = lambda: made.now_s
    await rest.start()

    async def deliver(what: BackfillJob | BookSnapshotJob, some: list[RestEvent]) -> None:
        made.delivered.append((what.gap if isinstance(what, BackfillJob) else what, some))
        made.on_deliver()

    async def settle(outcome: BackfillResult) -> None:
        made.outcomes.append(outcome)

    backfill = BackfillScheduler(
        rest, deliver, settle, weight_share=share, clock=lambda: made.now_s
    )
    made = World(market, lab, rest, backfill)
    running = asyncio.create_task(backfill.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await rest.close()
        await lab.stop()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with world_of() as made:
        yield made


async def settled(world: World) -> None:
    async with asyncio.timeout(10):
        await world.backfill.idle()


TRADES = parse("spot", "btcusdt@trade")


async def test_a_gap_of_several_pages_is_filled_in_order(world: World) -> None:
    made = world.make(TRADES, 3_000)
    gap = world.gap(TRADES, made[100], made[2_599])
    world.backfill.add(gap)
    await settled(world)

    assert world.ids(gap) == made[100:2_600]
    assert world.states() == [("filled", 2_500, 2_500)]
    assert [call.weight for call in world.lab.asked] == [25, 25, 25]
    assert (world.backfill.recovered, world.backfill.waiting) == (2_500, 0)
    assert world.backfill.outcomes == {"filled": 1}


async def test_events_come_a_few_at_a_time(world: World) -> None:
    made = world.make(TRADES, 500)
    world.backfill.add(world.gap(TRADES, made[0], made[-1]))
    await settled(world)
    assert {len(some) for _, some in world.delivered} == {BATCH_EVENTS}


async def test_candles_are_filled_by_their_times(world: World) -> None:
    stream = parse("coinm", "btcusd@indexPriceKline_1m")
    made = sorted(set(world.make(stream, 200, 30_000)))
    gap = world.gap(stream, made[3], made[-3])
    world.backfill.add(gap)
    await settled(world)
    assert world.ids(gap) == made[3:-2]
    assert [one.state for one in world.outcomes] == ["filled"]


async def test_what_rest_has_forgotten_is_said_to_be_gone(world: World) -> None:
    world.market.history.retention = 50
    made = world.make(TRADES, 300)
    late, early = world.gap(TRADES, made[200], made[299]), world.gap(TRADES, made[0], made[99])
    world.backfill.add(late)
    await settled(world)
    world.backfill.add(early)
    await settled(world)

    assert world.ids(late) == made[250:]
    assert world.ids(early) == []
    assert world.states() == [("partial", 100, 50), ("unfillable", 100, 0)]
    assert world.outcomes[0].detail == f"REST has nothing before {made[250]}: 50 are gone for good"


async def test_without_a_key_old_futures_trades_are_unfillable_and_it_is_said_why() -> None:
    stream = parse("usdm", "btcusdt@trade")
    async with world_of() as world:
        made = world.make(stream, 300)
        world.backfill.add(world.gap(stream, made[0], made[-1]))
        await settled(world)
        assert world.states() == [("unfillable", 300, 0)]
        assert "backfill.api_key_file" in world.outcomes[0].detail
        assert list(world.lab.asked) == []


async def test_with_a_key_they_are_filled_but_for_ids_that_are_never_listed() -> None:
    stream = parse("usdm", "btcusdt@trade")
    async with world_of(KEY) as world:
        made = world.make(stream, 900)
        gap = world.gap(stream, made[10], made[-10])
        world.backfill.add(gap)
        await settled(world)

        known = world.market.history.known("usdm", "trade", "BTCUSDT", 0)
        listed = {one.id for one in known} & set(made[10:-9])
        assert len(listed) < len(made[10:-9])
        assert world.ids(gap) == sorted(listed)
        assert world.states() == [("filled", len(made[10:-9]), len(listed))]
        assert all(call.keyed for call in world.lab.asked)


async def test_options_are_filled_as_far_as_the_latest_trades_reach(world: World) -> None:
    stream = parse("options", "btc-261225-100000-c@optionTrade")
    made = world.make(stream, 700)
    gap = world.gap(stream, made[150], made[249])
    world.backfill.add(gap)
    await settled(world)
    assert world.ids(gap) == made[200:250]
    assert world.states() == [("partial", 100, 50)]


async def test_what_lies_beyond_the_look_back_is_not_asked_for(world: World) -> None:
    stream = parse("usdm", "btcusdt@aggTrade")
    made = world.make(stream, 10)
    world.backfill.add(world.gap(stream, made[0], made[-1], age_s=90_000))
    await settled(world)
    assert [one.detail for one in world.outcomes] == ["older than REST looks back"]
    assert list(world.lab.asked) == []


async def test_a_stream_without_a_past_is_settled_at_once(world: World) -> None:
    stream = parse("spot", "btcusdt@bookTicker")
    world.backfill.add(world.gap(stream, 1, 2))
    await settled(world)
    assert world.states() == [("unfillable", 2, 0)]
    assert "only its present state" in world.outcomes[0].detail


async def test_what_expires_soonest_goes_first_then_the_newest(world: World) -> None:
    mine, other = parse("usdm", "btcusdt@aggTrade"), parse("usdm", "ethusdt@aggTrade")
    candles = parse("usdm", "btcusdt@kline_1m")
    ids, others = world.make(mine, 50), world.make(other, 50)
    opened = sorted(set(world.make(candles, 20, 30_000)))
    gaps = [
        world.gap(candles, opened[0], opened[1], age_s=500),  # never expires, older
        world.gap(candles, opened[3], opened[3], age_s=100),  # never expires, newer
        world.gap(mine, ids[0], ids[9], age_s=50),
        world.gap(other, others[0], others[9], age_s=80_000),
    ]
    for gap in gaps:
        world.backfill.add(gap)
    await settled(world)
    order = [one.gap for one in world.outcomes]
    assert order == [gaps[3], gaps[2], gaps[1], gaps[0]]


async def test_something_urgent_overtakes_between_two_pages(world: World) -> None:
    made = world.make(TRADES, 3_000)
    old = world.gap(TRADES, made[0], made[1_999], age_s=500)
    new = world.gap(TRADES, made[2_500], made[2_509], age_s=1)

    def once() -> None:
        world.on_deliver = lambda: None
        world.backfill.add(new)

    world.on_deliver = once
    world.backfill.add(old)
    await settled(world)
    assert [one.gap for one in world.outcomes] == [new, old]
    assert world.ids(old) == made[:2_000]


@pytest.mark.parametrize("status", [429, 418, 503])
async def test_a_refusal_is_waited_out_and_nothing_is_lost(world: World, status: int) -> None:
    made = world.make(TRADES, 1_500)
    gap = world.gap(TRADES, made[0], made[-1])
    world.lab.refuse(status, 1 if status != 503 else None)
    world.backfill.add(gap)
    await until(lambda: world.backfill.failures == 1)
    world.now_s += 1.5  # the client's clock: the time to stay away is over
    await settled(world)
    assert world.ids(gap) == made
    assert world.states() == [("filled", 1_500, 1_500)]


async def test_only_a_share_of_the_weight_is_used() -> None:
    async with world_of(share=0.01) as world:  # 60 of 6,000 a minute: two calls of 25
        made = world.make(TRADES, 3_500)
        gap = world.gap(TRADES, made[0], made[-1])
        world.backfill.add(gap)
        await until(lambda: len(world.ids(gap)) == 2_000)
        await asyncio.sleep(0.2)
        assert len(world.lab.asked) == 2
        world.now_s += 60.0
        await settled(world)
        assert world.ids(gap) == made


@pytest.mark.parametrize(
    ("waits", "goes", "refusal"),
    [
        (TRADES, parse("usdm", "btcusdt@aggTrade"), (429, 30)),  # the pool is told to stay away
        (parse("coinm", "btcusd_perp@aggTrade"), parse("usdm", "btcusdt@aggTrade"), (502, None)),
    ],
)
async def test_a_product_that_waits_holds_up_no_other(
    world: World, waits: Stream, goes: Stream, refusal: tuple[int, int | None]
) -> None:
    made, others = world.make(waits, 10), world.make(goes, 10)
    world.lab.refuse(*refusal, times=1)
    world.backfill.add(world.gap(waits, made[0], made[-1], age_s=70_000))
    await until(lambda: world.backfill.failures == 1)
    world.lab.refuse(502, times=0)
    world.backfill.add(world.gap(goes, others[0], others[-1]))
    await until(lambda: len(world.outcomes) >= 1)
    assert world.outcomes[0].gap.stream == goes


async def test_a_book_is_delivered_with_its_last_id(world: World) -> None:
    stream = parse("spot", "btcusdt@depth@100ms")
    world.make(stream, 5)
    wanted = BookSnapshotJob(stream, "BTCUSDT", "g", 100)
    world.backfill.want(wanted)
    await settled(world)
    [(owner, [book])] = world.delivered
    assert owner is wanted
    assert book.last == world.market.book("spot", "BTCUSDT").update_id
    assert [call.weight for call in world.lab.asked] == [5]


async def test_a_book_nobody_can_have_is_refused_when_it_is_asked_for(world: World) -> None:
    with pytest.raises(Refused, match="no book"):
        world.backfill.want(BookSnapshotJob(TRADES, "BTCUSDT"))


async def test_a_book_of_a_delisted_symbol_is_given_up(world: World) -> None:
    world.backfill.want(BookSnapshotJob(parse("spot", "gone@depth"), "GONE"))
    await settled(world)
    assert (world.delivered, world.backfill.waiting) == ([], 0)
