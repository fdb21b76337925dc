"""Looks at this machine's clock beside the exchange's."""

from collections.abc import Collection

from connector.binance.products import Product
from connector.diagnostics.doctor.report import CheckResult
from connector.transport.exchange_clock import LARGE_OFFSET_MS, ExchangeClock

_CURE = "keep it by NTP (chrony, systemd-timesyncd)"


async def check_clock(clock: ExchangeClock, products: Collection[Product]) -> list[CheckResult]:
    """Compare this machine's clock with that of each product."""
    await clock.measure(products)
    return [_judged(product, clock.offsets_ms.get(product)) for product in products]


def _judged(product: Product, offset_ms: int | None) -> CheckResult:
    check = f"exchange.clock.{product}"
    if offset_ms is None:
        text = "the exchange did not tell its time"
        return CheckResult(check, "cannot tell", text, unreachable=True)
    if abs(offset_ms) <= LARGE_OFFSET_MS:
        return CheckResult(check, "ok", f"this machine's clock differs by {offset_ms} ms")
    text = (
        f"this machine's clock differs by {offset_ms} ms: receive times and lags are wrong by so"
        " much; signatures are corrected"
    )
    return CheckResult(check, "warn", text, _CURE)
