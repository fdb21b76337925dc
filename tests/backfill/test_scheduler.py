"""What was missed is fetched through the real REST client from the lab, over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from typing_extensions import override

from connector.backfill.pages import Span
from connector.backfill.scheduler import BackfillScheduler
from connector.binance.products import PRODUCTS, Bases
from connector.binance.stream_name import Stream, parse
from connector.codec.rest_rows import RestEvent
from connector.continuity.gap import Gap
from connector.errors import Retry
from connector.lab.clock import Clock
from connector.lab.market import Market
from connector.lab.rest import Rest as LabRest
from connector.transport.rest import RestClient
from tests.support.backfill import KeptJob, gap_around, series_of
from tests.support.waiting import in_time, until

pytestmark = pytest.mark.lab
NOW_S = 1_795_000_030.0  # in the middle of a minute
KEY = "k" * 64


@dataclass
class World:
    """The lab, a client of it, and the scheduler.

    Attributes:
        closed: Jobs in the order they were closed.
        overtaking: Added when the first events are delivered.
    """

    market: Market
    lab: LabRest
    rest: RestClient
    scheduler: BackfillScheduler
    now_s: float = NOW_S
    closed: list[KeptJob] = field(default_factory=list)
    overtaking: KeptJob | None = None

    def make(self, stream: Stream, events: int, step_ms: int = 10) -> list[int]:
        """Let the market make events until now; return their ids or open times."""
        begin = int(self.now_s * 1000) - events * step_ms
        made = [
            self.market.next_events(stream, begin + number * step_ms)[0] for number in range(events)
        ]
        return [event.identity[0] for event in made]

    def job(self, stream: Stream, first: int, last: int, *, age_s: float = 60.0) -> "WorldJob":
        """Return the job of a gap of so long ago."""
        symbol = (stream.symbol or next(iter(stream.parameters.values()))).upper()
        before = int((self.now_s - age_s) * 1000)
        gap = gap_around(stream, Span(first, last), before_ms=before, after_ms=before + 5)
        return WorldJob(self, stream, symbol, gap)

    def fill(self, stream: Stream, first: int, last: int, *, age_s: float = 60.0) -> "WorldJob":
        """Add the job of a gap."""
        job = self.job(stream, first, last, age_s=age_s)
        self.scheduler.add(job)
        return job

    async def all_closed(self) -> None:
        await in_time(self.scheduler.idle())


class WorldJob(KeptJob):
    """A job that tells its world when it is closed."""

    def __init__(self, world: World, stream: Stream, symbol: str, gap: Gap) -> None:
        super().__init__(series_of(stream, symbol), gap, world.now_s * 1000)
        self.world = world

    @override
    async def deliver(self, events: list[RestEvent]) -> None:
        await super().deliver(events)
        overtaking, self.world.overtaking = self.world.overtaking, None
        if overtaking is not None:
            self.world.scheduler.add(overtaking)

    @override
    async def close(self) -> None:
        await super().close()
        self.world.closed.append(self)


@contextlib.asynccontextmanager
async def world_of(api_key: str | None = None, share: float = 1.0) -> AsyncIterator[World]:
    market = Market(3)
    lab = LabRest(market, clock=Clock(lambda: made.now_s))
    await lab.start()
    bases = {product: Bases(("ws://unused",), lab.url) for product in PRODUCTS}
    rest = RestClient(bases, api_key=api_key, clock=lambda: made.now_s)
    await rest.start()
    scheduler = BackfillScheduler(rest, weight_share=share)
    made = World(market, lab, rest, scheduler)
    running = asyncio.create_task(scheduler.run())
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


TRADES = parse("spot", "btcusdt@trade")


async def test_a_gap_of_several_pages_is_filled_in_order(world: World) -> None:
    made = world.make(TRADES, 3_000)
    job = world.fill(TRADES, made[100], made[2_599])
    await world.all_closed()

    assert job.ids == made[100:2_600]
    assert job.outcome == ("filled", 2_500, 2_500)
    assert [call.weight for call in world.lab.asked] == [25, 25, 25]
    assert world.scheduler.waiting == 0


async def test_candles_are_filled_by_their_times(world: World) -> None:
    stream = parse("coinm", "btcusd@indexPriceKline_1m")
    made = sorted(set(world.make(stream, 200, 30_000)))
    job = world.fill(stream, made[3], made[-3])
    await world.all_closed()

    assert (job.ids, job.state) == (made[3:-2], "filled")


async def test_what_rest_has_no_more_is_reported_as_gone(world: World) -> None:
    world.market.history.retention = 50
    made = world.make(TRADES, 300)
    late = world.fill(TRADES, made[200], made[299])
    await world.all_closed()
    early = world.fill(TRADES, made[0], made[99])
    await world.all_closed()

    assert (late.ids, late.outcome) == (made[250:], ("partial", 100, 50))
    assert (early.ids, early.outcome) == ([], ("unfillable", 100, 0))
    assert late.detail == f"REST has nothing before {made[250]}: 50 are gone for good"


async def test_without_a_key_old_futures_trades_are_unfillable_for_that_reason() -> None:
    stream = parse("usdm", "btcusdt@trade")
    async with world_of() as world:
        made = world.make(stream, 300)
        job = world.fill(stream, made[0], made[-1])
        await world.all_closed()

        assert job.outcome == ("unfillable", 300, 0)
        assert "backfill.api_key_file" in job.detail
        assert list(world.lab.asked) == []


async def test_with_a_key_they_are_filled_but_for_ids_that_are_never_listed() -> None:
    stream = parse("usdm", "btcusdt@trade")
    async with world_of(KEY) as world:
        made = world.make(stream, 900)
        job = world.fill(stream, made[10], made[-10])
        await world.all_closed()

        known = world.market.history.known("usdm", "trade", "BTCUSDT", 0)
        listed = {event.id for event in known} & set(made[10:-9])
        assert len(listed) < len(made[10:-9])
        assert job.ids == sorted(listed)
        assert job.outcome == ("filled", len(made[10:-9]), len(listed))
        assert all(call.keyed for call in world.lab.asked)


async def test_options_are_filled_as_far_as_the_latest_trades_reach(world: World) -> None:
    stream = parse("options", "btc-261225-100000-c@optionTrade")
    made = world.make(stream, 700)
    job = world.fill(stream, made[150], made[249])
    await world.all_closed()

    assert (job.ids, job.outcome) == (made[200:250], ("partial", 100, 50))


async def test_what_lies_beyond_the_look_back_is_not_asked_for(world: World) -> None:
    stream = parse("usdm", "btcusdt@aggTrade")
    made = world.make(stream, 10)
    job = world.fill(stream, made[0], made[-1], age_s=90_000)
    await world.all_closed()

    assert job.detail == "older than REST looks back"
    assert list(world.lab.asked) == []


async def test_a_stream_without_a_past_is_closed_at_once(world: World) -> None:
    job = world.fill(parse("spot", "btcusdt@bookTicker"), 1, 2)
    await world.all_closed()

    assert job.outcome == ("unfillable", 2, 0)
    assert "only its present state" in job.detail


async def test_what_expires_soonest_goes_first_then_the_newest(world: World) -> None:
    agg, other = parse("usdm", "btcusdt@aggTrade"), parse("usdm", "ethusdt@aggTrade")
    candles = parse("usdm", "btcusdt@kline_1m")
    ids, others = world.make(agg, 50), world.make(other, 50)
    opened = sorted(set(world.make(candles, 20, 30_000)))
    jobs = [
        world.fill(candles, opened[0], opened[1], age_s=500),  # never expires, older
        world.fill(candles, opened[3], opened[3], age_s=100),  # never expires, newer
        world.fill(agg, ids[0], ids[9], age_s=50),
        world.fill(other, others[0], others[9], age_s=80_000),
    ]
    await world.all_closed()

    assert world.closed == [jobs[3], jobs[2], jobs[1], jobs[0]]


async def test_something_urgent_overtakes_between_two_pages(world: World) -> None:
    made = world.make(TRADES, 3_000)
    new = world.overtaking = world.job(TRADES, made[2_500], made[2_509], age_s=1)
    old = world.fill(TRADES, made[0], made[1_999], age_s=500)
    await until(lambda: len(world.closed) == 2)

    assert world.closed == [new, old]
    assert old.ids == made[:2_000]


@pytest.mark.parametrize("status", [429, 418, 503])
async def test_a_refusal_is_waited_out_and_nothing_is_lost(world: World, status: int) -> None:
    made = world.make(TRADES, 1_500)
    world.lab.refuse(status, 1 if status != 503 else None)
    job = world.fill(TRADES, made[0], made[-1])
    await until(lambda: world.scheduler.failures >= 1)
    world.now_s += 1.5  # the client's clock: the ban is over
    await world.all_closed()

    assert (job.ids, job.outcome) == (made, ("filled", 1_500, 1_500))


async def test_only_a_share_of_the_weight_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.transport.weight_pool.POLL_INTERVAL_S", 0.01)
    async with world_of(share=0.01) as world:  # 60 of 6,000 a minute: two calls of 25
        made = world.make(TRADES, 3_500)
        job = world.fill(TRADES, made[0], made[-1])
        await until(lambda: len(job.ids) == 2_000)
        await asyncio.sleep(0.2)
        assert len(world.lab.asked) == 2
        world.now_s += 60.0
        await world.all_closed()

        assert job.ids == made


@pytest.mark.parametrize(
    ("waits", "path", "refusal"),
    [
        (TRADES, "/api", (429, 30)),  # the pool is banned
        (parse("coinm", "btcusd_perp@aggTrade"), "/dapi", (502, None)),
    ],
)
async def test_a_product_that_waits_holds_up_no_other(
    world: World, waits: Stream, path: str, refusal: tuple[int, int | None]
) -> None:
    goes = parse("usdm", "btcusdt@aggTrade")
    made, others = world.make(waits, 10), world.make(goes, 10)
    world.lab.refuse(*refusal, times=1_000, path=path)
    world.fill(waits, made[0], made[-1], age_s=70_000)
    await until(lambda: world.scheduler.failures >= 1)
    job = world.fill(goes, others[0], others[-1])
    await until(lambda: len(world.closed) >= 1)

    assert world.closed[0] is job


async def test_what_a_job_raises_ends_the_run(world: World) -> None:
    class Failing(WorldJob):
        @override
        async def deliver(self, events: list[RestEvent]) -> None:
            raise Retry("Kafka does not answer")

    made = world.make(TRADES, 10)
    scheduler = BackfillScheduler(world.rest)
    gap = world.job(TRADES, made[0], made[-1]).gap
    scheduler.add(Failing(world, TRADES, "BTCUSDT", gap))

    with pytest.raises(ExceptionGroup) as raised:
        await scheduler.run()

    assert isinstance(raised.value.exceptions[0], Retry)
    assert scheduler.failures == 0
