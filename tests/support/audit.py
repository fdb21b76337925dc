"""Made-up records and markers of one series, as `bkc verify` reads them."""

from typing import Any

from connector.binance.products import Product
from connector.binance.stream_name import parse_any
from connector.continuity.audit.coverage import Marker
from connector.continuity.audit.ranges import AFTER_ALL, BEFORE_ALL
from connector.continuity.audit.rules import rule_of
from connector.continuity.audit.series import AuditedSeries

HOUR_MS = 3_600_000
ALWAYS = (BEFORE_ALL, AFTER_ALL)


def series(
    product: Product = "spot", name: str = "btcusdt@trade", window: tuple[int, int] = ALWAYS
) -> AuditedSeries:
    """Return a series by its stream; spot trades by default."""
    stream = parse_any(product, name)
    return rule_of(stream)(stream, "BTCUSDT", window)


def marker(state: str = "opened", gap: str | None = "g1", **own: Any) -> Marker:
    """Return a marker without edges, but for those that are given."""
    edges = dict.fromkeys(("before_id", "after_id", "before_time", "after_time"))
    return Marker(
        **{"state": state, "reason": "connection_lost", "gap_id": gap, "marked_time": 0}
        | edges
        | own
    )


def live(audited: AuditedSeries, *ids: int | None, time: int = 0, gap: bytes | None = None) -> None:
    """Observe a live record."""
    audited.observe(time, b"live", gap, *ids)


def filled(audited: AuditedSeries, *ids: int | None, time: int = 0, gap: bytes = b"g1") -> None:
    """Observe a backfilled record."""
    audited.observe(time, b"backfill", gap, *ids)


def holes(audited: AuditedSeries) -> list[tuple[int, int, str]]:
    """Return first and last id, and the state, of each hole."""
    return [(hole.first, hole.last, hole.state) for hole in audited.hole_counts().examples]
