"""What all sessions of a worker share."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from connector.continuity.marker import GapReason
from connector.continuity.quiet_series import QuietListener
from connector.continuity.series import Series
from connector.feed.pipeline import Pipeline
from connector.telemetry.ledger import Ledger
from connector.transport.connect_limiter import ConnectLimiter
from connector.transport.read_pacer import ReadPacer
from connector.transport.ws_requests import RequestPace

OnQuiet = Callable[[Series, QuietListener], None]


@dataclass(slots=True)
class SessionContext:
    """What all sessions of a worker share.

    Attributes:
        pipeline: Takes the frames.
        ledger: The accounts.
        limiter: Attempts, handovers and bans per host.
        on_quiet: Called with a series that is not delivered, and with what is to be told of what
            REST knows of it.
        proxy: URL of an HTTP proxy that every connection goes through; may hold a password.
        tls: Whom connections trust; None: the system's authorities.
        life_s: Seconds after which the exchange closes any connection.
        closing: Why a connection is given up: plan_changed; restart once the worker stops.
        pace: Size and time-out of the requests of all connections.
        read_pacer: Spaces the reads of all connections.
    """

    pipeline: Pipeline
    ledger: Ledger
    limiter: ConnectLimiter
    on_quiet: OnQuiet
    proxy: str | None = None
    tls: ssl.SSLContext | None = None
    life_s: float = 86_400.0
    closing: GapReason = "plan_changed"
    pace: RequestPace = field(default_factory=RequestPace)
    read_pacer: ReadPacer = field(default_factory=ReadPacer)

    @staticmethod
    def now_ms() -> int:
        """Return our clock, epoch milliseconds."""
        return time.time_ns() // 1_000_000
