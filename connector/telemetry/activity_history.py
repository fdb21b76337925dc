"""What /status shows of the last minutes of a market worker: rates by kind, and lags."""

import asyncio
import time
from collections.abc import Callable, Mapping

from prometheus_client import Histogram

from connector.continuity.gap_account import ProductKind
from connector.telemetry.history import QuantileHistory, RateHistory
from connector.telemetry.lag import BUCKETS, Lag, bucket_counts

STEP_S = 5.0
RATE_STEPS = 60  # five minutes
LAG_STEPS = 12  # one minute


class ActivityHistory:
    """Looks at counters every few seconds.

    Args:
        published: Returns (product, kind) -> events published since the start.
        lag: The lags.
    """

    def __init__(self, published: Callable[[], Mapping[ProductKind, float]], lag: Lag) -> None:
        self._published = published
        self._rates: RateHistory[ProductKind] = RateHistory(RATE_STEPS)
        histograms: dict[str, Histogram] = {
            "source": lag.source,
            "publish": lag.publish,
            "end_to_end": lag.end_to_end,
        }
        self._lags = {
            name: (histogram, QuantileHistory(BUCKETS, LAG_STEPS))
            for name, histogram in histograms.items()
        }

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(STEP_S)

    def look(self) -> None:
        """Take the counters as they are now."""
        self._rates.add(time.monotonic(), self._published())
        for histogram, history in self._lags.values():
            history.add(bucket_counts(histogram))

    def rates(self) -> dict[str, list[float]]:
        """Return `product.kind` -> events a second in each step, the oldest first."""
        return {
            f"{product}.{kind}": [round(rate, 1) for rate in self._rates.rates((product, kind))]
            for product, kind in sorted(self._published())
        }

    def lags(self) -> dict[str, dict[str, float | None]]:
        """Return each lag of a record: its median and 99th percentile of the last minute, in s.

        They are upper bounds of buckets; None: no record.
        """
        return {
            name: {"p50": history.quantile(0.5), "p99": history.quantile(0.99)}
            for name, (_, history) in self._lags.items()
        }
