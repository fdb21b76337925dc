"""A snapshot joins the stream's changes, or it is asked for again."""

import json
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from connector.backfill.book_snapshots import BookSnapshots
from connector.backfill.scheduler import Job
from connector.binance.products import Product
from connector.binance.stream_name import parse
from connector.codec.rest_rows import RestEvent
from connector.continuity.rest_requests import SnapshotBook
from connector.continuity.series import Series
from connector.errors import Refused
from tests.support.backfill import PreparedRest, series_of


def body(update_id: int) -> bytes:
    return json.dumps({"lastUpdateId": update_id, "bids": [], "asks": []}).encode()


@dataclass
class Stage(PreparedRest):
    """What a scheduler, a publisher and REST are to snapshots.

    Attributes:
        refused: Snapshots that go to the dead letter.
    """

    jobs: list[Job] = field(default_factory=list)
    written: list[tuple[int, str | None]] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        self.books = BookSnapshots(self, self, 3_600.0)  # type: ignore[arg-type]

    def add(self, job: Job) -> None:
        self.jobs.append(job)

    async def publish(
        self, series: Series, event: RestEvent, gap_id: str | None, origin: str
    ) -> bool:
        del series
        assert origin == "snapshot"
        if self.refused:
            self.refused -= 1
            return False
        self.written.append((event.last, gap_id))
        return True

    async def steps(self, number: int = 0) -> list[float | None]:
        """Make the steps of a job; return what each of them returned."""
        waits: list[float | None] = []
        while not waits or waits[-1] is not None:
            waits.append(await self.jobs[number].step(self))
        return waits


def depth(name: str = "btcusdt@depth", product: Product = "spot") -> Series:
    return series_of(parse(product, name))


async def test_a_book_that_is_older_than_the_stream_is_asked_for_again() -> None:
    stage = Stage([body(90), body(99), body(100)])
    stage.books.request(SnapshotBook(depth(), "g", 100))

    assert await stage.steps() == [0.25, 0.5, None]
    assert (stage.written, stage.books.published) == ([(100, "g")], 1)


@pytest.mark.parametrize("bad", [b"<html>", b"", b"[]", b"{}", b'{"lastUpdateId":'])
async def test_a_book_that_is_none_is_asked_for_again(bad: bytes) -> None:
    stage = Stage([bad, bad, body(100)])
    stage.books.request(SnapshotBook(depth(), None, 100))

    assert await stage.steps() == [0.25, 0.5, None]
    assert stage.written == [(100, None)]


async def test_a_book_that_cannot_become_a_record_is_asked_for_again() -> None:
    stage = Stage([body(100), body(101)], refused=1)
    stage.books.request(SnapshotBook(depth(), None, 100))

    assert await stage.steps() == [0.25, None]
    assert (stage.written, stage.books.published) == ([(101, None)], 1)


async def test_a_call_that_is_refused_is_not_made_again() -> None:
    stage = Stage([Refused("-1121 Invalid symbol.")])
    stage.books.request(SnapshotBook(depth(), None, 100))

    assert await stage.steps() == [None]
    assert stage.written == []


async def test_a_book_that_takes_long_is_logged_once_and_when_it_has_joined() -> None:
    stage = Stage([*[body(1)] * 9, body(100)])
    stage.books.request(SnapshotBook(depth(), None, 100))
    with capture_logs() as logs:
        waits = await stage.steps()

    assert waits[:3] == [0.25, 0.5, 1.0]
    late, joined = logs
    assert (late["event"], late["cause"]) == (
        "book_late",
        "REST's book is of id 1, the stream's of 100",
    )
    assert (joined["event"], joined["seconds"]) == ("book_joined", 123.8)


async def test_the_two_newest_requests_count() -> None:
    """A change that shows two gaps carries the id of the first one: both have a snapshot."""
    stage, series = Stage([body(300), body(300)]), depth()
    for gap, since in (("a", 100), ("b", 200), ("c", 201)):
        stage.books.request(SnapshotBook(series, gap, since))
    for number in range(3):
        assert await stage.steps(number) == [None]

    assert stage.written == [(300, "b"), (300, "c")]


async def test_a_stream_that_ended_needs_no_book() -> None:
    stage, series = Stage(), depth()
    stage.books.request(SnapshotBook(series, None, 100))
    series.ended = series.edges("plan_changed")

    assert await stage.steps() == [None]
    assert stage.pages == []


async def levels_asked(series: Series, *refused: int) -> list[int]:
    """Return the levels of each call, when Kafka refuses books with so many levels."""
    stage = Stage([body(100)] * (len(refused) + 2))
    requests: list[int | None] = [None, *refused, None]  # the last one at the interval
    for levels in requests:
        jobs = len(stage.jobs)
        stage.books.request(SnapshotBook(series, None, 100, levels))
        for number in range(jobs, len(stage.jobs)):
            await stage.steps(number)
    return [int(page.params["limit"]) for page in stage.pages]


@pytest.mark.parametrize(
    ("refused", "asked"),
    [
        ((), [1_000, 1_000]),
        ((5_000,), [1_000, 1_000, 1_000]),
        ((800, 500), [1_000, 500, 100, 100]),
        ((5,), [1_000]),
    ],
)
async def test_a_refused_book_is_asked_for_with_fewer_levels_from_then_on(
    refused: tuple[int, ...], asked: list[int]
) -> None:
    assert await levels_asked(depth(), *refused) == asked


async def test_a_larger_book_that_was_on_its_way_does_not_raise_the_levels_again() -> None:
    assert await levels_asked(depth(), 349, 548) == [1_000, 100, 100]


async def test_a_book_that_rest_gives_whole_alone_is_not_asked_for_again() -> None:
    assert await levels_asked(depth("btcusdt@rpiDepth@500ms", "usdm"), 900) == [1_000]
