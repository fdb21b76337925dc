"""How many levels a book is asked for, once Kafka has refused one."""

from typing import cast

import pytest

from connector.backfill.book_snapshots import BookSnapshotJob, BookSnapshots
from connector.backfill.publisher import RestEventPublisher
from connector.backfill.scheduler import BackfillScheduler
from connector.binance.products import Product
from connector.binance.stream_name import parse
from tests.support.backfill import series_of


class Jobs:
    """A scheduler that keeps its jobs."""

    def __init__(self) -> None:
        self.jobs: list[BookSnapshotJob] = []

    def add(self, job: BookSnapshotJob) -> None:
        self.jobs.append(job)


def levels_asked(product: Product, name: str, *refused: int) -> list[int | None]:
    """Return the levels of each call, when Kafka refuses books with so many levels."""
    scheduler = Jobs()
    series = series_of(parse(product, name))
    publisher = cast("RestEventPublisher", None)  # nothing is fetched
    books = BookSnapshots(cast("BackfillScheduler", scheduler), publisher, 60.0)
    books.request(series, None)
    for levels in refused:
        books.request(series, "00ff", levels)
    books.request(series, None)  # the next time at the interval
    return [job.levels for job in scheduler.jobs]


@pytest.mark.parametrize(
    ("name", "refused", "asked"),
    [
        ("btcusdt@depth", (), [None, None]),
        ("btcusdt@depth", (5_000,), [None, 1_000, 1_000]),
        ("btcusdt@depth", (800, 500), [None, 500, 100, 100]),
        ("btcusdt@depth", (5,), [None]),
    ],
)
def test_a_refused_book_is_asked_for_with_fewer_levels_from_then_on(
    name: str, refused: tuple[int, ...], asked: list[int | None]
) -> None:
    assert levels_asked("spot", name, *refused) == asked


def test_a_book_that_rest_gives_whole_alone_is_not_asked_for_again() -> None:
    assert levels_asked("usdm", "btcusdt@rpiDepth@500ms", 900) == [None]
