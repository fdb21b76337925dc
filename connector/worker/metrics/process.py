"""Metrics of the process, its log, its readiness and its config: the same for every worker."""

from collections.abc import Callable, Mapping
from typing import Protocol

from connector import version
from connector.codec.native.loader import CodecChoice
from connector.telemetry.event_loop import EventLoopLag
from connector.telemetry.metrics import MetricRow
from connector.telemetry.recent_events import LEVELS, RECENT
from connector.worker.metrics.rows import counts, histogram_row, row


class ProcessParts(Protocol):
    """What these rows read of a worker.

    Attributes:
        codec: Which code transcodes frames of market data.
        started_at: Epoch seconds of the start.
    """

    codec: CodecChoice
    event_loop: EventLoopLag
    started_at: float

    @property
    def readiness(self) -> Mapping[str, Callable[[], bool]]:
        """Parts of readiness by name."""


PROCESS: tuple[MetricRow[ProcessParts], ...] = (
    row(
        "bkc_build_info",
        "The program, and what transcodes market data: native or python.",
        lambda w: {(version(), w.codec.name): 1},
        "version",
        "codec",
    ),
    row("bkc_start_timestamp_seconds", "When the worker was made.", lambda w: w.started_at),
    row(
        "bkc_ready",
        "Each part of readiness.",
        lambda w: {(name,): is_met() for name, is_met in w.readiness.items()},
        "check",
    ),
    histogram_row(
        "bkc_event_loop_lag_seconds",
        "How late the event loop runs a timer.",
        lambda w: w.event_loop.lag,
    ),
    row(
        "bkc_log_lines_total",
        "Lines of the log, by level.",
        lambda _: counts(RECENT.lines, LEVELS),
        "level",
    ),
)
