"""The two measurements that are not rounds: the highest rate held, and Kafka away."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.measure import Bench, Case, Figures, measure, running
from bench.processes import Trouble, pause

SETTLE_S = 20.0  # how long the connector may take to catch up when Kafka is back
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Highest:
    """The highest rate held by a subject.

    Attributes:
        rate: Frames a second; None when not even the first was held.
        limit: What ended the search: subject, or generator (then the rate is "at least").
    """

    case: Case
    rate: float | None
    limit: str


def saturate(
    bench: Bench, case: Case, warm_s: float, seconds: float, step: float
) -> Iterator[Figures | Highest]:
    """Raise the rate step by step until something gives; yield each run, then the answer."""
    rate, best = bench.loads[case.load].rate, None
    while True:
        try:
            figures = measure(bench, replace(case, rate=rate), warm_s, seconds)
        except Trouble:  # so far behind that it answers nothing
            yield Highest(case, best, "subject")
            return
        yield figures
        if figures.void or not figures.held:
            yield Highest(case, best, "generator" if figures.void else "subject")
            return
        best, rate = rate, rate * step


@dataclass(frozen=True, slots=True)
class Away:
    """What happened while Kafka stood still.

    Attributes:
        seconds: How long it did.
        hold_mb: Bound of the queue.
        rss_mb: Largest resident memory from then until it had caught up.
        queued: Most frames waiting.
        dropped: Frames dropped; counted, as the queue was full.
        unaccounted: Frames that no count explains: must be 0.
        caught_up: Whether the queue was empty again in time.
    """

    seconds: float
    hold_mb: float
    rss_mb: float
    queued: int
    dropped: int
    unaccounted: int
    caught_up: bool


def kafka_away(bench: Bench, case: Case, warm_s: float, seconds: float, hold_bytes: int) -> Away:
    """Stop the broker's process under load, for a while, and watch the connector."""
    with running(bench, replace(case, hold=str(hold_bytes))) as run:
        pause(warm_s)
        rss, queued = run.subject.rss_mb(), 0
        os.kill(run.broker.pid, signal.SIGSTOP)
        end = time.monotonic() + seconds
        caught_up, mark = False, run.subject.mark()
        while time.monotonic() < end + SETTLE_S and not caught_up:
            if time.monotonic() >= end:
                os.kill(run.broker.pid, signal.SIGCONT)
            pause(0.25)
            mark = run.subject.mark()
            rss, queued = max(rss, run.subject.rss_mb()), max(queued, mark["waiting"])
            caught_up = time.monotonic() >= end and not mark["waiting"]
    return Away(
        seconds=seconds,
        hold_mb=hold_bytes / MB,
        rss_mb=rss,
        queued=queued,
        dropped=mark["dropped"],
        unaccounted=mark["unaccounted"],
        caught_up=caught_up,
    )
