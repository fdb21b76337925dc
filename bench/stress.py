"""Stress tests: the highest rate a subject sustains, and memory during a broker outage."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.figures import Case, Figures
from bench.measure import Bench, measure, running
from bench.processes import ProcessFailed, pause

CATCH_UP_S = 20.0  # for the queue to be empty again after an outage
POLL_INTERVAL_S = 0.25
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class HighestRate:
    """The highest rate that a subject held.

    Attributes:
        rate: Frames a second; None: the first rate was not held.
        limit: "subject", or "generator": the subject may hold more than `rate`.
    """

    case: Case
    rate: float | None
    limit: str


def saturate(
    bench: Bench, case: Case, warm_s: float, seconds: float, step: float
) -> Iterator[Figures | HighestRate]:
    """Multiply the rate by `step` until it is not held; yield each run, then the highest rate."""
    rate, best = bench.loads[case.load].rate, None
    while True:
        try:
            figures = measure(bench, replace(case, rate=rate), warm_s, seconds)
        except ProcessFailed:  # so far behind that it does not answer
            yield HighestRate(case, best, "subject")
            return
        yield figures
        if figures.void or not figures.held:
            yield HighestRate(case, best, "generator" if figures.void else "subject")
            return
        best, rate = rate, rate * step


@dataclass(frozen=True, slots=True)
class Outage:
    """Figures of a broker outage.

    Attributes:
        seconds: Length of the outage.
        hold_mb: Bound of the queue.
        rss_mb: Largest resident memory from its begin until the queue was empty again.
        queued: Largest number of frames in the queue.
        dropped: Frames dropped and counted, because the queue was full.
        unaccounted: Frames in no count: must be 0.
        caught_up: The queue was empty again within CATCH_UP_S.
    """

    seconds: float
    hold_mb: float
    rss_mb: float
    queued: int
    dropped: int
    unaccounted: int
    caught_up: bool


def kafka_away(bench: Bench, case: Case, warm_s: float, seconds: float, hold_bytes: int) -> Outage:
    """Stop the broker's process under load (SIGSTOP), continue it, and return the figures."""
    with running(bench, replace(case, hold=str(hold_bytes))) as run:
        pause(warm_s)
        rss, queued = run.subject.rss_mb(), 0
        os.kill(run.broker.pid, signal.SIGSTOP)
        end = time.monotonic() + seconds
        caught_up, counts = False, run.subject.counts()
        while time.monotonic() < end + CATCH_UP_S and not caught_up:
            if time.monotonic() >= end:
                os.kill(run.broker.pid, signal.SIGCONT)
            pause(POLL_INTERVAL_S)
            counts = run.subject.counts()
            rss, queued = max(rss, run.subject.rss_mb()), max(queued, counts["waiting"])
            caught_up = time.monotonic() >= end and not counts["waiting"]
    return Outage(
        seconds=seconds,
        hold_mb=hold_bytes / MB,
        rss_mb=rss,
        queued=queued,
        dropped=counts["dropped"],
        unaccounted=counts["unaccounted"],
        caught_up=caught_up,
    )
